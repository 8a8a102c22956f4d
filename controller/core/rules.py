"""Rules as data: whom each names, what it sets, what it inherits; and the index that finds those about a subject."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, tzinfo
from enum import Enum
from typing import TypeVar

from controller.core.commands import Side
from controller.core.decision import (
    AfterRefusal,
    Announce,
    Audience,
    ByRegion,
    Destination,
    Grade,
    Grant,
    HoldRule,
    Mode,
    NoticeForm,
    OnFailure,
    Options,
    PauseForm,
    StartPoint,
    Subject,
    SubjectKind,
    Untold,
)
from controller.core.numbers import NumberPlan, Pattern, pattern
from controller.core.regional import left_open
from controller.core.roster import Extension, Line, Roster
from controller.core.view import Condition
from hardware.sequences import CodeBook

GRANTED: dict[Mode, frozenset[Grant]] = {
    Mode.NEVER: frozenset(),
    Mode.ON_DEMAND: frozenset({Grant.START, Grant.STOP, Grant.PAUSE}),
    Mode.ON_DEMAND_KEEP: frozenset({Grant.START, Grant.STOP, Grant.PAUSE}),
    Mode.ALWAYS_WITH_PAUSE: frozenset({Grant.PAUSE}),
    Mode.ALWAYS: frozenset(),
}
"""What each mode lets people do, and the most that a rule can grant within it (W-2)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set for the organisation, a site and a rule. None is inherited, each field by itself (F-015)."""

    mode: Mode | None = None
    grants: frozenset[Grant] | None = None
    start: StartPoint | None = None
    delay: float | None = None
    min_length: float | None = None
    max_length: float | None = None
    keep_unanswered: bool | None = None
    pause_form: PauseForm | None = None
    pause_side: Side | None = None
    hold: HoldRule | None = None
    dtmf_guard: bool | None = None
    auto_resume: float | None = None
    long_pause: float | None = None
    on_failure: OnFailure | None = None
    announce_inbound: Announce | ByRegion | None = None
    announce_outbound: Announce | ByRegion | None = None
    announce_internal: Announce | ByRegion | None = None
    announce_to: Audience | ByRegion | None = None
    language: str | None = None
    announce_fallback: Announce | None = None
    prompt_inbound: str | None = None
    prompt_outbound: str | None = None
    prompt_internal: str | None = None
    prompt_fallback: str | None = None
    after_refusal: AfterRefusal | Destination | None = None
    announce_delay: float | None = None
    untold: Untold | None = None
    notice_outside: NoticeForm | None = None
    notice_internal: NoticeForm | None = None
    notice_pause: NoticeForm | None = None
    notice_to: Audience | None = None
    beep: float | ByRegion | None = None
    beep_tone: str | ByRegion | None = None
    beep_in_file: bool | None = None
    beep_to: Audience | None = None
    follow_transfer: bool | None = None
    record_paging: bool | None = None
    record_voicemail: bool | None = None


BUILT_IN = Settings(
    mode=Mode.NEVER,
    start=StartPoint.BRIDGE,
    delay=Options().delay,
    min_length=Options().min_length,
    max_length=Options().max_length,
    keep_unanswered=Options().keep_unanswered,
    pause_form=Options().pause_form,
    pause_side=Options().pause_side,
    hold=Options().hold,
    dtmf_guard=Options().dtmf_guard,
    auto_resume=Options().auto_resume,
    long_pause=Options().long_pause,
    on_failure=Options().on_failure,
    announce_inbound=Options().announce_inbound,
    announce_outbound=Options().announce_outbound,
    announce_internal=Options().announce_internal,
    announce_to=Options().announce_to,
    language=Options().language,
    announce_fallback=Options().announce_fallback,
    prompt_inbound=Options().prompt_inbound,
    prompt_outbound=Options().prompt_outbound,
    prompt_internal=Options().prompt_internal,
    prompt_fallback=Options().prompt_fallback,
    after_refusal=Options().after_refusal,
    announce_delay=Options().announce_delay,
    untold=Options().untold,
    notice_outside=Options().notice_outside,
    notice_internal=Options().notice_internal,
    notice_pause=Options().notice_pause,
    notice_to=Options().notice_to,
    beep=Options().beep,
    beep_tone=Options().beep_tone,
    beep_in_file=Options().beep_in_file,
    beep_to=Options().beep_to,
    follow_transfer=False,
    record_paging=False,
    record_voicemail=False,
)


def inherit(own: Settings, *above: Settings) -> Settings:
    """`own`, with each field that it leaves out taken from the first of `above` that has it."""
    for more in above:
        own = replace(
            own, **{f.name: getattr(more, f.name) for f in fields(Settings) if getattr(own, f.name) is None}
        )
    return own


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the organisation, or (with the name "") the organisation itself: its settings and its clock."""

    name: str = ""
    settings: Settings = field(default_factory=Settings)
    zone: tzinfo = UTC
    codes: CodeBook | None = None  # what its people type during a call; None: the organisation's


class How(Enum):
    """How a selector names subjects."""

    NAME = "name"
    PATTERN = "pattern"
    PREFIX = "prefix"
    EVERY = "every"
    GROUP = "group"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True)
class Selector:
    """Some subjects of one kind. Groups and departments name the extensions and lines that belong to them."""

    kind: SubjectKind
    how: How
    text: str
    pattern: Pattern | None = None


_NUMBER = re.compile(r"^[0-9+*#.! ()/-]+$")


def selector(kind: SubjectKind, text: str, plan: NumberPlan) -> Selector:
    """What a text names: `*` all, `sales*` those that begin so, `100-199`, `2..`, `03!`, or one name or number.

    Raises BadPattern.
    """
    if text == "*":
        return Selector(kind, How.EVERY, text)
    if text.endswith("*"):
        return Selector(kind, How.PREFIX, text[:-1])
    if not _NUMBER.match(text):
        return Selector(kind, How.NAME, text)
    shape = pattern(text, plan)
    if not shape.exact:
        return Selector(kind, How.PATTERN, text, shape)
    return Selector(kind, How.NAME, plan.canonical(text) if kind is SubjectKind.DDI else shape.exact)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the policy file. `grade` None: yes, or no where the mode is never."""

    name: str
    selectors: tuple[Selector, ...]
    settings: Settings = field(default_factory=Settings)
    grade: Grade | None = None
    priority: int = 10
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule, or the default where no rule speaks, means for one subject once everything is inherited."""

    mode: Mode
    grade: Grade
    grants: frozenset[Grant]
    options: Options
    follow_transfer: bool
    record_paging: bool
    record_voicemail: bool
    priority: int = 10
    said: str = ""  # in a few words, for the trace


_T = TypeVar("_T")


def _known(value: _T | None) -> _T:
    if value is None:
        raise ValueError("the built-in settings must set every field")
    return value


def _plain(value: _T | ByRegion | None) -> _T:
    if isinstance(value, ByRegion):
        raise ValueError("what is left to the regions has a stand-in")
    return _known(value)


def terms_of(rule: Rule | None, above: Iterable[Settings]) -> Terms:
    """The rule's terms within `above` (the site's settings, then the organisation's). None: no rule spoke."""
    own = rule.settings if rule else Settings()
    grade = rule.grade if rule else None
    if grade in (Grade.NO, Grade.NEVER):
        own = replace(own, mode=Mode.NEVER)
    set_somewhere, by_region = left_open(inherit(own, *above))
    full = inherit(set_somewhere, BUILT_IN)
    mode = _known(full.mode)
    most = GRANTED[mode]
    graded = _graded(rule, grade, mode)
    return Terms(
        mode=mode,
        grade=graded,
        grants=most if full.grants is None else full.grants & most,
        options=_options(full, by_region),
        follow_transfer=_known(full.follow_transfer),
        record_paging=_known(full.record_paging),
        record_voicemail=_known(full.record_voicemail),
        priority=rule.priority if rule else 0,
        said=_said(rule, graded, mode),
    )


def _options(full: Settings, by_region: frozenset[str]) -> Options:
    """How it is recorded and what people are told, where nothing is left open any more."""
    after = full.after_refusal or AfterRefusal.GO_ON
    return Options(
        start=_known(full.start),
        delay=_known(full.delay),
        min_length=_known(full.min_length),
        max_length=_known(full.max_length),
        keep_unanswered=_known(full.keep_unanswered),
        pause_form=_known(full.pause_form),
        pause_side=_known(full.pause_side),
        hold=_known(full.hold),
        dtmf_guard=_known(full.dtmf_guard),
        auto_resume=_known(full.auto_resume),
        long_pause=_known(full.long_pause),
        on_failure=_known(full.on_failure),
        announce_inbound=_plain(full.announce_inbound),
        announce_outbound=_plain(full.announce_outbound),
        announce_internal=_plain(full.announce_internal),
        announce_to=_plain(full.announce_to),
        language=_known(full.language),
        announce_fallback=_known(full.announce_fallback),
        prompt_inbound=_known(full.prompt_inbound),
        prompt_outbound=_known(full.prompt_outbound),
        prompt_internal=_known(full.prompt_internal),
        prompt_fallback=_known(full.prompt_fallback),
        after_refusal=AfterRefusal.ROUTE if isinstance(after, Destination) else after,
        refusal_to=after if isinstance(after, Destination) else None,
        announce_delay=_known(full.announce_delay),
        untold=_known(full.untold),
        notice_outside=_known(full.notice_outside),
        notice_internal=_known(full.notice_internal),
        notice_pause=_known(full.notice_pause),
        notice_to=_known(full.notice_to),
        beep=_plain(full.beep),
        beep_tone=_plain(full.beep_tone),
        beep_in_file=_known(full.beep_in_file),
        beep_to=_known(full.beep_to),
        by_region=by_region,
    )


def _said(rule: Rule | None, grade: Grade, mode: Mode) -> str:
    if rule is None:
        return f"no rule speaks, the default is {mode.value}"
    return "neutral: it changes nothing" if grade is Grade.NEUTRAL else f"{grade.value}, {mode.value}"


def _graded(rule: Rule | None, grade: Grade | None, mode: Mode) -> Grade:
    """A default of never is no opinion: it must not outvote the rule of the other party. A yes without a mode that
    inherits never has nothing to say either."""
    if mode is Mode.NEVER:
        if grade in (Grade.NO, Grade.NEVER):
            return grade
        return Grade.NEUTRAL if rule is None or grade is not None or rule.settings.mode is None else Grade.NO
    return grade or Grade.YES


class RuleIndex:
    """Finds the rules that name a subject, in the order of the file, however many do not."""

    def __init__(self, rules: tuple[Rule, ...], roster: Roster) -> None:
        self._rules = rules
        self._plan = roster.plan
        self._exact: dict[tuple[SubjectKind, str], list[int]] = {}
        self._loose: dict[SubjectKind, list[tuple[int, Selector]]] = {}
        members = _members(roster)
        for place, rule in enumerate(rules):
            for one in rule.selectors:
                self._add(place, one, members)

    def about(self, subject: Subject) -> tuple[Rule, ...]:
        """The rules that name this subject, first in the file first."""
        places = set(self._exact.get((subject.kind, subject.name), ()))
        loose = self._loose.get(subject.kind, ())
        if loose:
            spellings = (*self._plan.spellings(subject.name), subject.name)
            places.update(place for place, one in loose if _names(one, subject.name, spellings))
        return tuple(self._rules[place] for place in sorted(places))

    def _add(self, place: int, one: Selector, members: dict[tuple[How, str], list[Subject]]) -> None:
        if one.how in (How.PATTERN, How.PREFIX, How.EVERY):
            self._loose.setdefault(one.kind, []).append((place, one))
            return
        subjects = list(members.get((one.how, one.text), ()))
        if one.how is How.NAME:
            subjects = [known for known in subjects if known.kind is one.kind]
            subjects.append(Subject(one.kind, one.text))
        for subject in subjects:
            self._exact.setdefault((subject.kind, subject.name), []).append(place)


def _names(one: Selector, name: str, spellings: tuple[str, ...]) -> bool:
    if one.how is How.PREFIX:
        return name.startswith(one.text)
    return one.pattern is None or one.pattern.matches(spellings)


def _members(roster: Roster) -> dict[tuple[How, str], list[Subject]]:
    """Whom names, groups and departments stand for."""
    found: dict[tuple[How, str], list[Subject]] = {}
    people: tuple[Extension | Line, ...] = (*roster.extensions, *roster.lines)
    for person in people:
        if isinstance(person, Extension):
            subject = Subject(SubjectKind.EXTENSION, person.number)
        else:
            subject = Subject(SubjectKind.LINE, person.name)
        keys = [(How.GROUP, group) for group in person.groups]
        keys += [(How.DEPARTMENT, person.department)] if person.department else []
        keys += [(How.NAME, person.name)] if person.name else []
        for key in keys:
            found.setdefault(key, []).append(subject)
    for group in roster.ring_groups:
        if group.name:
            found.setdefault((How.NAME, group.name), []).append(Subject(SubjectKind.RING_GROUP, group.number))
    return found
