"""Counts what was strange: input that made no sense, presses that were refused, by where they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.core.events import Asked
from controller.core.session import Session
from controller.engine import Engine


@dataclass(slots=True)
class Oddities:
    """`sources` are counters that others keep: name -> reason -> how often. Those of the PBXs are added."""

    engine: Engine
    sources: dict[str, Mapping[str, int]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    """Presses at phones that were refused, by key."""

    def __post_init__(self) -> None:
        self.engine.refused.add(self._refuse)

    def counted(self) -> Iterator[tuple[str, str, int]]:
        """Where from, what, how often."""
        drivers = {f"pbx {name}": driver.counters.odd for name, driver in self.engine.drivers.items()}
        for source, counts in {**drivers, **self.sources}.items():
            for what, number in counts.items():
                yield source, what, number

    def _refuse(self, _session: Session, asked: Asked, _why: str) -> None:
        self.refused[asked.key.value] += 1
