"""The third step: a picture of the finished file, to be looked at: sides, pauses, gaps and marks over the time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller import disk
from controller.core.finished import Finished
from controller.pipeline import png
from controller.pipeline.audio import BLOCK_SECONDS
from controller.pipeline.join import Joined
from controller.pipeline.png import Colour, Pixels
from controller.pipeline.task import AUDIO_NAME, PICTURE_NAME, Task
from controller.pipeline.timeline import Cut, Timeline
from controller.pipeline.wav import Samples

WIDTH, LANE, EDGE, TOP, FOOT = 1200, 110, 12, 20, 24
PAPER, LINE, INK = (250, 250, 247), (214, 214, 208), (70, 70, 66)
SIDES: tuple[Colour, ...] = ((31, 96, 156), (191, 92, 24))
EVERYBODY: Colour = (62, 120, 86)
PAUSED, GAP, CUT_LINE, TROUBLE = (240, 226, 178), (226, 226, 222), (176, 130, 0), (190, 30, 30)
TROUBLES = ("failed", "lost", "max-length", "refused")
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds between two labels of the time axis."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pixels."""

    width: int = 0
    height: int = 0


def draw(task: Task) -> Drawn:
    """Write the picture into the job's folder. Raises OSError."""
    plan = task.found("join", Joined).timeline
    if not plan.recorded:
        return Drawn()
    peaks = peaks_of(task.job.folder / AUDIO_NAME, plan, WIDTH - 2 * EDGE)
    pixels = paint(task.job.finished, plan, peaks)
    disk.write(task.job.folder / PICTURE_NAME, png.encode(pixels))
    return Drawn(pixels.shape[1], pixels.shape[0])


def peaks_of(path: Path, plan: Timeline, columns: int) -> NDArray[np.int16]:
    """The lowest and highest sample of each column of the picture; shape (channels, columns, 2)."""
    found = np.zeros((plan.channels, columns, 2), np.int16)
    with path.open("rb") as file:
        file.seek(path.stat().st_size - plan.frames * plan.channels * 2)
        edges = np.linspace(0, plan.frames, columns + 1).astype(np.int64)
        # As many columns at a time as make a block: a day of sound is never in memory.
        step = max(1, plan.rate * BLOCK_SECONDS * columns // plan.frames)
        for first in range(0, columns, step):
            inside = edges[first : first + step + 1]
            count = int(inside[-1] - inside[0])
            block = np.frombuffer(file.read(count * plan.channels * 2), "<i2").reshape(-1, plan.channels)
            starts = inside[:-1] - inside[0]
            for n in range(plan.channels):
                side = np.ascontiguousarray(block[:, n])
                found[n, first : first + len(starts), 0] = np.minimum.reduceat(side, starts)
                found[n, first : first + len(starts), 1] = np.maximum.reduceat(side, starts)
    return found


def paint(finished: Finished, plan: Timeline, peaks: NDArray[np.int16]) -> Pixels:
    """The picture."""
    lanes = len(peaks)
    pixels = np.full((TOP + lanes * LANE + FOOT, WIDTH, 3), PAPER, np.uint8)
    for begin, until in plan.gaps:
        _shade(pixels, (_x(plan, begin), _x(plan, until)), GAP, lanes, "NOT RECORDED")
    for begin, until in paused(finished, plan):
        _shade(pixels, (_x(plan, begin), _x(plan, until)), PAUSED, lanes, "PAUSED")
    for n, lane in enumerate(peaks):
        colour = EVERYBODY if lanes == 1 else SIDES[n]
        _wave(pixels, lane, TOP + n * LANE, colour)
        label = "EVERYBODY" if lanes == 1 else ("CUSTOMER", "HOUSE")[n]
        png.write_text(pixels, EDGE + 3, TOP + n * LANE + 3, label, colour)
    _axis(pixels, plan, lanes)
    _cut_lines(pixels, plan, lanes)
    for mark, offset in zip(finished.marks, plan.offsets, strict=True):
        if offset is not None:
            _flag(pixels, _x(plan, offset), mark.kind)
    return pixels


def paused(finished: Finished, plan: Timeline) -> list[Cut]:
    """From, to: frames of the finished file that are a pause."""
    found, since = [], None
    for mark, offset in zip(finished.marks, plan.offsets, strict=True):
        if offset is None:
            continue
        if mark.kind == "pause" and since is None:
            since = offset
        elif mark.kind in ("resume", "stop") and since is not None:
            found.append((since, offset))
            since = None
    return found + ([(since, plan.frames)] if since is not None else [])


def _x(plan: Timeline, frame: int) -> int:
    return EDGE + round(frame * (WIDTH - 2 * EDGE) / plan.frames)


def _shade(pixels: Pixels, columns: tuple[int, int], colour: Colour, lanes: int, label: str) -> None:
    """A stretch of the time; its name stands above it where it is wide enough."""
    left, right = columns
    pixels[TOP : TOP + lanes * LANE, left : max(right, left + 1)] = colour
    space = right - left - png.text_width(label)
    if space > 8:
        png.write_text(pixels, left + space // 2, TOP - 14, label, INK)


def _wave(pixels: Pixels, lane: NDArray[np.int16], top: int, colour: Colour) -> None:
    middle, reach = top + LANE // 2, LANE // 2 - 4
    pixels[top + LANE - 1, EDGE:-EDGE] = LINE
    lows, highs = _scaled(lane[:, 0]), _scaled(lane[:, 1])
    for n, (low, high) in enumerate(zip(lows, highs, strict=True)):
        pixels[middle - round(high * reach) : middle - round(low * reach) + 1, EDGE + n] = colour


def _scaled(values: Samples) -> list[float]:
    """-1 to 1, with quiet speech drawn larger than it is: the eye is to find it."""
    share = values.astype(np.float64) / 32768
    scaled: list[float] = (np.sign(share) * np.abs(share) ** 0.6).tolist()
    return scaled


def _axis(pixels: Pixels, plan: Timeline, lanes: int) -> None:
    seconds = plan.frames / plan.rate
    step = next((tick for tick in TICKS if seconds / tick <= 14), TICKS[-1])
    bottom = TOP + lanes * LANE
    for tick in range(0, int(seconds) + 1, step):
        x = _x(plan, tick * plan.rate)
        pixels[bottom : bottom + 5, x] = INK
        label = clock(tick)
        left = min(max(0, x - png.text_width(label) // 2), WIDTH - png.text_width(label) - 1)
        png.write_text(pixels, left, bottom + 9, label, INK)


def clock(seconds: int) -> str:
    """1:05, or 2:01:05 from an hour on."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _cut_lines(pixels: Pixels, plan: Timeline, lanes: int) -> None:
    """A dashed line wherever a pause was taken out."""
    for placed in plan.segments:
        gone = 0
        for begin, until in placed.cuts:
            x = min(_x(plan, placed.offset + begin - gone), WIDTH - 1)
            gone += until - begin
            for y in range(TOP, TOP + lanes * LANE, 6):
                pixels[y : y + 3, x] = CUT_LINE
            png.write_text(pixels, x - 8, TOP - 14, "CUT", CUT_LINE)


def _flag(pixels: Pixels, x: int, kind: str) -> None:
    """A mark at the top edge; a larger one, in red, for what went wrong."""
    x = min(max(x, 3), WIDTH - 4)
    if kind in TROUBLES:
        pixels[TOP - 12 : TOP, x - 1 : x + 2] = TROUBLE
    else:
        pixels[TOP - 5 : TOP, x] = INK
