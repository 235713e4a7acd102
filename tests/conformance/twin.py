"""One history on several targets at once, which have to agree on every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .normalise import Normaliser
from .scenario import NOBODY, Driver


class Twin:
    """The same tasks on every target, by name. After each call all targets have to be in the same state of sleep."""

    def __init__(self, drivers: Mapping[str, Driver]) -> None:
        self._drivers = dict(drivers)
        self._normalisers = {target: Normaliser() for target in drivers}
        self._keys: dict[str, dict[str, int]] = {"root": {}}
        self._born: dict[str, list[tuple[str, int]]] = {target: [] for target in drivers}
        self._asleep: dict[str, str] = {}
        self.history: list[str] = []
        self.seen: Counter[str] = Counter()
        for target, driver in self._drivers.items():
            self._meet(target, "root", driver.root)

    def _meet(self, target: str, name: str, key: int) -> None:
        self._keys.setdefault(name, {})[target] = key
        self._born[target].append((name, key))

    @property
    def tasks(self) -> list[str]:
        """Those that have not ended."""
        return list(self._keys)

    @property
    def idle(self) -> list[str]:
        """Those that can make a call."""
        return [name for name in self._keys if name not in self._asleep]

    @property
    def asleep(self) -> list[str]:
        """Those whose call sleeps."""
        return list(self._asleep)

    def call(self, who: str, name: str, /, **args: Any) -> dict[str, Any]:
        """Make a call everywhere. Returns what it came to, with ``woke``: what each sleeper it woke came to."""
        self.history.append(f"{who}: {name}({', '.join(f'{key}={value!r}' for key, value in args.items())})")
        seen = {target: self._on(target, who, name, args) for target in self._drivers}
        first = next(iter(seen.values()))
        for target, other in seen.items():
            if other != first:
                told = "\n".join(f"  {line}" for line in self.history[-30:])
                found = "\n".join(f"{name:7}: {result}" for name, result in seen.items())
                raise AssertionError(f"the targets differ after\n{told}\n{found}") from None
            self._forget_the_dead(target)
        self.history[-1] += f" -> {first}"
        self._asleep = {sleeper: call for sleeper, call in self._asleep.items() if sleeper not in first["woke"]}
        if first.get("sleeps"):
            self._asleep[who] = name
            self.seen["sleeps"] += 1
        self.seen["woken"] += len(first["woke"])
        return first

    def _on(self, target: str, who: str, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        driver, normaliser = self._drivers[target], self._normalisers[target]
        caller = self._keys[who][target]
        driver.begin(caller, name, {key: self._plain(target, caller, key, value) for key, value in args.items()})
        answer = driver.answer(caller)
        seen = {driver.number(key, caller): task for task, key in self._born[target]}
        normaliser.look(seen, inside=driver.number(driver.root, caller) == NOBODY)
        woke = {}
        for sleeper, asleep in self._asleep.items():
            outcome = driver.answer(self._keys[sleeper][target])
            if outcome is not None:
                woke[sleeper] = normaliser.answer(asleep, outcome, {})
        alive = [task for task, keys in self._keys.items() if driver.alive(keys[target])]
        result = {"sleeps": True} if answer is None else normaliser.answer(name, answer, args)
        return result | {"woke": woke, "alive": alive}

    def _plain(self, target: str, caller: int, name: str, value: Any) -> Any:
        if name in {"pid", "who", "pgid", "id"} and isinstance(value, str):  # "-b" is b's group, as kill(2) wants it
            key = next(key for task, key in self._born[target] if task == value.removeprefix("-"))
            return self._drivers[target].number(key, caller) * (-1 if value.startswith("-") else 1)
        return value

    def _forget_the_dead(self, target: str) -> None:
        driver = self._drivers[target]
        for name in list(self._keys):
            if target in self._keys[name] and not driver.alive(self._keys[name][target]):
                del self._keys[name][target]
                if not self._keys[name]:
                    del self._keys[name]
                    self._asleep.pop(name, None)

    def clone(self, who: str, child: str, flags: int) -> dict[str, Any]:
        """The raw call everywhere; where it makes a child, it has this name."""
        made = self.call(who, "clone", flags=flags)
        for target, driver in self._drivers.items() if "ret" in made else ():
            parent = self._keys[who][target]
            self._meet(target, child, driver.adopt(parent, (driver.answer(parent) or {})["ret"]))
        return made

    def fork(self, who: str, child: str, /, **how: Any) -> None:
        """A child of this name everywhere."""
        self.history.append(f"{who}: fork({child}, {how})")
        for target, driver in self._drivers.items():
            parent = self._keys[who][target]
            driver.begin(parent, "fork", how)
            answer = driver.answer(parent)
            assert answer is not None
            assert "ret" in answer, f"{target} could not fork: {answer}"
            self._meet(target, child, driver.adopt(parent, answer["ret"]))
