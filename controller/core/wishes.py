"""What people asked for with a key, a code, a click or a command, cut to what the rule allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from controller.core.altered import replace
from controller.core.calls import Call, is_room
from controller.core.commands import LegId
from controller.core.decision import Decision, Grant, Mode, Subject, SubjectKind
from controller.core.events import Asked, AskedBy
from controller.core.roster import Party
from hardware.keys import Key


@dataclass(frozen=True, slots=True)
class Wish:
    """What people want of this recording now. `record` is None until somebody asked to start or stop."""

    record: bool | None = None
    paused: bool = False
    by: str = ""  # who asked last, for the record (V-16)
    keep: bool = False  # somebody asked for a recording of this call, at whatever time
    refused: bool = False  # the other side does not want it: nothing is kept, whatever was pressed before


NOBODY_ASKED = Wish()


def recording_wished(decision: Decision, wish: Wish) -> bool:
    """Whether rule and people together want this call recorded, pauses aside."""
    match decision.mode:
        case Mode.NEVER:
            return False
        case Mode.ON_DEMAND:
            return wish.record is True
        case Mode.ALWAYS | Mode.ALWAYS_WITH_PAUSE | Mode.ON_DEMAND_KEEP:
            return wish.record is not False
        case _:
            assert_never(decision.mode)


def kept(decision: Decision, wish: Wish) -> bool:
    """Whether what is captured is to stay: not after a refusal, and with on-demand-keep only if somebody asked."""
    return not wish.refused and (decision.mode is not Mode.ON_DEMAND_KEEP or wish.keep)


def provisional(decision: Decision, wish: Wish) -> bool:
    """Whether what is captured now waits for somebody to ask for it, and is nobody's until then (B-10)."""
    return decision.mode is Mode.ON_DEMAND_KEEP and not kept(decision, wish)


def stranger(decision: Decision, side: Party, subject: Subject | None) -> str:
    """Why this leg may command nothing at all ("": it may): only those whose recording it is can, never an outside
    party (F-066). What a trunk, DDI, queue or conference brings belongs to everybody of ours who is on the call."""
    if side is not Party.INTERNAL:
        return "only people of the house can switch the recording with a key"
    owners = [owner for owner in decision.owners if owner.kind in (SubjectKind.EXTENSION, SubjectKind.LINE)]
    if not owners or subject in owners or len(owners) < len(decision.owners):
        return ""
    return f"this recording is that of {' and '.join(map(str, owners))}: only they can switch it"


def update(wish: Wish, asked: Asked, decision: Decision, call: Call, refused: str = "") -> tuple[Wish, str]:
    """The wish after this request, and why it was refused ("" when it was granted). `refused`: why the leg that
    asked may command nothing, as `stranger` says.

    Asking for what already is so is granted and changes nothing: keys are pressed twice.
    """
    refusal = _refused_by_place(asked, call, refused) or _refused_by_rule(wish, asked.key, decision)
    if refusal:
        return wish, refusal
    # For the person who presses, a capture that nobody has asked to keep is no recording yet.
    on = recording_wished(decision, wish) and kept(decision, wish)
    match asked.key:
        case Key.RECORD:
            return (wish if on else replace(wish, record=True, paused=False, keep=True, by=asked.by)), ""
        case Key.STOP:
            if not on and wish.record is False:
                return wish, ""
            idle = not on and decision.mode is not Mode.ON_DEMAND_KEEP
            return (wish if idle else replace(wish, record=False, paused=False, by=asked.by)), ""
        case Key.TOGGLE:
            return replace(wish, record=not on, paused=False, keep=wish.keep or not on, by=asked.by), ""
        case Key.PAUSE:
            return (wish if wish.paused else replace(wish, paused=True, by=asked.by)), ""
        case Key.RESUME:
            return (replace(wish, paused=False, by=asked.by) if wish.paused else wish), ""
        case Key.AGREE:
            return replace(wish, record=True, keep=True, refused=False, by=asked.by), ""
        case Key.REFUSE:
            return replace(wish, record=False, paused=False, refused=True, by=asked.by), ""
        case _:
            assert_never(asked.key)


def allowed(
    wish: Wish, decision: Decision, call: Call, leg: LegId, among: tuple[Key, ...] = (Key.RECORD, Key.STOP)
) -> frozenset[Key]:
    """Which of these keys would be obeyed now on a leg of our own people."""
    if is_room(call.id) or leg in call.in_room:
        return frozenset()
    return frozenset(key for key in among if not _refused_by_rule(wish, key, decision))


def _refused_by_place(asked: Asked, call: Call, refused: str) -> str:
    if asked.door is not AskedBy.LEG or refused:
        return refused
    if is_room(call.id) or (asked.leg is not None and asked.leg in call.in_room):
        return "inside a conference nobody can switch the recording with a key"
    return ""


def _refused_by_rule(wish: Wish, key: Key, decision: Decision) -> str:
    on = recording_wished(decision, wish)
    provisional = on and not kept(decision, wish)
    rule = f"rule '{decision.rule}'" if decision.rule else "the policy"
    if decision.mode is Mode.NEVER:
        return f"this call must not be recorded: {decision.reason.removeprefix('not recorded: ')}"
    if key in (Key.PAUSE, Key.RESUME):
        if Grant.PAUSE not in decision.grants:
            return f"{rule} does not let anybody pause this recording (mode {decision.mode.value})"
        return "" if on else "this call is not being recorded, so there is nothing to pause or resume"
    if key is Key.REFUSE and Grant.STOP not in decision.grants:
        return f"{rule} does not let anybody end this recording for a refusal (mode {decision.mode.value})"
    if wish.refused and key is not Key.REFUSE and key is not Key.AGREE:
        return "" if key is Key.STOP else "the other side refused to be recorded: only a consent can start it again"
    starts = key in (Key.RECORD, Key.AGREE) or (key is Key.TOGGLE and (provisional or not on))
    if starts:
        already = on and not provisional
        return "" if already or Grant.START in decision.grants else f"{rule} does not let anybody start a recording"
    if not on or Grant.STOP in decision.grants:
        return ""
    return f"{rule} does not let anybody stop this recording (mode {decision.mode.value})"
