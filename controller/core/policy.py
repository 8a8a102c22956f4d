"""decide(): what the policy says about a call as it stands now, who wins, and why. docs/policy.md tells it in words.

The way of a decision: helplines first; then the numbers that are never recorded; then each subject on the call gets
the verdict of the first rule that names it and holds; verdicts that may not count are set aside (isolation, paging,
voicemail); the rest are weighed by grade, priority and tie-break (grades.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from controller.core import grades
from controller.core.calls import Call, Leg, is_room
from controller.core.conditions import View
from controller.core.decision import Considered, Decision, Grade, Mode, Subject, SubjectKind
from controller.core.events import BridgeKind
from controller.core.grades import ForceAgainstNever, TieBreak, Verdict
from controller.core.numbers import MOST_REMEMBERED, NumberList, Way
from controller.core.roster import Party, Roster
from controller.core.rules import BUILT_IN, Rule, RuleIndex, Site, Terms, terms_of
from controller.core.subjects import (
    Remote,
    SubjectLegs,
    callers,
    direction,
    former_subjects_of,
    numbers_on,
    present,
    subjects_of,
    traffic,
)

HELPLINE = Decision(Mode.NEVER, "not recorded and not listed", hidden=True)
"""Nothing about such a call is written anywhere, so nothing about it is in here (F-014)."""

MOST_EXPLAINED = 20
"""Rules about one subject that did not match and are explained one by one; the rest are counted."""


class QueueIsolation(Enum):
    """Who decides about a queue's or a conference's call (Y-10, Y-11)."""

    STRICT = "strict"  # the queue or conference alone
    TRUNK_WINS = "trunk_wins"  # a trunk or DDI whose rule says yes is recorded all the same


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers that mean something whichever rule applies. The last three are what phones dial."""

    helplines: NumberList = field(default_factory=NumberList)
    exclude: NumberList = field(default_factory=NumberList)
    include: NumberList = field(default_factory=NumberList)
    paging: NumberList = field(default_factory=NumberList)
    intercom: NumberList = field(default_factory=NumberList)
    voicemail: NumberList = field(default_factory=NumberList)


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decide() needs. `organisation` and `sites` hold what rules inherit. Empty, it records nothing."""

    rules: tuple[Rule, ...] = ()
    roster: Roster = field(default_factory=Roster)
    organisation: Site = field(default_factory=Site)
    sites: Mapping[str, Site] = field(default_factory=lambda: MappingProxyType({}))
    numbers: Numbers = field(default_factory=Numbers)
    queue_isolation: QueueIsolation = QueueIsolation.STRICT
    ring_group_isolation: bool = False
    tie_break: TieBreak = TieBreak.RECORD
    force_against_never: ForceAgainstNever = ForceAgainstNever.NEVER
    _index: RuleIndex = field(init=False, repr=False, compare=False)
    _follows: bool = field(init=False, repr=False, compare=False)
    _terms: dict[tuple[int, str], Terms] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", RuleIndex(self.rules, self.roster))
        everywhere = (self.organisation.settings, *(site.settings for site in self.sites.values()))
        above = any(settings.follow_transfer for settings in everywhere)
        object.__setattr__(self, "_follows", above or any(rule.settings.follow_transfer for rule in self.rules))

    @property
    def follows(self) -> bool:
        """Whether anything keeps recording after its subject has transferred the call away."""
        return self._follows

    def rules_about(self, subject: Subject) -> tuple[Rule, ...]:
        return self._index.about(subject)

    def site_of(self, subject: Subject) -> Site:
        """The subject's site; the organisation itself for subjects without one."""
        return self.sites.get(self.roster.site_of(subject), self.organisation)

    def terms(self, rule: Rule | None, subject: Subject, site: Site) -> Terms:
        """What the rule (None: the default) means for a subject at this site."""
        line = rule is None and subject.kind is SubjectKind.LINE
        # The policy holds its rules, so their addresses name them; hashing a rule whole would be slow.
        key = (id(rule) if rule else -1 if line else 0, site.name)
        known = self._terms.get(key)
        if known is None:
            if len(self._terms) >= MOST_REMEMBERED:
                self._terms.clear()
            # A line is not recorded unless a rule names it, whatever the default for people is (W-13).
            above = (BUILT_IN,) if line else (site.settings, self.organisation.settings)
            known = self._terms[key] = terms_of(rule, above)
        return known


def decide(policy: Policy, call: Call) -> Decision:
    """The decision for this call now. Total and deterministic: the same policy and call give the same answer."""
    if policy.numbers.helplines and _helpline(policy, call):
        return HELPLINE
    roster = policy.roster
    legs = present(call, roster)
    subjects = subjects_of(call, roster, legs)
    numbers = numbers_on(legs, roster)
    facts = _facts(policy, call, subjects, numbers)
    unassigned = _unassigned(roster, call, subjects)
    excluded = _excluded(policy, call, numbers) if policy.numbers.exclude else ""
    if excluded:
        return Decision(Mode.NEVER, f"not recorded: {excluded}", facts=facts, unassigned=unassigned)
    trace: list[Considered] = []
    verdicts, silence = _verdicts(policy, call, subjects, trace)
    outcome = grades.weigh(verdicts, call, policy.tie_break, policy.force_against_never, silence)
    winner = outcome.winner
    terms = winner.terms if winner is not None and outcome.recorded else _NOT_RECORDED
    return Decision(
        mode=terms.mode,
        reason=outcome.reason,
        rule=winner.rule.name if winner is not None and winner.rule is not None else "",
        owners=outcome.owners,
        grants=outcome.grants,
        options=terms.options,
        considered=(*trace, *outcome.considered),
        facts=facts,
        unassigned=unassigned,
    )


_NOT_RECORDED = terms_of(None, ())


def _helpline(policy: Policy, call: Call) -> bool:
    """Whether any number that ever was on this call is a helpline's, on whichever side and however it was written."""
    helplines, roster = policy.numbers.helplines, policy.roster
    for leg in call.legs.values():
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


def _verdicts(
    policy: Policy, call: Call, subjects: tuple[SubjectLegs, ...], trace: list[Considered]
) -> tuple[list[Verdict], str]:
    """The verdicts that count, and the reason to give if none of them is an opinion. The others go to the trace."""
    kind, alone = _kind(policy, call), _alone(policy, call, subjects)
    counted: list[Verdict] = []
    aside = ""
    for subject, legs in subjects:
        verdict = _verdict(policy, call, subject, legs, trace)
        why = _isolated(policy, verdict, alone) or _unwanted(verdict, kind)
        if not why:
            counted.append(verdict)
            continue
        aside = aside or why
        if verdict.rule is not None and verdict.terms.grade is not Grade.NEUTRAL:
            trace.append(Considered(verdict.rule.name, subject, "isolated", why))
    if policy.follows and alone is None:
        counted.extend(_following(policy, call, subjects, kind, trace))
    if alone is not None and any(_wins_over_queue(policy, one) for one in counted):
        # A trunk's yes wins: a queue's no has lost before it is weighed.
        lost = [one for one in counted if one.subject == alone and one.terms.grade is Grade.NO]
        counted = [one for one in counted if one not in lost]
        trace.extend(
            Considered(one.rule.name, alone, "lost", "queue_isolation = trunk_wins") for one in lost if one.rule
        )
    return counted, _silence(policy, subjects, counted, alone, aside)


def _verdict(policy: Policy, call: Call, subject: Subject, legs: tuple[Leg, ...], trace: list[Considered]) -> Verdict:
    """The first rule in the file that names the subject and whose conditions hold; else the default."""
    site = policy.site_of(subject)
    view: View | None = None
    missed = 0
    for rule in policy.rules_about(subject):
        if rule.when is None:
            return Verdict(subject, legs, rule, policy.terms(rule, subject, site))
        view = view or View(call, subject, legs, policy.roster, site.name, site.zone)
        if rule.when.holds(view):
            return Verdict(subject, legs, rule, policy.terms(rule, subject, site))
        missed += 1
        if missed <= MOST_EXPLAINED:
            because = f"needs {rule.when}, but {rule.when.fact(view)}"
            trace.append(Considered(rule.name, subject, "did not match", because))
    if missed > MOST_EXPLAINED:
        because = f"{missed - MOST_EXPLAINED} more rules that name it did not match"
        trace.append(Considered("", subject, "did not match", because))
    return Verdict(subject, legs, None, policy.terms(None, subject, site))


def _alone(policy: Policy, call: Call, subjects: tuple[SubjectLegs, ...]) -> Subject | None:
    """The queue, conference or ring group that decides alone about this call, if there is one."""
    if call.queue or is_room(call.id):
        return subjects[-1][0]
    if policy.ring_group_isolation:
        return next((subject for subject, _ in subjects if subject.kind is SubjectKind.RING_GROUP), None)
    return None


def _isolated(policy: Policy, verdict: Verdict, alone: Subject | None) -> str:
    """Why this verdict does not count because of where the call is (Y-9, Y-10); "" when it counts.

    While a leg sits in a conference, its own call leaves the decision to the conference's call, trunks included:
    that one records for all of its members, and one conversation is recorded once.
    """
    if alone is None or alone.kind is not SubjectKind.CONFERENCE:
        for leg in verdict.legs:
            if leg.kind is BridgeKind.ROOM and leg.bridge is not None:
                return "in a conference the conference decides, for all of its members at once"
    if alone is None or verdict.subject == alone or _wins_over_queue(policy, verdict):
        return ""
    return f"{alone} decides alone (queue_isolation = {policy.queue_isolation.value})"


def _wins_over_queue(policy: Policy, verdict: Verdict) -> bool:
    return (
        policy.queue_isolation is QueueIsolation.TRUNK_WINS
        and verdict.subject.kind in (SubjectKind.TRUNK, SubjectKind.DDI)
        and verdict.terms.grade in (Grade.YES, Grade.FORCE)
    )


def _kind(policy: Policy, call: Call) -> str:
    """paging, intercom or voicemail, told by the dialplan (ONRECORD_KIND) or known by the dialled number; else ""."""
    told = call.attributes.get("kind", "").lower()
    if told in _KINDS:
        return told
    numbers = policy.numbers
    lists = (("paging", numbers.paging), ("intercom", numbers.intercom), ("voicemail", numbers.voicemail))
    for kind, patterns in lists:
        if patterns and any(leg.dialled and patterns.find(leg.dialled, dialled=True) for leg in callers(call)):
            return kind
    return ""


_KINDS = ("paging", "intercom", "voicemail")


def _unwanted(verdict: Verdict, kind: str) -> str:
    """Why a yes does not count for this kind of call: paging, intercom and voicemail are left out (Y-6)."""
    terms = verdict.terms
    if not kind or terms.grade not in (Grade.YES, Grade.FORCE):
        return ""
    if kind == "voicemail":
        return "" if terms.record_voicemail else "this is a voicemail call (record_voicemail is off)"
    return "" if terms.record_paging else f"this is {_A[kind]} call (record_paging is off)"


_A = {"paging": "a paging", "intercom": "an intercom"}


def _following(
    policy: Policy, call: Call, subjects: tuple[SubjectLegs, ...], kind: str, trace: list[Considered]
) -> list[Verdict]:
    """The yes of people who have transferred the call away and whose rule follows it."""
    former = former_subjects_of(call, policy.roster, subjects)
    verdicts = [_verdict(policy, call, subject, legs, trace) for subject, legs in former]
    return [
        one
        for one in verdicts
        if one.terms.follow_transfer and one.terms.grade in (Grade.YES, Grade.FORCE) and not _unwanted(one, kind)
    ]


def _silence(
    policy: Policy, subjects: tuple[SubjectLegs, ...], counted: list[Verdict], alone: Subject | None, aside: str
) -> str:
    """The reason to give when nobody who counts has an opinion."""
    if not subjects:
        return "not recorded: nobody whom the policy knows is on this call"
    if alone is not None:
        others = f", and {_PLURAL[alone.kind]} stand alone" if aside else ""
        setting = f" (queue_isolation = {policy.queue_isolation.value})" if aside else ""
        return f"not recorded: {alone} is not enabled{others}{setting}"
    if aside:
        return f"not recorded: {aside}"
    names = ", ".join(str(one.subject) for one in counted[:4]) + (", …" if len(counted) > 4 else "")
    return f"not recorded: no rule wants {names}, and the default is never"


_PLURAL = {
    SubjectKind.QUEUE: "queues",
    SubjectKind.CONFERENCE: "conferences",
    SubjectKind.RING_GROUP: "ring groups",
}


def _unassigned(roster: Roster, call: Call, subjects: tuple[SubjectLegs, ...]) -> bool:
    """Whether no person of the roster, and no queue, group or room, takes part: whose is the recording? (I-27)"""
    for subject, _ in subjects:
        if subject.kind in _PLURAL:
            return False
    for leg in call.legs.values():
        if leg.local or not (leg.alive or leg.joined_at is not None):
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
        ("subjects", ", ".join([str(subject) for subject, _ in subjects])),
    ]
    if outside:
        facts.append(("outside", ", ".join(outside)))
    facts.extend(("dialled", leg.dialled) for leg in callers(call) if leg.dialled)
    facts.extend((f"attribute {name}", value) for name, value in call.attributes.items())
    return tuple(facts)
