"""Settings left to the regions: the strictest of all parties decides, anew with every newcomer; a rule outweighs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.config.load import parse
from controller.config.problems import ConfigError
from controller.core.decision import Announce, Audience, ByRegion, Decision, Options
from controller.core.policy import Policy, decide, required
from controller.core.regional import left_open, parties
from controller.core.rules import Settings
from controller.core.subjects import present, subjects_of
from tests.core.situations import OFFICE, after, decided, inbound, outbound, policy, ringing, talk
from tests.playbook import Scene

RULE = '[[rule]]\nname = "all"\nextension = "*"\nmode = "always"\n'
OBEY = (
    '[defaults]\nannounce_inbound = "region"\nannounce_outbound = "region"\nannounce_internal = "region"\n'
    'beep = "region"\n'
)
HOME, FRENCH, GERMAN, DUTCH = "07700900123", "+33123456789", "+4930123456", "+31201234567"


def told(decision: Decision) -> tuple[str, str]:
    return decision.options.announce_inbound.value, decision.options.announce_to.value


@pytest.mark.parametrize(
    ("number", "notice", "audience", "codes"),
    [
        (HOME, "notify", "both", ("gb",)),
        (FRENCH, "opt-out", "both", ("fr", "gb")),
        (GERMAN, "opt-in", "both", ("de", "gb")),
        (DUTCH, "notify", "both", ("gb", "nl")),
        ("anonymous", "opt-in", "both", ("gb", "unknown")),
        ("", "opt-in", "both", ("gb", "unknown")),
        ("+35312345678", "opt-in", "both", ("gb", "unknown")),  # no row
    ],
)
def test_the_strictest_of_house_and_outside_party_says_what_is_announced_and_to_whom(
    number: str, notice: str, audience: str, codes: tuple[str, ...]
) -> None:
    for call in (inbound(number=number), outbound(number=number)):
        decision = decided(OBEY + RULE, call)
        assert told(decision) == (notice, audience)
        assert decision.regional.regions == codes
        assert decision.options.announce_outbound is decision.options.announce_inbound


def test_without_the_word_nothing_is_announced_whatever_the_regions_ask() -> None:
    decision = decided(RULE, inbound(number=GERMAN))
    assert told(decision) == ("none", "far")
    assert decision.options.beep == 0
    assert decision.regional.regions == ("de", "gb")  # for keeping it


def test_what_a_rule_or_a_site_says_itself_outweighs_the_region() -> None:
    site = '[[site]]\nname = "south"\nannounce_inbound = "notify"\n[[extension]]\nnumber = "100"\nsite = "south"\n'
    assert told(decided(OBEY + site + RULE, inbound(number=GERMAN))) == ("notify", "both")
    assert told(decided(OBEY + RULE + 'announce_inbound = "none"\n', inbound(number=GERMAN)))[0] == "none"
    assert told(decided(OBEY + RULE + 'announce_to = "far"\n', inbound(number=GERMAN))) == ("opt-in", "far")


def test_beeps_come_as_often_as_the_strictest_region_asks_and_with_its_tone() -> None:
    german = decided(OBEY + RULE, inbound(number=GERMAN)).options
    assert (german.beep, german.beep_tone) == (15.08, "1400/80")
    home = decided(OBEY + RULE, inbound(number=HOME)).options
    assert (home.beep, home.beep_tone) == (60.5, "1400/500")
    own = decided(OBEY + RULE + 'beep_tone = "425/360"\n', inbound(number=GERMAN)).options
    assert (own.beep, own.beep_tone) == (15.08, "425/360")


def test_the_site_of_whom_a_call_is_handed_to_counts_from_his_joining(tmp_path: Path) -> None:
    (tmp_path / "regions.toml").write_text('[site]\nlyon = "fr"\nmunich = "de"\n', encoding="utf-8")
    sites = "".join(
        f'[[site]]\nname = "{site}"\n[[extension]]\nnumber = "{number}"\nsite = "{site}"\n'
        for number, site in (("100", "lyon"), ("200", "munich"))
    )
    rules = parse(OFFICE + OBEY + sites + RULE, tmp_path / "onrecord.toml").policy
    scene = Scene()
    before = [
        *ringing("carrier1", "100", number=HOME, dialled="0205550100", scene=scene),
        *(scene.answers("b"), scene.joins("b"), scene.joins("a")),
    ]
    assert told(decide(rules, after(*before))) == ("opt-out", "both")
    handed = [
        *(scene.leaves("b"), scene.ends("b"), scene.appears("c", "200", originating=False)),
        *(scene.answers("c"), scene.joins("c")),
    ]
    decision = decide(rules, after(*before, *handed))
    assert told(decision) == ("opt-in", "both")
    assert decision.regional.regions == ("de", "fr", "gb")  # what was said before is kept by Lyon's rules as well
    assert (decision.regional.retention_days, decision.regional.residency) == (180, ("EEA", "UK"))


def test_a_call_that_nobody_of_the_house_has_taken_yet_is_where_its_number_is(tmp_path: Path) -> None:
    (tmp_path / "regions.toml").write_text('[site]\nlyon = "fr"\n', encoding="utf-8")
    office = OFFICE + '[[site]]\nname = "lyon"\n[[ddi]]\nnumber = "0205550100"\nsite = "lyon"\n'
    rules = parse(office + OBEY + RULE, tmp_path / "onrecord.toml").policy
    scene = Scene()
    call = after(scene.appears("a", "carrier1", number=HOME, dialled="0205550100"))
    assert [one.code for one in found(rules, call)] == ["fr", "gb"]


def found(rules: Policy, call: object) -> tuple[object, ...]:
    assert rules.regions is not None
    legs = present(call, rules.roster)
    return parties(call, legs, subjects_of(call, rules.roster, legs), rules.roster, rules.regions)


def test_whom_a_phone_dials_counts_before_he_is_there_with_or_without_the_outside_prefix() -> None:
    office = OFFICE.replace('country = "GB"', 'country = "GB"\noutside_prefix = "9"')
    rules = policy(RULE, office)
    for dialled in ("004930123456", "9004930123456"):
        call = after(Scene().appears("a", "100", dialled=dialled))
        assert [one.code for one in found(rules, call)] == ["gb", "de"]
    inside = after(Scene().appears("a", "100", dialled="101"))
    assert [one.code for one in found(rules, inside)] == ["gb"]


def test_the_trace_says_which_regions_decided_what() -> None:
    facts = dict(decided(OBEY + RULE, inbound(number=FRENCH)).facts)
    assert facts["regions"].startswith("United Kingdom, France: opt-out, both (for announce_inbound")
    assert "regions" not in dict(decided(RULE, inbound(number=FRENCH)).facts)


def test_memory_changes_no_decision_that_regions_have_a_say_in() -> None:
    rules = policy(OBEY + RULE)
    calls = [inbound(number=number) for number in (HOME, GERMAN, FRENCH, GERMAN, HOME)]
    remembered = [decide(rules, call) for call in calls]
    for call, decision in zip(calls, remembered, strict=True):
        rules.forget()
        assert decide(rules, call) == decision


def test_what_is_left_open_is_named_and_has_a_stand_in() -> None:
    open_, names = left_open(Settings(announce_inbound=ByRegion.REGION, beep=ByRegion.REGION))
    assert names == {"announce_inbound", "announce_to", "beep", "beep_tone"}
    assert (open_.announce_inbound, open_.announce_to) == (Announce.OPT_IN, Audience.BOTH)
    assert open_.beep == 15.5  # so that who looks whether beeps are possible does not overlook them
    assert left_open(Settings()) == (Settings(), frozenset())
    assert Options().by_region == frozenset()


def test_between_our_own_phones_the_houses_region_decides() -> None:
    decision = decided(OBEY + RULE, talk("100", "101"))
    assert decision.options.announce_internal is Announce.NOTIFY
    asked = required(policy(OBEY + RULE), talk("100", "101"))
    assert asked is not None
    assert [one.code for one in asked.regions] == ["gb"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('announce_inbound = "regions"', "'regions' is none of none, notify, opt-out, opt-in, region; did you mean"),
        ('announce_to = "all"', "'all' is none of far, near, both, region"),
        ('beep = "often"', "is no length of time"),
        ("beep = 5", "every 10 to 1800 s"),
        ('beep_tone = "loud"', "write Hz/milliseconds"),
        ('announce_fallback = "region"', "'region' is none of"),
    ],
)
def test_a_word_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match="onrecord") as refused:
        parse(f"{OFFICE}[defaults]\n{text}\n", Path("onrecord.toml"))
    assert said in str(refused.value)


def test_a_regions_file_that_cannot_be_meant_keeps_the_policy_out_of_force(tmp_path: Path) -> None:
    own = tmp_path / "regions.toml"
    for text, said in (
        ('[site]\nlyon = "fr"\n', "regions.toml: site.lyon: the configuration has no [[site]] 'lyon'"),
        ('[region.de]\nnotice = "never"\nbecause = "x"\n', "regions.toml: region.de.notice: 'never'"),
        ('[unknown]\nnotice = "none"\nbecause = "x"\n', "regions.toml: unknown.notice: it asks less"),
    ):
        own.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as refused:
            parse(OFFICE + RULE, tmp_path / "onrecord.toml")
        assert said in str(refused.value)


def test_an_own_row_replaces_ours(tmp_path: Path) -> None:
    row = '[region.de]\nnotice = "notify"\nbecause = "our counsel"\n'
    (tmp_path / "regions.toml").write_text(row, encoding="utf-8")
    rules = parse(OFFICE + OBEY + RULE, tmp_path / "onrecord.toml").policy
    assert told(decide(rules, inbound(number=GERMAN))) == ("notify", "both")
    assert replace(rules, regions=None).regions is None
