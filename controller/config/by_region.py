"""Settings that may be left to the regions: a value of their own kind, or "region"."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Annotated

from pydantic import BeforeValidator

from controller.config.fields import beep, beep_tone, seconds
from controller.config.problems import meant
from controller.core.decision import Announce, Audience, ByRegion

WORD = ByRegion.REGION.value


def _or_region(read: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: ByRegion.REGION if value == WORD else read(value))


def _one_of(kind: type[Enum]) -> Callable[[object], object]:
    words = [*(each.value for each in kind), WORD]

    def read(value: object) -> object:
        if value in words:
            return kind(value)
        near = meant(value, words) if isinstance(value, str) else ""
        raise ValueError(f"{value!r} is none of {', '.join(words)}{near}")

    return read


def _tone(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write a text in quotes")
    return beep_tone(value)


Announced = Annotated[Announce | ByRegion, _or_region(_one_of(Announce))]
Heard = Annotated[Audience | ByRegion, _or_region(_one_of(Audience))]
Beep = Annotated[float | ByRegion, _or_region(lambda value: beep(seconds(value)))]
BeepTone = Annotated[str | ByRegion, _or_region(_tone)]
