"""What is measured: a name, and a way to measure it once. Servers are started around the whole run, not each round."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tests.bench.pair import Outcome, PairError, Side, run_pair


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: messages a second, and round trips in microseconds where they were what was measured."""

    rate: float
    p50_us: float | None = None
    p99_us: float | None = None


class Contender(Protocol):
    """One row of the table."""

    @property
    def name(self) -> str:
        """Unique in the run; goals refer to it."""
        ...

    def measure(self, seconds: float) -> Sample:
        """Measure for about so many seconds."""
        ...


class Peer(Protocol):
    """A family of contenders that share a server, or a library that may be missing."""

    @property
    def name(self) -> str:
        """How the family is called where it is missing."""
        ...

    def missing(self) -> str | None:
        """Why it cannot be measured here; None where it can."""
        ...

    def serve(self) -> AbstractContextManager[list[Contender]]:
        """Start what it needs; the rows to measure."""
        ...


@dataclass(frozen=True, slots=True)
class Throughput:
    """Messages a second from the producer's first send to the consumer's last receive."""

    name: str
    producer: Side
    consumer: Side

    def measure(self, seconds: float) -> Sample:
        """Run the pair; PairError where the consumer did not get what the producer sent."""
        sent, received = run_pair(self.producer, self.consumer, seconds)
        if sent.messages != received.messages:
            raise PairError(f"{sent.messages} sent, {received.messages} received")
        return Sample(received.messages / (received.finished - sent.started))


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One message there and one back, one at a time."""

    name: str
    requester: Side
    answerer: Side

    def measure(self, seconds: float) -> Sample:
        """Run the pair; the requester's p50 and p99."""
        asked, _ = run_pair(self.requester, self.answerer, seconds)
        return trips_sample(asked)


def trips_sample(asked: Outcome) -> Sample:
    """Round trips a second and their percentiles."""
    cuts = statistics.quantiles(asked.trips, n=100)
    return Sample(asked.messages / (asked.finished - asked.started), cuts[49] * 1e6, cuts[98] * 1e6)


@dataclass(slots=True)
class Ledger:
    """Every sample of the run, by row; the failures too."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def measure(self, contender: Contender, seconds: float) -> None:
        """Measure once and write it down; a failure is a row that says so."""
        try:
            sample = contender.measure(seconds)
        except PairError as failure:
            self.failures[contender.name] = str(failure)
        else:
            self.samples.setdefault(contender.name, []).append(sample)

    def order(self, names: list[str]) -> None:
        """Put the rows into the table's order, whatever turn they were first measured in."""
        self.samples = {name: self.samples[name] for name in names if name in self.samples}

    def medians(self) -> Iterator[tuple[str, Sample, float]]:
        """Row, median sample, and the spread of its rates ((max - min) / median)."""
        for name, samples in self.samples.items():
            rates = [sample.rate for sample in samples]
            rate = statistics.median(rates)
            yield (
                name,
                Sample(rate, _median(samples, "p50_us"), _median(samples, "p99_us")),
                (max(rates) - min(rates)) / rate,
            )

    def median(self, name: str) -> Sample | None:
        """The median sample of one row; None where it was not measured."""
        return next((sample for row, sample, _ in self.medians() if row == name), None)


def _median(samples: list[Sample], field_name: str) -> float | None:
    values = [value for sample in samples if (value := getattr(sample, field_name)) is not None]
    return statistics.median(values) if values else None
