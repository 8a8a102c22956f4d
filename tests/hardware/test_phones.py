"""Phone families: the files that come with OnRecord, their pages, and what a wrong file is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hardware import phones, sequences, sip_info
from hardware.keys import Key
from hardware.phones import Family, FamilyError, Mark, Signal, Way, pages
from hardware.sip_info import RecordPress
from tests.hardware.packets import info

PAGES = Path(__file__).parents[2] / "docs" / "phones"
FAMILIES = phones.load()

SMALL = """name = "Small"
models = "one"
language = "text"
[user_agent]
begins = ["Small"]
mark = "mem"
source = "nowhere"
[[keys]]
name = "Record"
sends = "sip-info"
mark = "doc"
source = "its manual"
[[displays]]
name = "Lamp"
way = "blf"
truthful = true
mark = "doc"
source = "its manual"
[transfer]
after_failure = "unknown"
mark = "unproven"
source = "nobody"
"""


def test_the_families_of_the_plan_are_all_there() -> None:
    assert set(FAMILIES) == {"yealink", "snom", "fanvil", "grandstream", "htek", "cisco-mpp", "poly", "generic"}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.id)
def test_every_family_has_a_display_that_tells_the_truth(family: Family) -> None:
    assert any(display.truthful for display in family.displays)
    assert all(not display.truthful for display in family.displays if display.way is Way.OWN_GUESS)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.id)
def test_what_a_family_sends_by_info_is_what_the_parser_reads(family: Family) -> None:
    for key in family.keys:
        if key.sends is Signal.SIP_INFO and key.start:
            started, stopped = sip_info.read(info(key.start)), sip_info.read(info(key.stop))
            assert isinstance(started, RecordPress)
            assert isinstance(stopped, RecordPress)
            assert (started.on, stopped.on) == (True, False)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.id)
def test_a_key_whose_message_nobody_has_published_is_not_called_known(family: Family) -> None:
    for key in family.keys:
        if key.sends is Signal.SIP_INFO and not key.start:
            assert key.mark is Mark.UNPROVEN


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.id)
def test_the_page_of_a_family_is_made_from_its_data(family: Family) -> None:
    """If this fails: `python -m hardware.phones docs/phones`."""
    assert (PAGES / f"{family.id}.md").read_text("utf-8") == pages.page(family)


def test_there_are_no_other_pages_and_the_list_is_complete() -> None:
    assert (PAGES / "README.md").read_text("utf-8") == pages.index(FAMILIES)
    assert {page.stem for page in PAGES.glob("*.md")} == {*FAMILIES, "README"}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.id)
def test_every_line_of_provisioning_is_on_the_page(family: Family) -> None:
    page = pages.page(family)
    for setup in [key.setup for key in family.keys] + [display.setup for display in family.displays]:
        for line in setup:
            assert f"\n{line}\n" in page


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("Yealink SIP-T46G 28.80.0.95", "yealink"),
        ("yealink SIP-T38G 38.70.0.125 00:15:65:aa:bb:cc", "yealink"),
        ("snomD735/10.1.169.16", "snom"),
        ("Grandstream GXP2170 1.0.11.64", "grandstream"),
        ("Cisco-CP-8841-3PCC/11.0", "cisco-mpp"),
        ("Linphone/5.2", None),
        ("", None),
    ],
)
def test_a_phone_is_recognised_by_what_it_calls_itself(user_agent: str, family: str | None) -> None:
    found = phones.recognise(user_agent, FAMILIES)
    assert (found.id if found else None) == family


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('name = "Small"', 'nmae = "Small"'), r"small.toml: nmae: unknown; known are .*name"),
        (('name = "Small"\n', ""), r"small.toml: name: missing"),
        (('sends = "sip-info"', 'sends = "telepathy"'), r"keys\[0\].sends: 'telepathy' is none of sip-info, "),
        (('sends = "sip-info"', 'sends = ["sip-info"]'), r"small.toml: keys\[0\].sends: .* is none of"),
        (("truthful = true", 'truthful = "yes"'), r"displays\[0\].truthful: 'yes' is not what belongs here"),
        (("truthful = true", "truthful = 1"), r"small.toml: displays\[0\].truthful: 1 is not what belongs here"),
        (('source = "nobody"', 'source = ""'), r"small.toml: transfer.source: '' is not what belongs here"),
        (('begins = ["Small"]', 'begins = "Small"'), r"small.toml: user_agent.begins: must be a list"),
        (('begins = ["Small"]', "begins = [1]"), r"small.toml: user_agent.begins\[0\]: 1 is not what belongs here"),
        (('[transfer]\nafter_failure = "unknown"', "[transfer]"), r"small.toml: transfer.after_failure: missing"),
        (('name = "Lamp"', 'name = "Lamp"\nsetup = ["{lmap}"]'), r"displays.Lamp.setup: no place is called {lmap}"),
        (('language = "text"', 'language = "text"\nid = "x"'), r"small.toml: id: a family is called as its file"),
        (("[[keys]]", "[[keys"), r"small.toml: "),
        (("[[keys]]", "[keys]"), r"small.toml: keys: must be a list"),
    ],
)
def test_a_wrong_file_is_told_its_name_and_the_key(change: tuple[str, str], told: str) -> None:
    assert isinstance(phones.read("small.toml", SMALL), Family)
    with pytest.raises(FamilyError, match=told):
        phones.read("small.toml", SMALL.replace(*change))


def test_a_family_without_any_key_is_refused() -> None:
    without = re.sub(r"\[\[keys]].*?\[\[displays]]", "[[displays]]", SMALL, flags=re.DOTALL)
    with pytest.raises(FamilyError, match="keys: missing"):
        phones.read("small.toml", without)


def test_two_families_cannot_claim_the_same_phones() -> None:
    one, other = phones.read("one.toml", SMALL), phones.read("two.toml", SMALL)
    with pytest.raises(FamilyError, match=r"two.toml: user_agent.begins: 'Small' stands in one.toml already"):
        phones._distinct({"one.toml": one, "two.toml": other})


def test_the_code_in_the_example_of_the_docs_is_one_that_can_be_configured() -> None:
    examples = re.findall(r"`(\*\d+)`", phones.PLACES["code"])
    assert examples
    sequences.book(dict.fromkeys(examples, Key.TOGGLE))
