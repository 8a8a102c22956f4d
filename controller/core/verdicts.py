"""What each subject's first rule says, and whether it may count where the call is: isolation, paging, voicemail."""

from __future__ import annotations

from controller.core.calls import Call, Leg, is_room
from controller.core.commands import LegId
from controller.core.decision import Considered, Grade, Subject, SubjectKind
from controller.core.grades import Verdict
from controller.core.rulebook import Policy, QueueIsolation
from controller.core.subjects import SubjectLegs, callers, former_subjects_of, seated
from controller.core.view import View

MOST_EXPLAINED = 20
"""Rules about one subject that did not match and are explained one by one; the rest are counted."""
SHARED = frozenset({SubjectKind.QUEUE, SubjectKind.CONFERENCE, SubjectKind.RING_GROUP})
"""Subjects that are called by somebody and answered by one of several."""


def verdicts_on(
    policy: Policy, call: Call, subjects: tuple[SubjectLegs, ...], trace: list[Considered]
) -> tuple[list[Verdict], str]:
    """The verdicts that count, and the reason to give if none of them is an opinion. The others go to the trace."""
    kind, alone = _kind(policy, call), _alone(policy, call, subjects)
    # Asterisk's Page() joins its phones in a conference of its own: that is no conference to anybody.
    away = frozenset() if is_room(call.id) or kind in _PAGED else seated(call)
    counted: list[Verdict] = []
    aside = ""
    for subject, legs in subjects:
        verdict = _verdict(policy, call, subject, legs, trace)
        why = _isolated(policy, verdict, alone, away) or _unwanted(verdict, kind)
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
    opinion = any(one.terms.grade is not Grade.NEUTRAL for one in counted)
    return counted, "" if opinion else _silence(policy, subjects, counted, alone, aside)


def _verdict(policy: Policy, call: Call, subject: Subject, legs: tuple[Leg, ...], trace: list[Considered]) -> Verdict:
    """The first rule in the file that names the subject and whose conditions hold; else the default."""
    about = policy.about(subject)
    site, view, missed = about.site, None, 0
    for rule in about.rules:
        if rule.when is None:
            return Verdict(subject, legs, rule, policy.terms(rule, site), about.text)
        view = view or View(call, subject, legs, policy.roster, site.name, site.zone)
        if rule.when.holds(view):
            return Verdict(subject, legs, rule, policy.terms(rule, site), about.text)
        missed += 1
        if missed <= MOST_EXPLAINED:
            because = f"needs {rule.when}, but {rule.when.fact(view)}"
            trace.append(Considered(rule.name, subject, "did not match", because))
    if missed > MOST_EXPLAINED:
        because = f"{missed - MOST_EXPLAINED} more rules that name it did not match"
        trace.append(Considered("", subject, "did not match", because))
    return Verdict(subject, legs, None, about.default, about.text)


def _alone(policy: Policy, call: Call, subjects: tuple[SubjectLegs, ...]) -> Subject | None:
    """The queue, conference or ring group that decides alone about this call, if there is one."""
    if call.queue or is_room(call.id):
        return subjects[-1][0]
    if policy.ring_group_isolation:
        return next((subject for subject, _ in subjects if subject.kind is SubjectKind.RING_GROUP), None)
    return None


def _isolated(policy: Policy, verdict: Verdict, alone: Subject | None, away: frozenset[LegId]) -> str:
    """Why this verdict does not count because of where the call is (Y-9, Y-10); "" when it counts.

    `away`: the legs that sit in a conference. While one does, its own call leaves the decision to the conference's
    call, which records for all of its members. But where the trunk wins, its outside party's own call is recorded
    on, whomever he talks to, as the one recording that it was before and will be afterwards.
    """
    wins = _wins_over_queue(policy, verdict)
    if away and any(leg.id in away for leg in verdict.legs):
        return "" if wins else "in a conference the conference decides, for all of its members at once"
    if alone is None or verdict.subject == alone or (wins and alone.kind is not SubjectKind.CONFERENCE):
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
_PAGED = ("paging", "intercom")


def _unwanted(verdict: Verdict, kind: str) -> str:
    """Why a yes does not count for this kind of call: paging, intercom and voicemail are left out (Y-6)."""
    terms = verdict.terms
    if not kind or terms.grade not in (Grade.YES, Grade.FORCE):
        return ""
    if verdict.subject.kind is SubjectKind.CONFERENCE and kind in _PAGED:
        return f"this is {_A[kind]} call, about which the caller's own call decides"
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
    names = ", ".join(one.text for one in counted[:4]) + (", …" if len(counted) > 4 else "")
    return f"not recorded: no rule wants {names}, and the default is never"


_PLURAL = {
    SubjectKind.QUEUE: "queues",
    SubjectKind.CONFERENCE: "conferences",
    SubjectKind.RING_GROUP: "ring groups",
}
