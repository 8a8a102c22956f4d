"""Regional: which regions a call's parties are in, and the settings that are left to what they ask for. Pure (F-060).

A setting that says "region" (decision.ByRegion) takes the value that the strictest of all parties' regions asks for,
anew with every decision: a newcomer brings his region with him.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from controller.core import regions
from controller.core.altered import replace
from controller.core.calls import Call, Leg
from controller.core.decision import Announce, Audience, ByRegion, Options, Regional, Subject, SubjectKind
from controller.core.numbers import NumberPlan
from controller.core.regions import Region, Regions, Required
from controller.core.roster import Party, Roster
from controller.core.subjects import SubjectLegs, arrived, callers, numbers_on

if TYPE_CHECKING:
    from controller.core.rules import Settings

ANNOUNCEMENTS = ("announce_inbound", "announce_outbound", "announce_internal")
STAND_INS: dict[str, Any] = {
    **dict.fromkeys(ANNOUNCEMENTS, Announce.OPT_IN),
    "announce_to": Audience.BOTH,
    "beep": 15.5,
    "beep_tone": Options().beep_tone,
}
"""The settings that may be left to the regions, and the strictest that can come of it: what is to be ready before a
call is there to ask for its regions."""


def left_open(settings: Settings) -> tuple[Settings, frozenset[str]]:
    """The settings with stand-ins for what is left to the regions, and the names of those. Whom an announcement is
    for and how a beep sounds goes with it where nobody has set it."""
    found = {name for name in STAND_INS if getattr(settings, name) is ByRegion.REGION}
    if settings.announce_to is None and found & {*ANNOUNCEMENTS}:
        found.add("announce_to")
    if settings.beep_tone is None and "beep" in found:
        found.add("beep_tone")
    return (replace(settings, **{name: STAND_INS[name] for name in found}) if found else settings), frozenset(found)


def obeyed(options: Options, asked: Required) -> Options:
    """The options with all that is left to the regions filled in."""
    values: dict[str, Any] = {
        **dict.fromkeys(ANNOUNCEMENTS, asked.notice),
        "announce_to": asked.audience,
        "beep": asked.tone.period,
        "beep_tone": asked.tone.setting,
    }
    return replace(options, **{name: values[name] for name in sorted(options.by_region)})


def parties(
    call: Call, legs: tuple[Leg, ...], subjects: tuple[SubjectLegs, ...], roster: Roster, rows: Regions
) -> tuple[Region, ...]:
    """The regions of the house, which records, and of everybody on these legs; each once, the house's first."""
    found = [(who[0], who[1]) if (who := roster.who(leg)) is not None else (None, Party.UNKNOWN) for leg in legs]
    ours = [subject for subject, side in found if side is Party.INTERNAL and subject is not None]
    sites = [roster.site_of(subject) for subject in ours]
    if not ours:  # as long as nobody of the house is there: where the queue, the number or the trunk is
        shared = [site for subject, _ in subjects if (site := roster.site_of(subject))]
        sites = shared[-1:] or [""]
    house = [regions.of_house(rows, site, roster.plan) for site in sites]
    return tuple({region.code: region for region in (*house, *_outside(call, legs, roster, rows))}.values())


def _outside(call: Call, legs: tuple[Leg, ...], roster: Roster, rows: Regions) -> Iterator[Region]:
    there = False
    for remote, leg in zip(numbers_on(legs, roster), legs, strict=True):
        who = roster.who(leg)
        if who is not None and who[1] is Party.INTERNAL:
            continue
        there = True
        if remote.outside:
            yield regions.of_number(rows, _number(remote.number, roster.plan), roster.plan)
        else:  # the house's other site, over a trunk
            site = roster.site_of(Subject(SubjectKind.EXTENSION, remote.number))
            yield regions.of_house(rows, site, roster.plan)
    if not there and len(legs) < 2:  # nobody has been called yet; a short number may be anybody's of the house
        dialled = [_number(leg.dialled, roster.plan) for leg in callers(call) if not roster.is_internal(leg.dialled)]
        yield from (regions.of_number(rows, number, roster.plan) for number in dialled if number.startswith("+"))


def _number(dialled: str, plan: NumberPlan) -> str:
    """Of the spellings of what was dialled, with the outside prefix and without it, the unmistakable one."""
    return next((one for one in plan.dialled(dialled) if one.startswith("+")), dialled)


def ever(call: Call, legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """These, and everybody who has talked in this call: what was said by who is gone is kept as well."""
    here = {leg.id for leg in legs}
    gone = [leg for leg in call.legs.values() if leg.id not in here and leg.joined_at is not None and not leg.local]
    return (*legs, *(leg for leg in gone if arrived(leg)))


def kept(asked: Required) -> Regional:
    """What of it is about keeping the recording."""
    return Regional(tuple(sorted(region.code for region in asked.regions)), asked.retention_days, asked.residency)


def facts(asked: Required, options: Options) -> Iterable[tuple[str, str]]:
    """For the trace: what the regions ask for, and which settings follow them."""
    names = ", ".join(region.name for region in asked.regions)
    notice = f"{asked.notice.value}, {asked.audience.value}"
    yield "regions", f"{names}: {notice} (for {', '.join(sorted(options.by_region))})"
