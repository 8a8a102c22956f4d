"""Timeline: which stretch of which raw file goes where in the finished one. Pure.

All positions are in frames of the finished file's rate. Segments stand where the wall clock puts them, and never over
each other: a PBX's file runs by the frames that arrive, and may be longer or shorter than the time it took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.core.commands import Side
from controller.core.decision import HoldRule, PauseForm
from controller.core.finished import AnchorIs, Finished, FinishedSegment
from controller.core.recording import ON_HOLD, Mark
from controller.pipeline.measure import Measured
from controller.spool import Sound

SLACK_SECONDS = 0.2
"""How far a pause in the file may lie from the time it was confirmed at: jitter and a queue of frames."""

MOST_GAP_SECONDS = 12 * 3600
"""A longer time between two segments is rather a clock that was set: it must not fill a disk with silence."""

Channel = tuple[Sound, ...]
"""The sounds that are added up into one channel; () is silence."""
Cut = tuple[int, int]
"""From, to: frames of a segment that are left out."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`frames` of a segment from `start` on; segment 0 is a gap. One Channel per channel of the finished file."""

    segment: int
    start: int
    frames: int
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A segment in the finished file. `length` is without what was cut out."""

    number: int
    offset: int
    length: int
    cuts: tuple[Cut, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """`gaps` in frames of the finished file; `offsets` one per mark of the conversation, in order."""

    rate: int
    channels: int
    pieces: tuple[Piece, ...] = ()
    segments: tuple[Placed, ...] = ()
    gaps: tuple[Cut, ...] = ()
    offsets: tuple[int | None, ...] = ()

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces)

    @property
    def recorded(self) -> int:
        """Frames that a recorder wrote, pauses in the form of silence included."""
        return sum(placed.length for placed in self.segments)


def rate_of(measured: Measured) -> int:
    """The best rate of all files with sound; 8000 where there are none."""
    return max((raw.rate for raw in measured.raws if raw.condition.sounds), default=8000)


def sources(segment: FinishedSegment, measured: Measured, rate: int) -> tuple[tuple[Piece, ...], str]:
    """The pieces of one segment from its first frame to its last, and what is wrong with it ("": nothing).

    Two channels: left the customer, right the house. In a room one channel, everybody. A side that is missing is made
    up for by the mix, on both channels, so that nobody's words are lost.
    """
    mixed, anchor, others = (_length(measured, segment.number, sound, rate) for sound in Sound)
    mix: tuple[Channel, ...] = ((Sound.MIXED,), (Sound.MIXED,))
    pair: tuple[Channel, ...] = ((Sound.ANCHOR,), (Sound.OTHERS,))
    both = min(anchor, others)
    if segment.anchor_is is AnchorIs.INSIDE:
        pair = pair[::-1]
    if segment.anchor_is is AnchorIs.ROOM:
        mix, pair, both = ((Sound.MIXED,),), ((Sound.ANCHOR, Sound.OTHERS),), 0
    last = max(both, mixed)
    stretches = ((0, both, pair), (both, mixed, mix), (last, max(anchor, others), pair))
    pieces = tuple(Piece(segment.number, start, end - start, how) for start, end, how in stretches if end > start)
    if not pieces:
        return (), "no sound"
    if segment.anchor_is is AnchorIs.ROOM:
        return pieces, "" if len(pieces) == 1 and mixed else "the mix is not complete: made of both sides"
    if pieces == (Piece(segment.number, 0, both, pair),):
        return pieces, ""
    return pieces, "a side is not complete" + (": there both channels are the mix" if mixed > both else "")


def pauses(finished: Finished, segment: FinishedSegment) -> list[tuple[float, float]]:
    """From, to: seconds since the segment's start, by the wall clock, of the pauses that are to be taken out: what
    people asked for where pauses are cut, and what was on hold where that is skipped.

    Where only one side was paused the other one talks on, and nothing is taken out.
    """
    options, found = finished.decision.options, []
    asked = options.pause_form is PauseForm.CUT and options.pause_side is Side.BOTH
    since: Mark | None = None
    for mark in sorted((mark for mark in finished.marks if mark.segment == segment.number), key=_when):
        if mark.kind == "pause" and since is None:
            since = mark
        elif mark.kind in ("resume", "stop", "renew") and since is not None:
            found.append((since, mark.at))
            since = None
    if since is not None:
        found.append((since, segment.ended_at))
    return [
        (mark.at - segment.started_at, until - segment.started_at)
        for mark, until in found
        if (options.hold is HoldRule.SKIP if mark.by == ON_HOLD else asked)
    ]


def blanks(finished: Finished) -> list[tuple[float, float]]:
    """From, to: Unix times between which nothing is to be heard, because somebody typed digits (B-05).

    The recorder was paused for most of it; but a burst is known for one only at its third digit, and the first two
    are in the raw file.
    """
    found, since = [], None
    for mark in finished.marks:
        if mark.kind == "blank" and since is None:
            since = mark.at
        elif mark.kind == "unblank" and since is not None:
            found.append((min(since, mark.at), mark.at))
            since = None
    return found if since is None else [*found, (since, finished.ended_at)]


def build(finished: Finished, measured: Measured, cuts: Mapping[int, Sequence[Cut]]) -> Timeline:
    """The timeline of a conversation; `cuts` says what to leave out of which segment, in order."""
    rate = rate_of(measured)
    silence: tuple[Channel, ...] = ((), ())
    if all(segment.anchor_is is AnchorIs.ROOM for segment in finished.segments):
        silence = ((),)
    pieces: list[Piece] = []
    placed: list[Placed] = []
    gaps: list[Cut] = []
    at = 0
    first: float | None = None
    for segment in sorted(finished.segments, key=lambda one: (one.started_at, one.number)):
        found, note = sources(segment, measured, rate)
        if not found:
            placed.append(Placed(segment.number, at, 0, note=note))
            continue
        first = segment.started_at if first is None else first
        gap = round((segment.started_at - first) * rate) - at
        if gap > MOST_GAP_SECONDS * rate:
            note = "; ".join(part for part in (note, f"it began {gap / rate / 3600:.0f} h later: left out") if part)
            first, gap = segment.started_at - at / rate, 0
        if at and gap > 0 and finished.decision.options.pause_form is not PauseForm.CUT:
            pieces.append(Piece(0, 0, gap, silence))
            gaps.append((at, at + gap))
            at += gap
        out = tuple(cuts.get(segment.number, ()))
        mute = _frames(blanks(finished), segment, rate)
        kept = [
            part
            for whole in found
            for piece in _without(whole, out)
            for part in _blanked(_widened(piece, len(silence)), mute)
        ]
        length = sum(piece.frames for piece in kept)
        pieces.extend(kept)
        placed.append(Placed(segment.number, at, length, out, note))
        at += length
    offsets = tuple(_offset(mark, finished, placed, at, rate) for mark in finished.marks)
    return Timeline(rate, len(silence), tuple(pieces), tuple(placed), tuple(gaps), offsets)


def _when(mark: Mark) -> float:
    return mark.at


def _length(measured: Measured, segment: int, sound: Sound, rate: int) -> int:
    found = measured.of(segment, sound)
    return -(-found.frames * rate // found.rate) if found is not None else 0


def _widened(piece: Piece, channels: int) -> Piece:
    """A room's one channel stands on both sides of a file that has two."""
    if len(piece.channels) == channels:
        return piece
    return Piece(piece.segment, piece.start, piece.frames, piece.channels * channels)


def _without(piece: Piece, cuts: Sequence[Cut]) -> list[Piece]:
    """The piece in as many pieces as the cuts leave of it."""
    kept, start, end = [], piece.start, piece.start + piece.frames
    for begin, until in cuts:
        if begin > start and begin < end:
            kept.append(Piece(piece.segment, start, begin - start, piece.channels))
        start = max(start, min(until, end)) if begin < end else start
    if start < end:
        kept.append(Piece(piece.segment, start, end - start, piece.channels))
    return kept


def _frames(spans: Sequence[tuple[float, float]], segment: FinishedSegment, rate: int) -> list[Cut]:
    """Times as frames of a segment, wider by what a file may lie off the clock."""
    begin = segment.started_at
    return [
        (round((since - SLACK_SECONDS - begin) * rate), round((until + SLACK_SECONDS - begin) * rate))
        for since, until in spans
    ]


def _blanked(piece: Piece, mute: Sequence[Cut]) -> list[Piece]:
    """The piece in as many pieces as it takes to make it silent where it must be; nothing moves."""
    kept, start, end = [], piece.start, piece.start + piece.frames
    for begin, until in sorted(mute):
        begin, until = max(start, begin), min(end, until)
        if begin >= until:
            continue
        if begin > start:
            kept.append(Piece(piece.segment, start, begin - start, piece.channels))
        kept.append(Piece(piece.segment, begin, until - begin, ((),) * len(piece.channels)))
        start = until
    if start < end:
        kept.append(Piece(piece.segment, start, end - start, piece.channels))
    return kept


def _offset(mark: Mark, finished: Finished, placed: list[Placed], end: int, rate: int) -> int | None:
    """Where in the file a mark is; None where nothing of its segment is in there."""
    here = next((n for n, one in enumerate(placed) if one.number == mark.segment and one.length), None)
    segment = next((one for one in finished.segments if one.number == mark.segment), None)
    if here is None or segment is None:
        return None
    place = placed[here]
    after = round((mark.at - segment.started_at) * rate)
    after -= sum(max(0, min(after, until) - begin) for begin, until in place.cuts)
    following = [one.offset for one in placed[here + 1 :] if one.length]
    return max(place.offset, min(place.offset + after, following[0] if following else end))
