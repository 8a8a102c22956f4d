"""From the tables of the file to the frozen objects of the core: number plan, roster, sites, rules, policy."""

from __future__ import annotations

from types import MappingProxyType
from zoneinfo import ZoneInfo

from phonenumbers import PhoneMetadata

from controller.config import models
from controller.config.machinery import Pbx
from controller.config.positions import Path
from controller.config.problems import Notes, meant
from controller.config.tables import Tables
from controller.core import policy, reading, roster, rules
from controller.core.combinations import COMBINATIONS
from controller.core.conditions import CONDITIONS
from controller.core.decision import AfterRefusal, Destination, SubjectKind
from controller.core.numbers import BadPattern, NumberList, NumberPlan, Pattern
from controller.core.regions import Regions
from controller.core.rules import Rule, Selector, Settings, selector
from controller.core.view import Condition
from controller.core.written import number_list
from hardware import sequences
from hardware.keys import Key
from hardware.sequences import CodeBook

SELECTORS: dict[str, tuple[SubjectKind, rules.How | None]] = {
    "extension": (SubjectKind.EXTENSION, None),
    "group": (SubjectKind.EXTENSION, rules.How.GROUP),
    "department": (SubjectKind.EXTENSION, rules.How.DEPARTMENT),
    "line": (SubjectKind.LINE, None),
    "trunk": (SubjectKind.TRUNK, None),
    "ddi": (SubjectKind.DDI, None),
    "queue": (SubjectKind.QUEUE, None),
    "ring_group": (SubjectKind.RING_GROUP, None),
    "conference": (SubjectKind.CONFERENCE, None),
}
"""The keys by which a rule names subjects; a how of None: the text tells."""

_OPTIONAL_PREFIX = "1"
"""In North America a number is dialled with or without the 1."""


def number_plan(tables: Tables, notes: Notes) -> NumberPlan:
    """The number plan, with what the file leaves out taken from the country's own rules."""
    numbers = tables.one("numbers", models.Numbers)
    outside = numbers.outside_prefix
    if numbers.country is None:
        return NumberPlan(
            "", numbers.international_prefix or "00", numbers.national_prefix or "", outside_prefix=outside
        )
    country = PhoneMetadata.metadata_for_region(numbers.country.upper())
    if country is None or numbers.country != numbers.country.upper():
        near = f"; did you mean '{numbers.country.upper()}'?" if country is not None else ""
        what = f"'{numbers.country}' is no country: two capital letters, such as GB{near}"
        notes.wrong(("numbers", "country"), what)
        return NumberPlan(outside_prefix=outside)
    dialled = country.international_prefix or ""
    national = country.national_prefix or ""
    return NumberPlan(
        country_code=str(country.country_code),
        international_prefix=numbers.international_prefix or (dialled if dialled.isdigit() else "00"),
        national_prefix=national if numbers.national_prefix is None else numbers.national_prefix,
        national_lengths=frozenset(country.general_desc.possible_length if country.general_desc else ()),
        prefix_optional=not national or str(country.country_code) == _OPTIONAL_PREFIX,
        outside_prefix=outside,
    )


def build_roster(tables: Tables, plan: NumberPlan, notes: Notes) -> roster.Roster:
    """Who and what is on the PBX."""
    queues = [roster.Place(SubjectKind.QUEUE, one.name, one.site) for _, one in tables.all("queue", models.Queue)]
    ddis = [roster.Place(SubjectKind.DDI, one.number, one.site) for _, one in tables.all("ddi", models.Ddi)]
    rooms = tables.all("conference", models.Conference)
    places = [*queues, *ddis, *(roster.Place(SubjectKind.CONFERENCE, one.name, one.site) for _, one in rooms)]
    return roster.Roster(
        extensions=tuple(_extension(one) for _, one in tables.all("extension", models.Extension)),
        lines=tuple(
            roster.Line(one.name, one.endpoints, one.department, frozenset(one.groups), one.site)
            for _, one in tables.all("line", models.Line)
        ),
        trunks=tuple(roster.Trunk(one.name, one.endpoints, one.site) for _, one in tables.all("trunk", models.Trunk)),
        ring_groups=tuple(
            roster.RingGroup(one.number, one.name, one.site) for _, one in tables.all("ring_group", models.RingGroup)
        ),
        places=tuple(places),
        internal=_numbers(tables.one("numbers", models.Numbers), "internal", plan, notes),
        plan=plan,
    )


def _extension(one: models.Extension) -> roster.Extension:
    groups = frozenset(one.groups)
    return roster.Extension(
        one.number, one.name, one.department, groups, one.site, one.endpoints, one.macs, one.phone
    )


CODES_COST = (
    "their cost: the PBX must listen to every digit of these people's calls, so none is bridged natively or with "
    "direct media while codes are armed; Asterisk then spent 34 to 56 % more CPU on the same calls "
    "(benchmarks/keys.py). Put codes_cost_known = true into [keys] once you know it, or use the Record key, which "
    "costs none of this"
)
"""Told to whoever switches codes on (V-12)."""


def build_policy(tables: Tables, notes: Notes, regions: Regions) -> policy.Policy:
    """The policy; what cannot be understood is noted and left out."""
    plan = number_plan(tables, notes)
    decide = tables.one("decide", models.Decide)
    numbers = tables.one("numbers", models.Numbers)
    organisation = tables.one("organisation", models.Organisation)
    keys = tables.one("keys", models.Keys)
    zone = organisation.time_zone
    sites = {
        one.name: rules.Site(
            one.name,
            settings(one),
            ZoneInfo(one.time_zone or zone),
            _codes(("site", place, "codes"), one.codes, keys.codes_cost_known, notes),
        )
        for place, one in tables.all("site", models.Site)
    }
    return policy.Policy(
        rules=tuple(build_rule(place, one, plan, notes) for place, one in tables.all("rule", models.Rule)),
        roster=build_roster(tables, plan, notes),
        organisation=rules.Site(
            "",
            settings(tables.one("defaults", models.Settings)),
            ZoneInfo(zone),
            _codes(("keys", "codes"), keys.codes, keys.codes_cost_known, notes),
        ),
        sites=MappingProxyType(sites),
        numbers=policy.Numbers(
            *(_numbers(numbers, key, plan, notes) for key in ("helplines", "exclude", "include")),
            *(_numbers(numbers, key, plan, notes) for key in ("paging", "intercom", "voicemail")),
        ),
        queue_isolation=decide.queue_isolation,
        ring_group_isolation=decide.ring_group_isolation,
        tie_break=decide.tie_break,
        force_against_never=decide.force_against_never,
        record_key=keys.record_key,
        renews=frozenset(one.name for _, one in tables.all("pbx", Pbx) if one.renew_recorders),
        regions=regions,
    )


def _codes(path: Path, table: models.Codes | None, cost_known: bool, notes: Notes) -> CodeBook | None:
    """The code book; one that could not work is noted."""
    given: dict[str, str] = {} if table is None else {key: one for key, one in table.model_dump().items() if one}
    if len(set(given.values())) < len(given):
        notes.wrong(path, "two keys have the same code")
        return None
    try:
        book = sequences.book({digits: Key(name) for name, digits in given.items()}, "codes") if given else None
    except sequences.CodeError as error:
        notes.wrong(path, str(error))
        return None
    if book is not None and not cost_known:
        notes.warn(path, CODES_COST)
    return book


def settings(table: models.Settings) -> Settings:
    """What the table sets itself."""
    return Settings(
        mode=table.mode,
        grants=None if table.grants is None else frozenset(table.grants),
        start=table.start,
        delay=table.delay,
        min_length=table.min_length,
        max_length=table.max_length,
        keep_unanswered=table.keep_unanswered,
        pause_form=table.pause_form,
        pause_side=table.pause_side,
        hold=table.hold,
        dtmf_guard=table.dtmf_guard,
        auto_resume=table.auto_resume,
        long_pause=table.long_pause,
        on_failure=table.on_failure,
        announce_inbound=table.announce_inbound,
        announce_outbound=table.announce_outbound,
        announce_internal=table.announce_internal,
        announce_to=table.announce_to,
        language=table.language,
        announce_fallback=table.announce_fallback,
        prompt_inbound=table.prompt_inbound,
        prompt_outbound=table.prompt_outbound,
        prompt_internal=table.prompt_internal,
        prompt_fallback=table.prompt_fallback,
        after_refusal=_after(table.after_refusal),
        announce_delay=table.announce_delay,
        untold=table.untold,
        notice_outside=table.notice_outside,
        notice_internal=table.notice_internal,
        notice_pause=table.notice_pause,
        notice_to=table.notice_to,
        beep=table.beep,
        beep_tone=table.beep_tone,
        beep_in_file=table.beep_in_file,
        beep_to=table.beep_to,
        follow_transfer=table.follow_transfer,
        record_paging=table.record_paging,
        record_voicemail=table.record_voicemail,
    )


def _after(refusal: str | Destination | None) -> AfterRefusal | Destination | None:
    return AfterRefusal(refusal) if isinstance(refusal, str) else refusal


def build_rule(place: int, table: models.Rule, plan: NumberPlan, notes: Notes) -> Rule:
    """One rule; a selector or condition that is wrong is noted."""
    path: Path = ("rule", place)
    selectors: list[Selector] = []
    for key, (kind, how) in SELECTORS.items():
        for entry, text in enumerate(getattr(table, key)):
            try:
                selectors.append(Selector(kind, how, text) if how else selector(kind, text, plan))
            except BadPattern as error:
                notes.wrong((*path, key, entry), str(error))
    return Rule(
        table.name, tuple(selectors), settings(table), table.grade, table.priority, _when(table, plan, notes, path)
    )


def _when(table: models.Rule, plan: NumberPlan, notes: Notes, path: Path) -> Condition | None:
    if table.when is None:
        return None
    problems: reading.Problems = []
    condition = reading.read(table.when, plan, problems)
    for inner, what in problems:
        unknown = what.startswith("there is no condition")
        names = (*CONDITIONS, *COMBINATIONS)
        notes.wrong((*path, "when", *inner), what + (meant(str(inner[-1]), names) if unknown else ""))
    return condition


def _numbers(table: models.Numbers, key: str, plan: NumberPlan, notes: Notes) -> NumberList:
    entries: tuple[object, ...] = getattr(table, key)
    good: list[Pattern] = []
    for place, entry in enumerate(entries):
        try:
            good.extend(number_list(entry, plan).patterns)
        except ValueError as error:
            notes.wrong(("numbers", key, place), str(error))
    return NumberList(tuple(good), plan)
