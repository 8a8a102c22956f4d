"""The step before anything is deleted: read the stored file back, decode it, measure it and hash it (B-11, F-096)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import soundfile

from controller.pipeline.audio import BLOCK_SECONDS, QUIETEST
from controller.pipeline.join import Joined
from controller.pipeline.levels import Tally, tally
from controller.pipeline.measure import Measured, RawMeasure
from controller.pipeline.task import AUDIO_NAME, Task
from controller.pipeline.timeline import Timeline
from controller.spool import Sound


class NotTheSame(Exception):
    """The stored file is not what was joined. The raw files stay, and it is joined again."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Of the stored file: SHA-256 in hexadecimal, bytes, frames, and the sums per channel."""

    sha256: str
    size: int
    frames: int
    rate: int
    sums: tuple[Tally, ...]


def verify(task: Task) -> Verified:
    """Raises NotTheSame, OSError."""
    joined, measured = task.found("join", Joined), task.found("measure", Measured)
    path = task.store / task.found("store", str) / AUDIO_NAME
    _forget_cache(path)
    found = decode(path)
    plan = joined.timeline
    expected = Verified(found.sha256, found.size, plan.frames, plan.rate, joined.sums)
    if _plain_sums(found) != _plain_sums(expected):
        raise NotTheSame(f"{path.name}: {_plain_sums(found)} instead of {_plain_sums(expected)}")
    _compare_with_raws(plan, measured, found)
    return found


def decode(path: Path) -> Verified:
    """Hash and decode a file, by another library than the one that wrote it. Raises NotTheSame, OSError."""
    digest = sha256(path)
    try:
        with soundfile.SoundFile(path) as file:
            sums = [Tally()] * file.channels
            for block in file.blocks(file.samplerate * BLOCK_SECONDS, dtype="int16", always_2d=True):
                sums = [old.plus(tally(block[:, n], file.samplerate)) for n, old in enumerate(sums)]
            frames = sums[0].samples
            if frames != file.frames:
                raise NotTheSame(f"{path.name}: {frames} frames can be decoded, its header says {file.frames}")
            return Verified(digest, path.stat().st_size, frames, int(file.samplerate), tuple(sums))
    except soundfile.LibsndfileError as error:
        raise NotTheSame(f"{path.name} cannot be decoded: {error}") from error


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain_sums(found: Verified) -> tuple[object, ...]:
    return found.frames, found.rate, [(sums.samples, sums.squares, sums.peak) for sums in found.sums]


def _compare_with_raws(plan: Timeline, measured: Measured, found: Verified) -> None:
    """What was measured before the join and what is in the file: as long, and exactly as loud.

    Cutting takes out nothing but silence, so that it changes no sum. Only a file in which a raw one is used in part,
    twice, added to another, or brought to another rate can not be compared like this.
    """
    whole = _whole_files(plan)
    cut = sum(until - begin for one in plan.segments for begin, until in one.cuts)
    if not whole or any(raw.rate not in (0, plan.rate) or _cut_is_heard(raw, cut) for raw in measured.raws):
        return
    gaps = sum(until - begin for begin, until in plan.gaps)
    length = sum(_longest(measured, one.number) for one in plan.segments)
    if length != found.frames - gaps + cut:
        raise NotTheSame(f"{found.frames} frames, {gaps} of them between segments, of {length} less {cut}")
    for n, sums in enumerate(found.sums):
        raws = [measured.of(segment, sound) for (segment, sound), channel in whole.items() if channel == n]
        squares = sum(raw.sums.squares for raw in raws if raw is not None)
        if squares != sums.squares:
            raise NotTheSame(f"channel {n}: its sound sums up to {sums.squares}, that of the raw files to {squares}")


def _longest(measured: Measured, segment: int) -> int:
    return max((raw.frames for raw in measured.raws if raw.segment == segment), default=0)


def _cut_is_heard(raw: RawMeasure, cut: int) -> bool:
    """Silence in A-law is ±8, which counts in the sums."""
    return cut > 0 and Path(raw.name).suffix[1:] in QUIETEST


def _whole_files(plan: Timeline) -> dict[tuple[int, Sound], int]:
    """Which channel each raw file is in; {} unless each is in one channel, alone."""
    found: dict[tuple[int, Sound], int] = {}
    ways: dict[int, tuple[object, ...]] = {}
    for piece in plan.pieces:
        if piece.segment and ways.setdefault(piece.segment, piece.channels) != piece.channels:
            return {}
        for n, channel in enumerate(piece.channels):
            for sound in channel:
                if len(channel) > 1 or found.setdefault((piece.segment, sound), n) != n:
                    return {}
    return found


def _forget_cache(path: Path) -> None:
    """Ask the kernel to read the file from its disk, not from memory."""
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
