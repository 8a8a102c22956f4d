"""Weighs the verdicts of a call's subjects: force, yes, neutral, no, never; priority; tie-break (F-016, F-017)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from controller.core.altered import quick
from controller.core.calls import Call, Leg
from controller.core.decision import Considered, Grade, Grant, Mode, Subject, SubjectKind
from controller.core.rules import Rule, Terms
from controller.core.subjects import callers


class TieBreak(Enum):
    """What a yes against a no of equal priority comes to."""

    RECORD = "record"
    SKIP = "skip"
    CALLER = "caller"
    CALLEE = "callee"


class ForceAgainstNever(Enum):
    """What a force against a never comes to."""

    NEVER = "never"
    FORCE = "force"
    CALLER = "caller"
    CALLEE = "callee"


@quick
@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says about one subject on the call. `rule` None: no rule spoke, the default does."""

    subject: Subject
    legs: tuple[Leg, ...]
    rule: Rule | None
    terms: Terms
    text: str  # the subject's

    def __str__(self) -> str:
        return f"rule '{self.rule.name}' ({self.text})" if self.rule else f"the default ({self.text})"


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """What the verdicts came to. `winner` None: nobody had an opinion."""

    recorded: bool
    reason: str = ""
    winner: Verdict | None = None
    owners: tuple[Subject, ...] = ()
    grants: frozenset[Grant] = frozenset()
    considered: tuple[Considered, ...] = ()


_YES, _NO = (Grade.YES, Grade.FORCE), (Grade.NO, Grade.NEVER)
STRENGTH = {mode: strength for strength, mode in enumerate(Mode)}


def weigh(
    verdicts: list[Verdict], call: Call, tie_break: TieBreak, against: ForceAgainstNever, silence: str
) -> Outcome:
    """Who wins. `silence` is the reason to give when nobody has an opinion."""
    yes = [one for one in verdicts if one.terms.grade in _YES]
    no = [one for one in verdicts if one.terms.grade in _NO]
    if not yes and not no:
        return Outcome(False, silence, considered=tuple(_considered(one, "neutral", "") for one in verdicts))
    recorded, because = (bool(yes), "") if not (yes and no) else _contest(yes, no, call, tie_break, against)
    side, other = (yes, no) if recorded else (no, yes)
    winner = max(side, key=_rank)  # the first of equals: max keeps it
    reason = _reason(winner, recorded)
    if because:
        reason += f"; it outweighs {max(other, key=_rank)}: {because}"
    return Outcome(
        recorded=recorded,
        reason=reason,
        winner=winner,
        owners=tuple(one.subject for one in yes) if recorded else (),
        grants=_grants(yes, winner) if recorded else frozenset(),
        considered=tuple(_placed(one, winner, side, because) for one in verdicts),
    )


def _rank(one: Verdict) -> tuple[int, bool, int]:
    terms = one.terms
    return STRENGTH[terms.mode], terms.grade in (Grade.FORCE, Grade.NEVER), terms.priority


def _contest(
    yes: list[Verdict], no: list[Verdict], call: Call, tie_break: TieBreak, against: ForceAgainstNever
) -> tuple[bool, str]:
    """Whether it is recorded although somebody objects, and why."""
    forced = [one for one in yes if one.terms.grade is Grade.FORCE]
    never = [one for one in no if one.terms.grade is Grade.NEVER]
    if forced and never:
        chosen = against.value
        recorded = _by_side(chosen, forced, never, call) if chosen in _SIDES else chosen == "force"
        return bool(recorded), f"force against never, force_against_never = {chosen}"
    if forced or never:
        return bool(forced), "force beats no" if forced else "never beats yes"
    high, low = (max(one.terms.priority for one in side) for side in (yes, no))
    if high != low:
        return high > low, f"priority {max(high, low)} beats {min(high, low)}"
    chosen = tie_break.value
    yes, no = ([one for one in side if one.terms.priority == high] for side in (yes, no))
    recorded = _by_side(chosen, yes, no, call) if chosen in _SIDES else chosen == "record"
    return recorded is not False, f"equal priority, tie_break = {chosen}"


_SIDES = ("caller", "callee")


def _by_side(chosen: str, yes: list[Verdict], no: list[Verdict], call: Call) -> bool | None:
    """What the caller's (or the callee's) own rules say; None when they say both or nothing."""
    calling = chosen == "caller"
    says_yes, says_no = (any(_calls(one, call) is calling for one in side) for side in (yes, no))
    return None if says_yes == says_no else says_yes


def _calls(one: Verdict, call: Call) -> bool:
    """Whether a subject is on the caller's side. A queue or group was called; so was a DDI that somebody dialled."""
    kind = one.subject.kind
    if kind in (SubjectKind.QUEUE, SubjectKind.RING_GROUP, SubjectKind.CONFERENCE):
        return False
    called = any(leg.originating for leg in one.legs)
    if kind is SubjectKind.DDI:
        return not called
    return called or any(leg in callers(call) for leg in one.legs)


def _grants(yes: list[Verdict], winner: Verdict) -> frozenset[Grant]:
    """What people may ask for: the winner's mode bounds it, so a stop that an on-demand rule grants never ends what
    an `always` rule wants. Owners of the same automatic mode must all agree; of on-demand ones, one suffices."""
    peers = [one.terms.grants for one in yes if one.terms.mode is winner.terms.mode]
    if winner.terms.mode is Mode.ON_DEMAND:
        return frozenset().union(*peers)
    return frozenset(peers[0]).intersection(*peers)


def _reason(winner: Verdict, recorded: bool) -> str:
    mode = winner.terms.mode
    what = "not recorded" if not recorded else "recorded on demand" if mode is Mode.ON_DEMAND else "recorded"
    if winner.rule is None:
        return f"{what}: the default is {mode.value} ({winner.text})"
    return f"{what}: rule '{winner.rule.name}' ({winner.text}, {mode.value})"


def _placed(one: Verdict, winner: Verdict, side: list[Verdict], because: str) -> Considered:
    if one is winner:
        return _considered(one, "won", because)
    if one.terms.grade is Grade.NEUTRAL:
        return _considered(one, "neutral", "")
    return _considered(one, "agrees" if one in side else "lost", "" if one in side else because)


def _considered(one: Verdict, outcome: str, because: str) -> Considered:
    said = one.terms.said
    return Considered(
        one.rule.name if one.rule else "", one.subject, outcome, f"{said}; {because}" if because else said
    )
