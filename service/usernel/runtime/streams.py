"""Who listens to what leaves the kernel beside the results of calls: signals, notifications, ends of tasks."""

from __future__ import annotations

from collections.abc import Callable

from usernel.kernel.outputs import Output

from .isolated import isolated

Listener = Callable[[Output], None]


class Streams:
    """Listeners by task. Each is called on the event loop, in the order in which things happened."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: dict[int, list[Listener]] = {}

    def subscribe(self, pid: int, listener: Listener) -> Callable[[], None]:
        """Hear what happens to a task; the answer ends it."""
        self._listeners.setdefault(pid, []).append(listener)

        def unsubscribe() -> None:
            listeners = self._listeners.get(pid, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(pid, None)

        return unsubscribe

    def publish(self, output: Output) -> None:
        """Tell those who listen to the task."""
        for listener in list(self._listeners.get(output.pid, ())):
            isolated(listener, output)

    def stat(self) -> dict[str, int]:
        """How many listen."""
        return {"listeners": sum(map(len, self._listeners.values()))}
