"""A digit that a dropout left without enough whole tone: found again as one pair of tones, interrupted.

Both sides of the gap must be the same two sines, in phase across it, with little else in them, little in the gap and
silence around the digit. Voices do not do that, so this needs none of the other tests against talk-off.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import BLOCK, RATE, TONES, Floats
from hardware.dtmf.rules import Rules

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

LONGEST = 13
"""Blocks: of what is longer, 30 ms of whole tone are left in any noise in which this could help."""
MARGIN = 5
"""Blocks looked at before and after what was heard of it: the other side of the gap, and silence."""
SPAN = (LONGEST + 2 * MARGIN + 1) * BLOCK

SLICE = 20
"""Samples judged at a time: 2.5 ms, so that a dropout of 10 ms has at least three silent slices."""
SMOOTH = 7
"""Slices: longer than a dropout, and than the beats of two tones."""
ACTIVE = 0.10
"""Of the loudest such stretch: what belongs to the same digit, or to its gap."""
SOUND = 0.35
"""Of the two tones' energy: what may be left over in one slice of them; in all slices together, MEAN."""
MEAN = 0.16
SILENCE = 0.30
"""What there may be in a slice without them. All three are what white noise of 10 dB leaves, and some more."""
STEADY = 0.25
"""How far a tone may be from its mean in 20 ms of it, as a share of the mean."""
LEAST_SOUND = 8
LONGEST_GAP = 5
"""Slices, half-filled ones at both ends included: always 10 ms, and 12.5 ms at times."""
TRIED = np.arange(-15, 16) / 500
"""Offsets from the nominal frequencies that are tried, up to 3 %; a parabola finds the peak between them."""
TIME = np.arange(SPAN)
TURNS = np.exp(-2j * np.pi / RATE * np.multiply.outer(np.outer(TONES, 1 + TRIED), TIME)).astype(np.complex64)
"""(8, tried, SPAN)."""


@dataclass(frozen=True, slots=True)
class Mended:
    """Where the digit lies within the samples, in samples, and the mean square of its two tones."""

    start: float
    end: float
    low: float
    high: float


def mended(heard: Floats, centre: int, key: int, level: float, rules: Rules) -> Mended | None:
    """The interrupted digit that sounds at sample `centre`; None where there is no such thing.

    `heard`: whole slices, SPAN at most. `level`: the least mean square of a tone.
    """
    samples = heard.astype(np.float64)
    outline = _outline(samples, centre)
    if outline is None:
        return None
    first, last = outline
    if last - first < (rules.length_s + rules.dropout_s) * RATE:
        return None
    time = TIME[: len(samples)]
    inside = np.where((first <= time) & (last > time), samples, 0.0)
    pair = (key // 4, 4 + key % 4)
    offsets = [_offset(inside, tone) for tone in pair]
    if max(abs(offset) for offset in offsets) * 100 > rules.offset_percent:
        return None
    turns = [2 * np.pi / RATE * TONES[tone] * (1 + offset) for tone, offset in zip(pair, offsets, strict=True)]
    waves = np.stack([wave for turn in turns for wave in (np.cos(turn * time), np.sin(turn * time))])
    # The longer the tones, the more their energy gathers in two lines: that tells how long they are, gaps left out.
    lines = waves @ inside
    length = 2 * float(lines @ lines) / float(inside @ inside)
    if length < LEAST_SOUND * SLICE:
        return None
    return _judged(inside, waves, 2 * lines / length, level, rules)


def _outline(samples: Array, centre: int) -> tuple[int, int] | None:
    """From where to where it sounds around the centre, gaps included; None if nothing does, or for too long."""
    energy = (samples.reshape(-1, SLICE) ** 2).sum(axis=1)
    smooth = np.convolve(energy, np.ones(SMOOTH), mode="same")
    silent = np.flatnonzero(smooth <= ACTIVE * smooth.max())
    at = int(np.searchsorted(silent, centre // SLICE))
    if at in (0, len(silent)) or silent[at] == centre // SLICE:
        return None
    first, last = (int(silent[at - 1]) + 1) * SLICE, int(silent[at]) * SLICE
    return (first, last) if last - first <= LONGEST * BLOCK else None


def _offset(samples: Array, tone: int) -> float:
    """Where the spectrum peaks near a nominal frequency, as a fraction off it."""
    power = np.abs(TURNS[tone, :, : len(samples)] @ samples.astype(np.float32)) ** 2
    top = int(np.clip(power.argmax(), 1, len(power) - 2))
    before, peak, after = (float(value) for value in power[top - 1 : top + 2])
    bend = before - 2 * peak + after
    return float(TRIED[top] + (TRIED[1] - TRIED[0]) * (before - after) / (2 * bend) if bend < 0 else TRIED[top])


def _judged(samples: Array, waves: Array, amplitudes: Array, level: float, rules: Rules) -> Mended | None:
    """The digit of these waves, cosine and sine of each tone, and about these amplitudes."""
    for _ in range(2):  # the first are a little wrong, for noise and what is in the gap count as tone
        left, _ = _slices(samples, amplitudes @ waves)
        sounding = np.flatnonzero(left < SOUND)
        if len(sounding) < LEAST_SOUND:
            return None
        amplitudes = _solved(samples, waves, sounding)
    low, high = (float(amplitudes[at] ** 2 + amplitudes[at + 1] ** 2) / 2 for at in (0, 2))
    if min(low, high) < level or not rules.twist_db[0] <= 10 * np.log10(high / low) <= rules.twist_db[1]:
        return None
    model = amplitudes @ waves
    left, whole = _slices(samples, model)
    edges = _edges(left < SOUND, whole < SILENCE)
    if edges is None or not _is_steady(samples, waves, amplitudes, sounding):
        return None
    sounds = left < SOUND
    within = sounds & np.roll(sounds, 1) & np.roll(sounds, -1)  # the others may hold an edge
    if not within.any() or left[within].mean() > MEAN:
        return None
    first, last = edges
    start = (first - _filled(samples, model, first - 1)) * SLICE
    end = (last + _filled(samples, model, last)) * SLICE
    # As everywhere, a dropout is made up for by a longer digit.
    return Mended(start, end, low, high) if (end - start) / RATE >= rules.length_s + rules.dropout_s else None


def _solved(samples: Array, waves: Array, slices: NDArray[np.intp]) -> Array:
    """The amplitudes that fit these slices best."""
    at = (slices[:, None] * SLICE + np.arange(SLICE)).ravel()
    part = waves[:, at]
    return np.asarray(np.linalg.solve(part @ part.T, part @ samples[at]), np.float64)


def _is_steady(samples: Array, waves: Array, amplitudes: Array, sounding: NDArray[np.intp]) -> bool:
    """Whether each tone keeps amplitude and phase from stretch to stretch of 20 ms, across the gap too."""
    for part in np.array_split(sounding, max(2, len(sounding) // 8)):
        away = (_solved(samples, waves, part) - amplitudes).reshape(2, 2)
        if ((away**2).sum(axis=1) > STEADY**2 * (amplitudes.reshape(2, 2) ** 2).sum(axis=1)).any():
            return False
    return True


def _slices(samples: Array, model: Array) -> tuple[Array, Array]:
    """Of each slice, what the model leaves over and what there is, as shares of the model's mean energy."""
    mean = float(model @ model) / len(model) * SLICE
    left, whole = (((each) ** 2).reshape(-1, SLICE).sum(axis=1) / mean for each in (samples - model, samples))
    return left, whole


def _filled(samples: Array, model: Array, at: int) -> float:
    """How much of a slice the model fills, 0 to 1."""
    here = slice(at * SLICE, (at + 1) * SLICE)
    return float(np.clip(samples[here] @ model[here] / (model[here] @ model[here] + 1e-9), 0.0, 1.0))


def _edges(sounds: Flags, silent: Flags) -> tuple[int, int] | None:
    """First slice of the digit and the one behind its last; None if it is not silence, digit, gap, digit, silence.

    Where the two tones cancel each other, a slice may be both; where an edge or the gap's begins, neither.
    """
    certain = np.flatnonzero(sounds & ~silent)
    if not len(certain):
        return None
    first, last = int(certain[0]), int(certain[-1]) + 1
    if first < 2 or last > len(sounds) - 2 or not (silent[: first - 1].all() and silent[last + 1 :].all()):
        return None
    gap = first + np.flatnonzero(~sounds[first:last])
    # Without a gap it is no business of ours: the other tests, and Rules, have said what they think of it.
    if not len(gap) or gap[-1] - gap[0] >= LONGEST_GAP or not silent[gap[0] + 1 : gap[-1]].all():
        return None
    return first, last
