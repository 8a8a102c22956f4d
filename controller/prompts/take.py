"""A site's own recording in place of a prompt: read, mended where that is safe, refused with a reason where not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from controller.prompts.level import PEAK, TARGET, Samples, active_level, at_level, trimmed
from controller.prompts.make import resampled
from controller.prompts.whole import missing

LONGEST, SHORTEST = 60.0, 0.3
"""Seconds. A caller waits through it: nobody means a longer one; a shorter one holds no word."""
QUIETEST = -45.0
"""dBov, active: below it the gain brings up more noise than voice."""
CLIPPED = 8
"""So many samples in a row at full scale are no peak but an overload."""
CLIPPED_SHARE = 0.001
NEAR = 1.5
"""dB from TARGET that are left as they are."""
ENDING, CUT_OFF = 0.02, 15.0
"""If the last so many seconds are less than so many dB below the voice, the last word may be cut off."""
MOST_BYTES = 64 * 1024 * 1024


class Unfit(Exception):
    """The file cannot be used as a prompt; says why, and what would be right."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A recording as it would be played. `mended`: what was changed, one sentence each; `level`: dBov, active;
    `doubts`: what only a person who listens can tell."""

    samples: Samples
    rate: int
    mended: tuple[str, ...]
    level: float
    doubts: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def take(file: Path, rate: int = 8000) -> Taken:
    """What `file` holds, as a prompt: one channel, `rate`, no silence around it, at the level of all others.
    Raises Unfit."""
    raw, source = _read(file)
    mended: list[str] = []
    sound = _one_channel(raw, mended)
    _refuse_overload(raw)
    if source != rate:
        mended.append(f"brought from {source} Hz to {rate} Hz")
        sound = resampled(sound, source, rate)
    if not sound.any():
        raise Unfit("it holds nothing but silence")
    cut = trimmed(sound, rate)
    if len(sound) - len(cut) > rate * 0.05:
        mended.append(f"{(len(sound) - len(cut)) / rate:.1f} s of silence cut off its ends")
    seconds, level = len(cut) / rate, active_level(cut, rate)
    if seconds < SHORTEST:
        raise Unfit(f"there is sound in it for {seconds:.2f} s only: no word is so short")
    if seconds > LONGEST:
        raise Unfit(f"it lasts {seconds:.0f} s and callers wait for its end: at most {LONGEST:.0f} s")
    if level < QUIETEST:
        raise Unfit(
            f"it is too quiet ({level:.0f} dBov; {TARGET:.0f} is right, {QUIETEST:.0f} the least): record anew"
        )
    if abs(level - TARGET) > NEAR or np.abs(cut.astype(np.int32)).max() > 32768 * 10 ** (PEAK / 20):
        mended.append(f"brought from {level:.0f} to {TARGET:.0f} dBov")
        cut = at_level(cut, rate)
    return Taken(cut, rate, tuple(mended), round(active_level(cut, rate), 1), _doubts(cut, rate))


def _doubts(cut: Samples, rate: int) -> tuple[str, ...]:
    """A voice dies away; what ends as loudly as it spoke was cut."""
    end = cut[-round(rate * ENDING) :].astype(np.float64) / 32768
    loud = 10 * np.log10(max(float((end**2).mean()), 1e-10))
    return ("it ends in the middle of a sound: is its last word whole?",) if loud > TARGET - CUT_OFF else ()


def _read(file: Path) -> tuple[Samples, int]:
    """int16 (n, channels) and the rate."""
    try:
        size = file.stat().st_size
        if file.is_dir():
            raise Unfit("it is a folder")
        if not size:
            raise Unfit("it is empty: 0 bytes")
        if size > MOST_BYTES:
            raise Unfit(f"{size / 1e6:.0f} MB: no prompt is so large")
        with soundfile.SoundFile(file) as sound:
            promised, rate = sound.frames, sound.samplerate
            samples = sound.read(dtype="float32", always_2d=True)
        lack = missing(file.read_bytes(), promised, len(samples))
    except OSError as error:
        raise Unfit(error.strerror or str(error)) from error
    except soundfile.LibsndfileError as error:
        raise Unfit(f"it is no sound file, or spoilt: {error.error_string.rstrip('.')}") from error
    except RuntimeError as error:
        raise Unfit(f"it breaks off: {error}") from error
    if lack:
        raise Unfit(f"it breaks off: {lack}")
    if not len(samples):
        raise Unfit("it holds no sound: a header without samples")
    if not np.isfinite(samples).all():
        raise Unfit("it holds values that are no numbers")
    if not 4000 <= rate <= 384_000:
        raise Unfit(f"{rate} Hz: 8000 to 48000 are usual")
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16), int(rate)


def _one_channel(raw: Samples, mended: list[str]) -> Samples:
    if raw.shape[1] == 1:
        return raw[:, 0]
    mended.append(f"{raw.shape[1]} channels made one")
    loud = [channel for channel in raw.T if np.abs(channel.astype(np.int32)).max() > 32]
    # A voice in one channel only would become half as loud; the same voice turned around in the other would vanish.
    if len(loud) == 1:
        return np.asarray(loud[0])
    mixed = raw.astype(np.float64).mean(axis=1)
    strongest = max((channel.astype(np.float64) for channel in raw.T), key=lambda one: float((one**2).sum()))
    if float((mixed**2).sum()) < 0.1 * float((strongest**2).sum()):
        mixed = strongest
    made: Samples = np.rint(mixed).astype(np.int16)
    return made


def _refuse_overload(raw: Samples) -> None:
    full = np.abs(raw.astype(np.int32)) >= 32700
    for channel in full.T:
        if channel.mean() > CLIPPED_SHARE and _longest_run(channel) >= CLIPPED:
            raise Unfit(
                f"it is overloaded (clipped in {channel.mean():.1%} of its samples): record it anew, less loud"
            )


def _longest_run(flags: np.typing.NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
