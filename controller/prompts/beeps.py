"""The warning beep of each region, from its row: one burst per file; who plays it again and again keeps the time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from controller.core.regions import Regions, Tone
from controller.prompts.level import Samples
from controller.prompts.make import RATES, write

FOLDER = "beep"
OTHERWISE = "default"
"""The name of the file for regions without a row."""
LEVEL = -20.0
"""dBm0: as loud as people who talk (speech of -26 dBov), so that it is heard and hides little."""
FULL = 3.14
"""dBm0 of a sine that fills 16 bits (G.711)."""
EDGE = 0.005
"""Seconds in which it rises and falls: without them it clicks."""


def beep(tone: Tone, rate: int = 8000, level: float = LEVEL) -> Samples:
    """The burst, `level` dBm0. Raises ValueError where the rate cannot carry the frequency."""
    if not 0 < tone.frequency < rate / 2:
        raise ValueError(f"{tone.frequency:g} Hz does not fit into {rate} Hz")
    if level > FULL:
        raise ValueError(f"{level:g} dBm0 is louder than full scale, {FULL} dBm0")
    n = np.arange(round(tone.seconds * rate))
    edge = min(round(EDGE * rate), len(n) // 2)
    shape = np.ones(len(n))
    rise = np.sin(np.pi / 2 * (np.arange(edge) + 0.5) / edge) ** 2
    shape[:edge], shape[len(n) - edge :] = rise, rise[::-1]
    size = 32767 * 10 ** ((level - FULL) / 20)
    return np.rint(np.sin(2 * np.pi * tone.frequency * n / rate) * shape * size).astype(np.int16)


def beeps(regions: Regions, sounds: Path, rate: int = 8000) -> dict[str, Path]:
    """Writes every region's beep into `sounds`/beep: the files by code, with `default` for all others."""
    folder = sounds / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Path] = {}
    for code, region in {**regions.by_code, OTHERWISE: regions.unknown}.items():
        made[code] = folder / f"{code}.{RATES[rate]}"
        write(made[code], beep(region.tone, rate), rate)
    return made
