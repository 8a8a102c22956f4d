"""regions.toml: ours has its sources, a site's own replaces it, and every mistake is named with its key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import phonenumbers
import pytest

from controller.core import regions as core
from controller.core.decision import Announce, Audience
from controller.core.numbers import NumberPlan
from controller.prompts.region_file import BadRegions, regions

TODAY = date(2026, 11, 21)
PLAN = NumberPlan()


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "regions.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.proves("F-060")
def test_every_row_of_ours_is_cited_dated_and_says_why() -> None:
    rows = regions(today=TODAY)
    assert len(rows.by_code) >= 10
    for region in rows.by_code.values():
        assert region.sources, region.code
        assert region.checked is not None, region.code
        assert len(region.because) > 20, region.code
        assert not region.own
    assert (rows.unknown.notice, rows.unknown.audience) == (Announce.OPT_IN, Audience.BOTH)


def test_the_prefixes_agree_with_the_numbering_plan_of_the_world() -> None:
    rows = regions(today=TODAY)
    for region in rows.by_code.values():
        for country in (region.code.upper(),):
            example = phonenumbers.example_number(country)
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert core.of_number(rows, number, PLAN).code == region.code, number
    # Under the same prefixes lie other countries: they are unknown, and no mistake in favour of less.
    for country in ("JM", "BS", "DO", "TT", "JE", "GG", "IM", "LI", "RU"):
        example = phonenumbers.example_number(country)
        number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        assert core.of_number(rows, number, PLAN).code == "unknown", number


def test_every_area_code_of_canada_is_canadian() -> None:
    rows = regions(today=TODAY)
    for area in range(200, 1000):
        for rest in ("5550123", "2345678", "6234567"):
            parsed = phonenumbers.parse(f"+1{area}{rest}")
            if phonenumbers.region_code_for_number(parsed) == "CA":
                assert core.of_number(rows, f"+1{area}{rest}", PLAN).code == "ca", area


def test_a_row_of_the_site_replaces_ours_key_by_key_and_is_marked(tmp_path: Path) -> None:
    text = '[region.de]\nnotice = "opt-out"\nbecause = "our counsel, letter of 3 May"\n[site]\nberlin = "de"\n'
    rows = regions(own(tmp_path, text), TODAY)
    assert rows.by_code["de"].notice is Announce.OPT_OUT
    assert rows.by_code["de"].prefixes == ("+49",)
    assert rows.by_code["de"].own
    assert rows.by_code["de"].sources == ()  # ours do not speak for what the site says
    assert not rows.by_code["fr"].own
    assert core.of_house(rows, "berlin", PLAN).code == "de"
    assert any("own row" in line for line in core.told(core.required([rows.by_code["de"]])))


def test_a_region_that_we_do_not_have_can_be_added(tmp_path: Path) -> None:
    text = '[region.se]\nname = "Sweden"\nprefixes = ["+46"]\nnotice = "notify"\naudience = "far"\nbecause = "x"\n'
    assert core.of_number(regions(own(tmp_path, text), TODAY), "+46812345678", PLAN).code == "se"


def test_no_file_of_the_site_s_own_is_no_mistake(tmp_path: Path) -> None:
    assert regions(tmp_path / "regions.toml", TODAY) == regions(today=TODAY)


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ("region = 3", "region", "table"),
        ("[regions.de]\n", "regions", "no such key"),
        ('[region.de]\nnotice = "ask"\nbecause = "x"', "region.de.notice", "opt-out"),
        ('[region.de]\naudience = "all"\nbecause = "x"', "region.de.audience", "both"),
        ('[region.de]\nnotise = "none"\nbecause = "x"', "region.de.notise", "no such key"),
        ('[region.de]\nnotice = "none"', "region.de.because", "says why"),
        ('[region.se]\nbecause = "x"', "region.se", "needs notice"),
        ('[region.DE]\nnotice="none"\naudience="far"\nbecause = "x"', "region.DE", "small letters"),
        ('[region.de]\nprefixes = ["49"]\nbecause = "x"', "region.de.prefixes", "+49"),
        ('[region.de]\nprefixes = "+49"\nbecause = "x"', "region.de.prefixes", "list"),
        ('[region.de]\nretention_days = -1\nbecause = "x"', "region.de.retention_days", "whole days"),
        ('[region.de]\nretention_days = true\nbecause = "x"', "region.de.retention_days", "whole days"),
        ('[region.de]\nchecked = "2026"\nbecause = "x"', "region.de.checked", "without quotes"),
        ('[region.de]\nchecked = 2026-12-24\nbecause = "x"', "region.de.checked", "future"),
        ('[region.de]\ntone = { hz = 1400 }\nbecause = "x"', "region.de.tone", "all three"),
        ('[region.de]\ntone = { hz = "a", ms = 1, silence_ms = 1 }\nbecause = "x"', "region.de.tone", "numbers"),
        ('[region.de]\ntone = { hz = nan, ms = 500, silence_ms = 15000 }\nbecause = "x"', "region.de.tone", "300"),
        ('[region.de]\nprefixes = ["+33"]\nbecause = "x"', "region.fr.prefixes", "belongs to de already"),
        ('[unknown]\nnotice = "notify"\nbecause = "x"', "unknown.notice", "strictest"),
        ('[site]\nberlin = "dd"', "site.berlin", "no region 'dd'"),
    ],
)
def test_a_mistake_is_named_with_file_key_and_what_would_be_right(
    tmp_path: Path, text: str, key: str, what: str
) -> None:
    with pytest.raises(BadRegions) as error:
        regions(own(tmp_path, text), TODAY)
    assert any(found == key and what in why for found, why in error.value.problems), error.value.problems
    assert str(tmp_path / "regions.toml") in str(error.value)


@pytest.mark.parametrize("data", [b"[region", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_what_is_no_toml_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "regions.toml").write_bytes(data)
    with pytest.raises(BadRegions):
        regions(tmp_path / "regions.toml", TODAY)
