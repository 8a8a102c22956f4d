"""decide(): what the policy says about a call as it stands now, who wins, and why. docs/policy.md tells it in words.

The way of a decision: helplines first; then the numbers that are never recorded; then each subject on the call gets
the verdict of the first rule that names it and holds (verdicts.py), those that may not count are set aside, and the
rest are weighed by grade, priority and tie-break (grades.py).
"""

from __future__ import annotations

from controller.core import grades, regional
from controller.core.calls import Call, Leg
from controller.core.commands import LegId
from controller.core.decision import Considered, Decision, Mode, Options, Regional
from controller.core.grades import ForceAgainstNever, TieBreak
from controller.core.numbers import Way
from controller.core.regions import Required
from controller.core.roster import Party, Roster
from controller.core.rulebook import Numbers, Policy, QueueIsolation
from controller.core.rules import Terms, terms_of
from controller.core.subjects import (
    Remote,
    SubjectLegs,
    arrived,
    callers,
    direction,
    numbers_on,
    out_of_it,
    present,
    seated,
    subjects_of,
    traffic,
)
from controller.core.verdicts import SHARED, verdicts_on

__all__ = ["ForceAgainstNever", "Numbers", "Policy", "QueueIsolation", "TieBreak", "decide"]

HELPLINE = Decision(Mode.NEVER, "not recorded and not listed", hidden=True)
"""Nothing about such a call is written anywhere, so nothing about it is in here (F-014)."""


def decide(policy: Policy, call: Call) -> Decision:
    """The decision for this call now. Total and deterministic: the same policy and call give the same answer.

    Most events change nothing that a rule can see; then it is the very decision that was made before.
    """
    legs = present(call, policy.roster)
    scene = _scene(policy, call, legs)
    known = policy.decided(scene)
    return known if known is not None else policy.remember(scene, _decide(policy, call, legs))


def _scene(policy: Policy, call: Call, legs: tuple[Leg, ...]) -> object:
    """All of a call that a decision can depend on; two calls with the same scene get the same decision.

    Whatever subjects.py, conditions.py and verdicts.py look at has to be in here: a test compares decisions with
    and without memory over random calls.
    """
    others: list[Leg] = []
    if len(call.legs) > len(legs):
        here = {leg.id for leg in legs}
        others = [leg for leg in call.legs.values() if leg.id not in here and arrived(leg)]
    left: list[LegId] = []
    if others and (policy.follows or policy.regions is not None):
        left = [leg.id for leg in out_of_it(call, legs)]
    return (
        call.id,
        call.began_at,
        call.queue,
        call.room,
        seated(call),
        tuple(left),
        tuple(call.attributes.items()),
        tuple([_seen(leg) for leg in legs]),
        tuple([_seen(leg) for leg in others]),
    )


def _seen(leg: Leg) -> object:
    return (
        leg.id,
        leg.endpoint,
        leg.number,
        leg.dialled,
        leg.presented,
        leg.originating,
        leg.ended_at is None or leg.joined_at is not None,
    )


def _decide(policy: Policy, call: Call, legs: tuple[Leg, ...]) -> Decision:
    if policy.numbers.helplines and _helpline(policy, call):
        return HELPLINE
    roster = policy.roster
    subjects = subjects_of(call, roster, legs)
    numbers = numbers_on(legs, roster)
    facts = _facts(policy, call, subjects, numbers)
    unassigned = _unassigned(roster, call, subjects)
    excluded = _excluded(policy, call, numbers) if policy.numbers.exclude else ""
    if excluded:
        return Decision(Mode.NEVER, f"not recorded: {excluded}", facts=facts, unassigned=unassigned)
    trace: list[Considered] = []
    verdicts, silence = verdicts_on(policy, call, subjects, trace)
    outcome = grades.weigh(verdicts, call, policy.tie_break, policy.force_against_never, silence)
    winner = outcome.winner
    terms = winner.terms if winner is not None and outcome.recorded else _NOT_RECORDED
    options, keeping, told = _by_region(policy, call, legs, subjects, terms)
    return Decision(
        mode=terms.mode,
        reason=outcome.reason,
        rule=winner.rule.name if winner is not None and winner.rule is not None else "",
        owners=outcome.owners,
        grants=outcome.grants,
        options=options,
        considered=(*trace, *outcome.considered),
        facts=(*facts, *told),
        unassigned=unassigned,
        regional=keeping,
    )


_NOT_RECORDED = terms_of(None, ())


def required(policy: Policy, call: Call) -> Required | None:
    """What the regions of all who count now ask for, whether the policy heeds it or not. None: no regions."""
    legs = present(call, policy.roster)
    return _required(policy, call, legs, subjects_of(call, policy.roster, legs))


def _required(
    policy: Policy, call: Call, legs: tuple[Leg, ...], subjects: tuple[SubjectLegs, ...]
) -> Required | None:
    rows = policy.regions
    return None if rows is None else rows.together(regional.parties(call, legs, subjects, policy.roster, rows))


def _by_region(
    policy: Policy, call: Call, legs: tuple[Leg, ...], subjects: tuple[SubjectLegs, ...], terms: Terms
) -> tuple[Options, Regional, tuple[tuple[str, str], ...]]:
    """What to announce is by who is there; how long to keep it, by who ever was."""
    asked = None if terms.mode is Mode.NEVER else _required(policy, call, legs, subjects)
    if asked is None:
        return terms.options, Regional(), ()
    ever = regional.ever(call, legs)
    all_asked = (asked if len(ever) == len(legs) else _required(policy, call, ever, subjects)) or asked
    if not terms.options.by_region:
        return terms.options, regional.kept(all_asked), ()
    options = regional.obeyed(terms.options, asked)
    return options, regional.kept(all_asked), tuple(regional.facts(asked, options))


def _helpline(policy: Policy, call: Call) -> bool:
    """Whether any number that ever was on this call is a helpline's, on whichever side and however it was written."""
    helplines, roster = policy.numbers.helplines, policy.roster
    for leg in call.legs.values():
        if not arrived(leg):
            continue
        who = roster.listed(leg)
        for number in (leg.number, leg.presented, who[0].name if who is not None else leg.endpoint):
            if number and helplines.find(number):
                return True
        if leg.dialled and helplines.find(leg.dialled, dialled=True):
            return True
    return False


def _excluded(policy: Policy, call: Call, numbers: tuple[Remote, ...]) -> str:
    """Why nobody's rule matters: a party's number is on the organisation's list of numbers not to record (I-16)."""
    if len(numbers) < 2:
        asked = (leg.dialled for leg in callers(call) if leg.dialled)
        numbers += tuple(Remote(number, Way.TO, True) for number in asked)
    include = policy.numbers.include
    if include and any(include.find(one.number, one.way, one.way is Way.TO) for one in numbers):
        return ""
    for one in numbers:
        found = policy.numbers.exclude.find(one.number, one.way, one.way is Way.TO)
        if found is not None:
            return f"{one.number} is on the list of excluded numbers ({found})"
    return ""


def _unassigned(roster: Roster, call: Call, subjects: tuple[SubjectLegs, ...]) -> bool:
    """Whether no person of the roster, and no queue, group or room, takes part: whose is the recording? (I-27)"""
    for subject, _ in subjects:
        if subject.kind in SHARED:
            return False
    for leg in call.legs.values():
        if leg.local or not arrived(leg) or not (leg.alive or leg.joined_at is not None):
            continue
        who = roster.listed(leg) if roster.people_listed else roster.who(leg)
        if who is not None and who[1] is Party.INTERNAL:
            return False
    return True


def _facts(
    policy: Policy, call: Call, subjects: tuple[SubjectLegs, ...], numbers: tuple[Remote, ...]
) -> tuple[tuple[str, str], ...]:
    """What the decision was made from, as pairs for a person to read. Never empty of the first three."""
    outside = [one.number or "unknown" for one in numbers if one.outside]
    facts = [
        ("direction", direction(call, policy.roster)),
        ("traffic", traffic(numbers) or "unknown"),
        ("subjects", ", ".join([policy.about(subject).text for subject, _ in subjects])),
    ]
    if outside:
        facts.append(("outside", ", ".join(outside)))
    facts.extend(("dialled", leg.dialled) for leg in callers(call) if leg.dialled)
    facts.extend((f"attribute {name}", value) for name, value in call.attributes.items())
    return tuple(facts)
