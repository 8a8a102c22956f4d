"""Regions: the row for a number, the strictest of all parties, and rows that cannot be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core import regions
from controller.core.decision import Announce, Audience
from controller.core.numbers import NumberPlan
from controller.core.regions import Region, Regions, Tone

PLAN = NumberPlan("44", "00", "0", frozenset({10}))
TODAY = date(2026, 11, 21)
TONE = Tone(1400, 0.5, 15)
UNKNOWN = Region("unknown", "unknown", Announce.OPT_IN, Audience.BOTH, TONE, "nothing is known")
GB = Region("gb", "Britain", Announce.NOTIFY, Audience.FAR, Tone(1400, 0.5, 60), "so it is", ("+44",))
FR = Region("fr", "France", Announce.OPT_OUT, Audience.FAR, TONE, "so it is", ("+33",), 180, "EEA")
PT = Region("pt", "Portugal", Announce.OPT_IN, Audience.NEAR, TONE, "so it is", ("+351",), 90, "EEA")
US = Region("us", "States", Announce.NOTIFY, Audience.BOTH, TONE, "so it is", ("+1",))
CA = Region("ca", "Canada", Announce.OPT_OUT, Audience.FAR, TONE, "so it is", ("+1416",))
FREE = Region("xx", "Nowhere", Announce.NONE, Audience.NEAR, TONE, "so it is", ("+999",))
ALL = (GB, FR, PT, US, CA, FREE)
ROWS = Regions({each.code: each for each in ALL}, UNKNOWN, ("+1876",), {"paris": "fr"})


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+33123456789", "fr"),
        ("0033123456789", "fr"),
        ("02055501234", "gb"),  # as a carrier of this country writes it
        ("+14165550123", "ca"),  # the longer prefix
        ("+12125550123", "us"),
        ("+18765550123", "unknown"),  # Jamaica: under +1, and of another country
        ("+4930123456", "unknown"),
        ("", "unknown"),
        ("anonymous", "unknown"),
        ("116123", "unknown"),
    ],
)
def test_a_number_is_of_the_region_with_the_longest_prefix_and_else_unknown(number: str, code: str) -> None:
    assert regions.of_number(ROWS, number, PLAN).code == code


def test_our_own_people_are_where_their_site_is_and_else_in_the_country_of_the_numbers() -> None:
    assert regions.of_house(ROWS, "paris", PLAN) is FR
    assert regions.of_house(ROWS, "london", PLAN) is GB
    assert regions.of_house(ROWS, "", NumberPlan("1")) is US  # of the country, though longer prefixes are Canadian
    assert regions.of_house(ROWS, "", NumberPlan()) is UNKNOWN


def test_the_strictest_of_all_parties_wins_field_by_field() -> None:
    asked = regions.required([GB, FR])
    assert asked.notice is Announce.OPT_OUT
    assert asked.audience is Audience.FAR
    assert asked.tone == TONE  # every 15.5 s, not every minute
    assert (asked.retention_days, asked.residency) == (180, ("EEA",))
    assert regions.required([FR, PT]).retention_days == 90
    assert regions.required([FR, PT]).audience is Audience.BOTH  # far for one, near for the other
    assert regions.required([FREE, GB]).audience is Audience.FAR  # who asks for nothing asks nobody
    assert regions.required([GB, UNKNOWN]).notice is Announce.OPT_IN
    with pytest.raises(ValueError, match="parties"):
        regions.required([])


@given(st.lists(st.sampled_from([*ALL, UNKNOWN]), min_size=1, max_size=6), st.sampled_from([*ALL, UNKNOWN]))
def test_another_party_never_makes_less_of_what_is_asked(parties: list[Region], more: Region) -> None:
    order = list(Announce)
    before, after = regions.required(parties), regions.required([*parties, more])
    assert order.index(after.notice) >= max(order.index(before.notice), order.index(more.notice))
    assert set(after.residency) >= set(before.residency)
    assert after.tone.period <= before.tone.period
    assert not before.retention_days or 0 < after.retention_days <= before.retention_days
    if before.audience is Audience.BOTH:
        assert after.audience is Audience.BOTH
    assert regions.required(reversed([*parties, more])).notice is after.notice  # the order does not matter


def test_what_is_told_names_each_region_its_sources_and_that_it_is_no_advice() -> None:
    cited = replace(FR, sources=("CNIL 2014-474",), checked=TODAY, own=True)
    lines = list(regions.told(regions.required([GB, cited])))
    assert lines[0] == "the regions of the parties ask for: opt-out, heard by the other side"
    assert 'beep_tone = "1400/500" (Hz/ms), beep = 15.5 (s)' in lines[1]
    assert any("France: opt-out" in line and "CNIL 2014-474, as of 2026-11-21" in line for line in lines)
    assert any("the site's own row" in line for line in lines)
    assert "no legal advice" in lines[-1]


def test_a_policy_that_announces_less_than_the_regions_ask_is_told_of() -> None:
    asked = regions.required([FR])
    assert not regions.shortfalls(asked, Announce.OPT_OUT, Audience.FAR)
    assert not regions.shortfalls(asked, Announce.OPT_IN, Audience.BOTH)
    assert "opt-out" in regions.shortfalls(asked, Announce.NOTIFY, Audience.FAR)[0]
    assert "far" in regions.shortfalls(asked, Announce.OPT_OUT, Audience.NEAR)[0]
    assert regions.shortfalls(regions.required([US]), Announce.NOTIFY, Audience.FAR)
    assert not regions.shortfalls(regions.required([FREE]), Announce.NONE, Audience.FAR)


@pytest.mark.parametrize(
    ("rows", "key", "what"),
    [
        (Regions({"fr": FR, "be": replace(GB, code="be", prefixes=("+33",))}, UNKNOWN), "region.be.prefixes", "fr"),
        (Regions({"fr": FR}, UNKNOWN, ("+33",)), "region.fr.prefixes", "elsewhere"),
        (Regions({"fr": FR}, replace(UNKNOWN, notice=Announce.NOTIFY)), "unknown.notice", "less"),
        (Regions({"fr": FR}, replace(UNKNOWN, audience=Audience.FAR)), "unknown.audience", "both"),
        (Regions({"fr": FR}, UNKNOWN, (), {"paris": "fx"}), "site.paris", "fx"),
        (Regions({"fr": replace(FR, tone=Tone(100, 0.5, 15))}, UNKNOWN), "region.fr.tone", "100 Hz"),
        (Regions({"fr": replace(FR, tone=Tone(1400, 5, 15))}, UNKNOWN), "region.fr.tone", "5000 ms"),
        (Regions({"fr": replace(FR, tone=Tone(1400, 0.5, 1))}, UNKNOWN), "region.fr.tone", "between"),
        (Regions({"fr": replace(FR, checked=date(2027, 1, 1))}, UNKNOWN), "region.fr.checked", "future"),
        (Regions({"fr": replace(FR, because=" ")}, UNKNOWN), "region.fr.because", "why"),
        (Regions({"xx": replace(FREE, audience=Audience.BOTH)}, UNKNOWN), "region.xx.notice", "none"),
    ],
)
def test_rows_that_cannot_be_meant_are_named(rows: Regions, key: str, what: str) -> None:
    assert [(found, what in why) for found, why in regions.contradictions(rows, TODAY)] == [(key, True)]


def test_rows_that_can_be_meant_are_not() -> None:
    assert list(regions.contradictions(ROWS, TODAY)) == []
