"""What becomes of a recording: kept, dropped by rule, or empty. Pure."""

from __future__ import annotations

from controller.catalogue.entries import Status
from controller.catalogue.records import Settled
from controller.core.finished import AnchorIs, Finished
from controller.pipeline.flags import flags
from controller.pipeline.join import Joined
from controller.pipeline.levels import level
from controller.pipeline.measure import Condition, Measured
from controller.pipeline.timeline import Timeline
from controller.pipeline.verify import Verified
from controller.spool import Sound

CATCH_ALL = "catch_all"
"""The kind of owner that gets what belongs to nobody (I-27)."""
DEAF_SECONDS = 5.0
"""A side that is digital silence for longer than this, while the other one talks, was not heard by its recorder."""


def unheard(finished: Finished, catch_all: str) -> Settled | None:
    """What can be told without listening: why nothing is kept; None where it is to be worked on."""
    if finished.discard:
        return _dropped(finished.discard)
    if finished.unassigned and not catch_all:
        return _dropped("nobody of the roster took part, and [ownership] catch_all names nobody who would get it")
    return None


def measured_only(measured: Measured) -> Settled | None:
    """EMPTY where no file has any sound."""
    if any(raw.condition.sounds for raw in measured.raws):
        return None
    notes = dict.fromkeys(f"{raw.name}: {raw.note}" for raw in measured.raws)
    why = "the PBX left no sound: " + "; ".join(notes) if notes else "the PBX recorded nothing"
    return Settled(Status.EMPTY, why)


def joined_only(finished: Finished, joined: Joined) -> Settled | None:
    """DROPPED where it is shorter than the rule wants, or where pauses that are cut out were all there was."""
    if not joined.timeline.recorded:
        return _dropped("it was paused from beginning to end, and pauses are cut out")
    least = finished.decision.options.min_length
    if joined.seconds >= least:
        return None
    return _dropped(f"{joined.seconds:.1f} s, shorter than the min_length of {least:g} s")


def kept(
    finished: Finished, measured: Measured, joined: Joined, verified: Verified, folder: str, catch_all: str
) -> Settled:
    """The row of a recording whose stored file was verified."""
    plan = joined.timeline
    sides = ("everybody",) if plan.channels == 1 else ("customer", "house")
    levels = tuple(level(side, sums) for side, sums in zip(sides, verified.sums, strict=True))
    repaired = any(raw.condition is Condition.REPAIRED for raw in measured.raws)
    return Settled(
        status=Status.KEPT,
        folder=folder,
        sha256=verified.sha256,
        size=verified.size,
        length=round(plan.frames / plan.rate, 6),
        rate=plan.rate,
        channels=plan.channels,
        levels=levels,
        flags=flags(finished, plan, levels, repaired),
        owners=_owners(finished, catch_all),
        segments=_segments(finished, measured, plan),
        offsets=tuple(None if at is None else round(at / plan.rate, 6) for at in plan.offsets),
    )


def _dropped(why: str) -> Settled:
    return Settled(Status.DROPPED, why)


def _owners(finished: Finished, catch_all: str) -> tuple[tuple[str, str], ...]:
    if finished.unassigned and catch_all:
        return ((CATCH_ALL, catch_all),)
    return tuple((owner.kind.value, owner.name) for owner in finished.owners)


def _segments(
    finished: Finished, measured: Measured, plan: Timeline
) -> tuple[tuple[int, float | None, float | None, bool, str], ...]:
    found = []
    anchors = {segment.number: segment.anchor_is for segment in finished.segments}
    for placed in plan.segments:
        raws = [raw for raw in measured.raws if raw.segment == placed.number]
        repaired = any(raw.condition is Condition.REPAIRED for raw in raws)
        notes = [placed.note, _deaf(measured, placed.number, anchors[placed.number])]
        notes += list(dict.fromkeys(raw.note for raw in raws if raw.condition is Condition.REPAIRED))
        notes += [f"{raw.name}: {raw.note}" for raw in raws if raw.condition is Condition.UNREADABLE]
        offset, length = placed.offset / plan.rate, placed.length / plan.rate
        note = "; ".join(note for note in notes if note)
        found.append((placed.number, round(offset, 6), round(length, 6), repaired, note))
    return tuple(found)


def _deaf(measured: Measured, segment: int, anchor_is: AnchorIs) -> str:
    """Digital silence on one side all the time: Asterisk's recorder can go deaf to one party (hazard 1)."""
    sides = [measured.of(segment, sound) for sound in (Sound.ANCHOR, Sound.OTHERS)]
    if anchor_is is AnchorIs.ROOM:
        return ""
    for side, other, who in ((sides[0], sides[1], "anchor"), (sides[1], sides[0], "others")):
        if side is None or other is None or not side.rate or side.frames < DEAF_SECONDS * side.rate:
            continue
        if side.sums.peak == 0 and other.sums.peak > 0:
            customer = (who == "anchor") is (anchor_is is AnchorIs.CUSTOMER)
            return f"the {'customer' if customer else 'house'}'s side is digital silence throughout"
    return ""
