"""The language of cases: a world of tasks, their calls, and the trace that is left."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .linux import CLONE_NEWIPC
from .normalise import Normaliser
from .rows import ARGUMENTS

PATIENCE_S = 10.0
Scenario = Callable[["World"], None]
Entry = dict[str, Any]


class Driver(Protocol):
    """What runs the calls of one world: tasks are pids, a task has one call in flight."""

    root: int

    def begin(self, pid: int, name: str, args: dict[str, Any]) -> None:
        """Start a call. When this returns, it and all that it woke have returned or sleep."""

    def answer(self, pid: int) -> dict[str, Any] | None:
        """``{"ret", "out"?}``, ``{"errno"}`` or ``{"died"}`` of a task's last call; None while it sleeps."""

    def wait(self, pid: int, seconds: float) -> None:
        """Let time pass until a task's call has returned, this long at most."""

    def adopt(self, pid: int) -> None:
        """Take over a task that a fork has just made."""

    def alive(self, pid: int) -> bool:
        """Whether a task has not ended."""


@dataclass(frozen=True)
class Case:
    """One scenario, by its group (the module) and its name."""

    group: str
    name: str
    scenario: Scenario

    @property
    def in_order(self) -> bool:
        """Whether its tasks are to run in the order in which they are woken (see ``native.world``)."""
        return self.group.startswith("sysv")

    def run(self, driver: Driver, trace: list[Entry]) -> None:
        """Run it; ``trace`` is where it leaves its steps, as far as it comes."""
        self.scenario(World(driver, trace))


CASES: dict[str, Case] = {}


def case(scenario: Scenario) -> Scenario:
    """Declare a function to be a case: ``group.name`` by its module and itself."""
    group = scenario.__module__.rpartition(".")[2]
    made = Case(group, scenario.__name__, scenario)
    if f"{group}.{made.name}" in CASES:
        raise ValueError(f"there are two cases {group}.{made.name}")
    CASES[f"{group}.{made.name}"] = made
    return scenario


def load() -> dict[str, Case]:
    """Every case there is."""
    from . import cases

    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    return CASES


@dataclass(frozen=True)
class Result:
    """What a call came to."""

    ret: int | None = None
    out: Any = None
    errno: str | None = None


class Sleeps(AssertionError):  # noqa: N818 - it says what the call does
    """A call that should have returned sleeps."""


class World:
    """One world, on whatever target. ``trace`` is what happened in it so far."""

    def __init__(self, driver: Driver, trace: list[Entry]) -> None:
        self.driver = driver
        self.trace = trace
        self.normalise = Normaliser()
        self.pending: list[Pending] = []
        self.root = Task(self, driver.root, "root")

    def note(self, who: Task, what: str, answer: dict[str, Any] | None, name: str, args: dict[str, Any] | None) -> None:
        """Keep an entry, with the tasks whose sleeping calls it let go on."""
        entry: Entry = {"by": who.name, what: name}
        if args:
            entry["args"] = self.normalise.arguments(args)
        entry |= {"sleeps": True} if answer is None else self.normalise.answer(name, answer)
        woke = [pending for pending in self.pending if pending.answer is not None]
        if woke and what == "call":
            entry["woke"] = [pending.task.name for pending in woke]
        self.pending = [pending for pending in self.pending if pending.answer is None]
        self.trace.append(entry)


class Task:
    """A task of a world. ``task.msgget(key, flags)`` makes a call, ``task.start.msgget(...)`` one that sleeps."""

    def __init__(self, world: World, pid: int, name: str) -> None:
        self.world, self.pid, self.name = world, pid, name
        world.normalise.tasks[pid] = name

    @property
    def start(self) -> Start:
        """The calls of this task that are to sleep."""
        return Start(self)

    def __getattr__(self, name: str) -> Callable[..., Result]:
        if name not in ARGUMENTS:
            raise AttributeError(name)

        def call(*values: Any, **named: Any) -> Result:
            args = self._begin(name, values, named)
            answer = self.world.driver.answer(self.pid)
            self.world.note(self, "call", answer, name, args)
            if answer is None:
                raise Sleeps(f"{self.name}'s {name} sleeps")
            return Result(answer.get("ret"), answer.get("out"), answer.get("errno"))

        return call

    def _begin(self, name: str, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        args = dict(zip(ARGUMENTS[name], values, strict=False)) | named
        plain = {key: value.pid if isinstance(value, Task) else value for key, value in args.items()}
        self.world.driver.begin(self.pid, name, plain)
        return args

    def fork(self, name: str, **how: Any) -> Task:
        """A child of this task, which has to come into being."""
        args = self._begin("fork", (), how)
        answer = self.world.driver.answer(self.pid) or {}
        if "ret" not in answer:
            raise AssertionError(f"{self.name} could not fork {name}: {answer}")
        self.world.driver.adopt(answer["ret"])
        child = Task(self.world, answer["ret"], name)
        self.world.note(self, "call", answer, "fork", args)
        return child

    def exit(self) -> None:
        """End this task."""
        self.world.driver.begin(self.pid, "exit_group", {"status": 0})
        self.world.note(self, "call", {"died": True}, "exit_group", None)

    def alive(self) -> None:
        """Note whether this task lives."""
        lives = self.world.driver.alive(self.pid)
        self.world.note(self, "alive", {"ret": int(lives)}, "", None)


class Start:
    """``task.start.NAME(...)``: a call that is to sleep; the trace says whether it does."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Callable[..., Pending]:
        if name not in ARGUMENTS:
            raise AttributeError(name)

        def begin(*values: Any, **named: Any) -> Pending:
            task = self._task
            args = task._begin(name, values, named)
            pending = Pending(task, name)
            task.world.note(task, "call", pending.answer, name, args)
            if pending.answer is None:
                task.world.pending.append(pending)
            return pending

        return begin


class Pending:
    """A call that was started and may sleep."""

    def __init__(self, task: Task, name: str) -> None:
        self.task, self.name = task, name
        self._driver = task.world.driver

    @property
    def answer(self) -> dict[str, Any] | None:
        """What it has come to, None while it sleeps."""
        return self._driver.answer(self.task.pid)

    def result(self) -> Result:
        """What it comes to; time passes until then where it has to."""
        if self.answer is None:
            self._driver.wait(self.task.pid, PATIENCE_S)
        answer = self.answer
        self.task.world.note(self.task, "returns", answer, self.name, None)
        if answer is None:
            raise Sleeps(f"{self.task.name}'s {self.name} sleeps on")
        return Result(answer.get("ret"), answer.get("out"), answer.get("errno"))

    def sleeps(self) -> None:
        """Note whether it still sleeps."""
        self.task.world.note(self.task, "returns", self.answer, self.name, None)


def after(seconds: float) -> dict[str, int]:
    """A point in time this far from the call that is given it, or (of a relative timeout) this long."""
    return {"after_ns": int(seconds * 10**9)}


def own_namespace() -> dict[str, int]:
    """How to fork into an IPC namespace of one's own."""
    return {"unshare": CLONE_NEWIPC}
