"""The language of cases: a world of tasks, their calls, and the trace that is left."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from .linux import CLONE_NEWIPC, SIGCHLD
from .normalise import Normaliser
from .rows import ARGUMENTS

PATIENCE_S = 10.0
NOBODY = 4000000
"""A number that no task has."""
Scenario = Callable[["World"], None]
Entry = dict[str, Any]


class Driver(Protocol):
    """What runs the calls of one world: tasks are keys that last, a task has one call in flight."""

    root: int

    def begin(self, key: int, name: str, args: dict[str, Any]) -> None:
        """Start a call. When this returns, it and all that it woke have returned or sleep."""

    def answer(self, key: int) -> dict[str, Any] | None:
        """``{"ret", "out"?}``, ``{"errno"}`` or ``{"died"}`` of a task's last call; None while it sleeps."""

    def wait(self, key: int, seconds: float) -> None:
        """Let time pass until a task's call has returned, this long at most."""

    def adopt(self, by: int, number: int) -> int:
        """Take over a task that another has just made, which calls it by this number."""

    def number(self, key: int, by: int) -> int:
        """What a task is called in the pid namespace of another; a number of nobody where it is not seen there."""

    def alive(self, key: int) -> bool:
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
        self.silent = 0
        self.normalise = Normaliser()
        self.pending: list[Pending] = []
        self.tasks: list[Task] = []
        self.root = Task(self, driver.root, "root")

    def note(self, who: Task, what: str, answer: dict[str, Any] | None, name: str, args: dict[str, Any] | None) -> None:
        """Keep an entry, with the tasks whose sleeping calls it let go on."""
        entry: Entry = {"by": who.name, what: name}
        if args:
            entry["args"] = self.normalise.arguments(args)
        self.normalise.look(self.seen_by(who), inside=self.inside(who))
        entry |= {"sleeps": True} if answer is None else self.normalise.answer(name, answer, args or {})
        woke = [pending for pending in self.pending if pending.answer is not None]
        if woke and what == "call":
            entry["woke"] = [pending.task.name for pending in woke]
        self.pending = [pending for pending in self.pending if pending.answer is None]
        if not self.silent:
            self.trace.append(entry)

    def seen_by(self, who: Task) -> dict[int, str]:
        """The tasks by the numbers that another has for them. In a pid namespace of its own these are told too."""
        seen = {self.driver.number(task.key, who.key): task.name for task in self.tasks}
        seen.pop(NOBODY, None)
        return {number: f"{name} ({number})" for number, name in seen.items()} if self.inside(who) else seen

    def inside(self, who: Task) -> bool:
        """Whether a task is in a pid namespace of its own, from which the world is not seen."""
        return self.driver.number(self.root.key, who.key) == NOBODY

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Leave what is done meanwhile out of the trace: how often may differ from machine to machine."""
        self.silent += 1
        yield
        self.silent -= 1


@dataclass(frozen=True)
class Number:
    """A number as an argument: a task's as it is called by another (its caller, where none is named)."""

    task: Task
    by: Task | None = None
    sign: int = 1

    @property
    def name(self) -> str:
        """How the trace shows it."""
        seen = f" as {self.by.name} sees it" if self.by else ""
        return f"{'-' if self.sign < 0 else ''}{self.task.name}{seen}"

    def value(self, caller: Task) -> int:
        """What it comes to in a call."""
        return self.sign * self.task.world.driver.number(self.task.key, (self.by or caller).key)


class Task:
    """A task of a world. ``task.msgget(key, flags)`` makes a call, ``task.start.msgget(...)`` one that sleeps."""

    def __init__(self, world: World, key: int, name: str) -> None:
        self.world, self.key, self.name = world, key, name
        world.tasks.append(self)

    def __neg__(self) -> Number:
        """The process group that this task leads, as kill(2) wants it."""
        return Number(self, sign=-1)

    def seen_by(self, other: Task) -> Number:
        """What this task is called by another, as an argument."""
        return Number(self, other)

    @property
    def start(self) -> Start:
        """The calls of this task that are to sleep."""
        return Start(self)

    def __getattr__(self, name: str) -> Callable[..., Result]:
        if name not in ARGUMENTS:
            raise AttributeError(name)

        def call(*values: Any, **named: Any) -> Result:
            args = self._begin(name, values, named)
            answer = self.world.driver.answer(self.key)
            self.world.note(self, "call", answer, name, args)
            if answer is None:
                raise Sleeps(f"{self.name}'s {name} sleeps")
            return Result(answer.get("ret"), answer.get("out"), answer.get("errno"))

        return call

    def _begin(self, name: str, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        args = dict(zip(ARGUMENTS[name], values, strict=False)) | named
        self.world.driver.begin(self.key, name, {key: self._plain(value) for key, value in args.items()})
        return args

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if isinstance(value, Task):
            return Number(value).value(self)
        return value.value(self) if isinstance(value, Number) else value

    def fork(self, name: str, **how: Any) -> Task:
        """A child of this task, which has to come into being."""
        return self._bear(name, "fork", how)

    def child(self, name: str, flags: int = SIGCHLD) -> Task:
        """A child by the raw clone(2), which has to come into being."""
        return self._bear(name, "clone", {"flags": flags})

    def child3(self, name: str, **args: Any) -> Task:
        """A child by clone3(2), which has to come into being."""
        return self._bear(name, "clone3", {"args": args})

    def _bear(self, name: str, call: str, how: dict[str, Any]) -> Task:
        args = self._begin(call, (), how)
        answer = self.world.driver.answer(self.key) or {}
        if "ret" not in answer:
            raise AssertionError(f"{self.name} could not {call} {name}: {answer}")
        child = Task(self.world, self.world.driver.adopt(self.key, answer["ret"]), name)
        self.world.note(self, "call", answer, call, args)
        return child

    def exit(self) -> None:
        """End this task."""
        self.world.driver.begin(self.key, "exit_group", {"status": 0})
        self.world.note(self, "call", {"died": True}, "exit_group", None)

    def alive(self) -> None:
        """Note whether this task lives."""
        lives = self.world.driver.alive(self.key)
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
        return self._driver.answer(self.task.key)

    def result(self) -> Result:
        """What it comes to; time passes until then where it has to."""
        if self.answer is None:
            self._driver.wait(self.task.key, PATIENCE_S)
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
