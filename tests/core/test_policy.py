"""decide(): which calls are recorded, by whose rule, and why."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.calls import Call, is_room
from controller.core.commands import CallId
from controller.core.decision import Grant, Mode, StartPoint
from controller.core.events import BridgeId, BridgeKind
from controller.core.policy import Policy, decide
from controller.core.rules import Settings
from controller.core.subjects import seated
from tests.core.situations import (
    CUSTOMER,
    after,
    conference,
    decided,
    in_conference,
    inbound,
    internal,
    outbound,
    policy,
    queued,
    ringing,
    talk,
)
from tests.core.storms import calls, histories
from tests.playbook import BEGAN, Scene


def always(subjects: str, name: str = "r", more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\n{subjects}\nmode = "always"\n{more}\n'


def never(subjects: str, name: str = "n", more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\n{subjects}\nmode = "never"\n{more}\n'


def recorded(text: str, call: Call) -> bool:
    return decided(text, call).mode is not Mode.NEVER


def test_nothing_is_recorded_without_a_rule() -> None:
    decision = decide(Policy(), internal())
    assert decision.mode is Mode.NEVER
    assert decision.reason == "not recorded: no rule wants extension 100, extension 101, and the default is never"
    assert not decision.owners
    assert not decision.hidden


@pytest.mark.parametrize(
    ("subjects", "call", "expected"),
    [
        ('extension = "100"', internal(), True),
        ('extension = "102"', internal(), False),
        ('extension = ["102", "101"]', internal(), True),
        ('extension = "100-109"', internal(), True),
        ('extension = "110-199"', internal(), False),
        ('extension = "10."', internal(), True),
        ('extension = "1!"', internal(), True),
        ('extension = "2!"', internal(), False),
        ('extension = "*"', internal(), True),
        ('extension = "SIP-*"', internal("SIP-ann", "200"), True),
        ('extension = "Alice Example"', internal(), True),
        ('group = "agents"', internal("100", "200"), True),
        ('group = "agents"', internal("200", "201"), False),
        ('department = "Sales"', internal("101", "200"), True),
        ('line = "press"', internal("press-1", "200"), True),
        ('group = "public"', internal("press-1", "200"), True),
        ('extension = "*"', talk("press-1", "carrier1"), False),
        ('trunk = "carrier1"', inbound(), True),
        ('trunk = "carrier1"', outbound(), True),
        ('trunk = "carrier1"', internal(), False),
        ('trunk = "carrier2"', inbound(), False),
        ('trunk = "*"', inbound(trunk="carrier2"), True),
        ('ddi = "0205550100"', inbound(dialled="+44205550100"), True),
        ('ddi = "+44205550100"', inbound(dialled="0205550100"), True),
        ('ddi = "0205550100-0205550199"', inbound(dialled="+44205550150"), True),
        ('ddi = "02055501.."', outbound(presented="0205550100"), True),
        ('ddi = "0205550100"', inbound(dialled="0205550200"), False),
        ('queue = "sales"', queued("sales"), True),
        ('queue = "sales"', queued("support"), False),
        ('queue = "s*"', queued("support"), True),
        ('ring_group = "600"', talk("200", "201", told={"group": "600"}), True),
        ('ring_group = "Front desk"', talk("200", "201", dialled="600"), True),
        ('conference = "800"', conference("800"), True),
        ('conference = "800"', conference("801"), False),
        ('conference = "8.."', conference("801"), True),
    ],
)
def test_a_rule_names_its_subjects(subjects: str, call: Call, expected: bool) -> None:
    office = """
    [[extension]]
    number = "100"
    name = "Alice Example"
    groups = ["agents", "early"]
    [[extension]]
    number = "101"
    department = "Sales"
    [[line]]
    name = "press"
    endpoints = ["press-1"]
    groups = "public"
    [[ring_group]]
    number = "600"
    name = "Front desk"
    """
    assert recorded(office + always(subjects), call) is expected


def test_the_decision_names_its_rule_its_owners_and_its_reason() -> None:
    decision = decided(always('queue = "sales"', "sales queue"), queued("sales"))
    assert decision.rule == "sales queue"
    assert decision.reason == "recorded: rule 'sales queue' (queue sales, always)"
    assert [str(owner) for owner in decision.owners] == ["queue sales"]


def test_the_first_rule_in_the_file_that_names_a_subject_and_holds_speaks_for_it() -> None:
    text = always('extension = "100"', "first", 'when = { direction = "inbound" }')
    text += never('extension = "100"', "second") + always('extension = "1.."', "third")
    assert decided(text, inbound("100")).rule == "first"
    assert decided(text, outbound("100")).rule == "second"
    assert decided(text, inbound("102")).rule == "third"


def test_two_subjects_that_want_one_talk_share_one_recording() -> None:
    text = '[[rule]]\nname = "d"\nextension = "100"\nmode = "on-demand"\n'
    text += '[[rule]]\nname = "p"\ntrunk = "carrier1"\nmode = "always-with-pause"\nmax_length = "1 h"\n'
    decision = decided(text, inbound("100"))
    assert decision.mode is Mode.ALWAYS_WITH_PAUSE
    assert decision.rule == "p"
    assert {str(owner) for owner in decision.owners} == {"extension 100", "trunk carrier1"}
    assert decision.options.max_length == 3600.0
    assert decision.grants == {Grant.PAUSE}
    outcomes = {one.rule: one.outcome for one in decision.considered if one.rule}
    assert outcomes == {"d": "agrees", "p": "won"}


# --- inheritance (F-015)


@pytest.mark.proves("F-015")
def test_what_a_rule_leaves_out_comes_from_its_site_then_the_organisation_field_by_field() -> None:
    text = """
    [defaults]
    mode = "on-demand"
    min_length = 5
    max_length = "2 h"
    delay = 1
    [[site]]
    name = "london"
    min_length = 10
    max_length = "1 h"
    [[extension]]
    number = "100"
    site = "london"
    [[rule]]
    name = "r"
    extension = "*"
    max_length = "30 min"
    """
    in_london, elsewhere = decided(text, internal("100", "carrier1")), decided(text, internal("101", "carrier1"))
    assert in_london.mode is elsewhere.mode is Mode.ON_DEMAND
    assert (in_london.options.min_length, in_london.options.max_length, in_london.options.delay) == (10, 1800, 1)
    assert (elsewhere.options.min_length, elsewhere.options.max_length, elsewhere.options.delay) == (5, 1800, 1)
    assert elsewhere.options.start is StartPoint.BRIDGE


@pytest.mark.proves("F-015")
def test_where_no_rule_speaks_the_sites_default_does_then_the_organisations() -> None:
    text = """
    [defaults]
    mode = "always"
    [[site]]
    name = "quiet"
    mode = "never"
    [[extension]]
    number = "100"
    site = "quiet"
    [[extension]]
    number = "101"
    site = "quiet"
    """
    assert not recorded(text, internal("100", "101"))
    decision = decided(text, internal("100", "200"))
    assert decision.mode is Mode.ALWAYS
    assert decision.reason == "recorded: the default is always (extension 200)"


def test_a_line_is_recorded_only_where_a_rule_names_it() -> None:
    text = '[defaults]\nmode = "always"\n[[line]]\nname = "press"\nendpoints = "press-1"\n'
    office = ""
    assert not recorded_by(text, internal("press-1", "press-1"), office)
    assert recorded_by(text + always('line = "press"'), internal("press-1", "press-1"), office)


def recorded_by(text: str, call: Call, office: str) -> bool:
    return decided(text, call, office).mode is not Mode.NEVER


# --- queues and conferences stand alone (Y-9, Y-10, Y-11, F-018)

AGENT = always('extension = "100"', "agent") + always('trunk = "carrier1"', "trunk")


def test_an_agent_who_is_always_recorded_is_not_in_the_call_of_a_queue_that_is_not_enabled() -> None:
    decision = decided(AGENT, queued("support"))
    assert decision.mode is Mode.NEVER
    assert decision.reason == (
        "not recorded: queue support is not enabled, and queues stand alone (queue_isolation = strict)"
    )
    isolated = {(one.rule, one.outcome) for one in decision.considered if one.outcome == "isolated"}
    assert isolated == {("agent", "isolated"), ("trunk", "isolated")}


def test_an_agent_in_two_queues_is_recorded_only_for_the_enabled_one() -> None:
    text = AGENT + always('queue = "sales"', "q")
    assert decided(text, queued("sales")).owners[0].name == "sales"
    assert len(decided(text, queued("sales")).owners) == 1
    assert not recorded(text, queued("support"))


def test_where_the_trunk_wins_its_call_is_recorded_in_any_queue_but_the_agents_still_is_not() -> None:
    wins = '[decide]\nqueue_isolation = "trunk_wins"\n'
    decision = decided(wins + AGENT, queued("support"))
    assert [str(owner) for owner in decision.owners] == ["trunk carrier1"]
    assert not recorded(wins + AGENT, queued("support", caller="carrier2"))
    ddi = always('ddi = "0205550200"', "ddi")
    assert recorded(wins + ddi, queued("support"))
    assert not recorded(ddi, queued("support"))


def test_where_the_trunk_wins_a_queues_no_loses_to_it_but_its_never_does_not() -> None:
    wins = '[decide]\nqueue_isolation = "trunk_wins"\n' + AGENT
    assert recorded(wins + never('queue = "support"', more="priority = 90"), queued("support"))
    assert not recorded(wins + never('queue = "support"', more='grade = "never"'), queued("support"))


def test_a_conference_decides_for_its_members() -> None:
    assert not recorded(AGENT, conference("800"))
    assert recorded(AGENT + always('conference = "800"', "c"), conference("800"))
    assert not recorded('[decide]\nqueue_isolation = "trunk_wins"\n' + AGENT, conference("800"))


def test_while_somebody_sits_in_a_conference_his_own_call_records_nothing() -> None:
    wins = '[decide]\nqueue_isolation = "trunk_wins"\n' + AGENT
    for text, member in ((AGENT, "100"), (AGENT, "carrier1"), (wins, "100")):
        decision = decided(text, in_conference(member))
        assert decision.mode is Mode.NEVER
        assert "the conference decides" in decision.reason


def test_where_the_trunk_wins_its_outside_partys_own_call_is_recorded_on_in_a_conference() -> None:
    wins = '[decide]\nqueue_isolation = "trunk_wins"\n' + AGENT
    assert [str(owner) for owner in decided(wins, in_conference("carrier1")).owners] == ["trunk carrier1"]


def test_a_phone_that_reaches_a_conference_through_a_local_pair_sits_in_it_too() -> None:
    scene = Scene()
    call = after(
        scene.appears("a", "100", dialled="800"),
        scene.appears("l1", "800", originating=False, local="pair"),
        scene.appears("l2", "800", originating=False, local="pair"),
        scene.joins("a"),
        scene.joins("l1"),
        scene.joins("l2", "b9", BridgeKind.ROOM, "800"),
    )
    assert "the conference decides" in decided(AGENT, call).reason


def test_after_the_queue_let_go_of_its_caller_rules_of_people_count_again() -> None:
    scene = Scene()
    call = after(
        scene.appears("a", "carrier1", number=CUSTOMER, dialled="0205550200"),
        scene.queues("a", "support"),
        scene.appears("b", "110", originating=False),
        scene.rings("b"),
        scene.connects("a", "support"),
        scene.joins("b"),
        scene.joins("a"),
        scene.unqueues("a", "support"),
        scene.leaves("a"),
        scene.ends("b"),
        scene.appears("c", "100", originating=False),
        scene.rings("c"),
        scene.joins("c", "b2"),
        scene.joins("a", "b2"),
    )
    assert decided(AGENT, call).rule == "trunk"


def test_a_ring_group_isolates_only_where_that_is_set() -> None:
    call = talk("carrier1", "100", number=CUSTOMER, dialled="0205550100", told={"group": "600"})
    assert recorded(AGENT, call)
    decision = decided("[decide]\nring_group_isolation = true\n" + AGENT, call)
    assert decision.mode is Mode.NEVER
    assert "ring_group 600 is not enabled" in decision.reason
    alone = "[decide]\nring_group_isolation = true\n" + AGENT + always('ring_group = "600"', "g")
    assert [str(owner) for owner in decided(alone, call).owners] == ["ring_group 600"]


# --- left out by default: paging, intercom, voicemail (Y-6, F-036)


@pytest.mark.parametrize("kind", ["paging", "intercom", "voicemail", "Paging"])
def test_paging_intercom_and_voicemail_are_left_out_by_default(kind: str) -> None:
    decision = decided(always('extension = "*"'), talk("100", "101", told={"kind": kind}))
    assert decision.mode is Mode.NEVER
    assert f"{kind.lower()} call" in decision.reason


@pytest.mark.parametrize(
    ("switch", "kind", "expected"),
    [
        ("record_paging", "paging", True),
        ("record_paging", "intercom", True),
        ("record_paging", "voicemail", False),
        ("record_voicemail", "voicemail", True),
        ("record_voicemail", "paging", False),
    ],
)
def test_each_can_be_switched_on_for_a_rule_or_for_all(switch: str, kind: str, expected: bool) -> None:
    call = talk("100", "101", told={"kind": kind})
    assert recorded(always('extension = "*"', more=f"{switch} = true"), call) is expected
    assert recorded(f"[defaults]\n{switch} = true\n" + always('extension = "*"'), call) is expected


def test_the_conference_that_asterisk_makes_for_a_page_is_a_page_and_no_conference() -> None:
    scene = Scene()
    page = [
        scene.appears("a", "100", dialled="*80101"),
        scene.tells("a", "kind", "paging"),
        scene.appears("b", "101", originating=False),
        scene.rings("b"),
        scene.joins("b", "b9", BridgeKind.ROOM, "187680039"),
        scene.joins("a", "b9", BridgeKind.ROOM, "187680039"),
    ]
    everybody = always('extension = "*"\nconference = "*"')
    assert "paging call" in decided(everybody, after(*page)).reason
    paged = decided("[defaults]\nrecord_paging = true\n" + everybody, after(*page))
    assert [str(owner) for owner in paged.owners] == ["extension 100", "extension 101"]
    inside = Scene("main/room:187680039:b9")
    room = after(
        inside.appears("a", "100"),
        inside.tells("a", "kind", "paging"),
        inside.joins("a", "b9", BridgeKind.ROOM, "187680039"),
        call=inside.call,
    )
    assert not recorded("[defaults]\nrecord_paging = true\n" + everybody, room)


@pytest.mark.parametrize("dialled", ["*97", "*80101", "*82101"])
def test_feature_codes_tell_paging_intercom_and_voicemail_too(dialled: str) -> None:
    text = '[numbers]\npaging = "*80!"\nintercom = ["*82!"]\nvoicemail = "*97"\n' + always('extension = "*"')
    assert not recorded_by(text, talk("100", "101", dialled=dialled), "")
    assert recorded_by(text, talk("100", "101", dialled="101"), "")


def test_another_kind_of_call_is_recorded_like_any() -> None:
    assert recorded(always('extension = "*"'), talk("100", "101", told={"kind": "ivr"}))
    assert recorded(always('extension = "*"'), talk("100", "101", told={"kind": ""}))


# --- numbers that beat every rule (F-011, F-012, F-014, I-16)

EVERYONE = always('extension = "*"') + always('trunk = "*"', "t")


def numbers(more: str) -> str:
    return '[numbers]\ncountry = "GB"\noutside_prefix = "9"\n' + more + '\n[[trunk]]\nname = "carrier1"\n'


@pytest.mark.parametrize(
    "call",
    [
        inbound("100", number="116123"),
        inbound("100", number="+44116123"),
        outbound("100", number="116123"),
        talk("100", "carrier1", dialled="9116123"),
        talk("100", "carrier1", dialled="sip:116123@carrier.example"),
        inbound("100", dialled="116123"),
        internal("100", "116123"),
        after(*ringing("100", "carrier1", dialled="116123")),
    ],
)
def test_a_helpline_is_never_recorded_and_never_listed_on_whichever_side(call: Call) -> None:
    decision = decided(EVERYONE, call, numbers('helplines = ["116123", "0800 1111"]'))
    assert decision.mode is Mode.NEVER
    assert decision.hidden
    assert "116123" not in repr(decision)
    assert not decision.facts
    assert not decision.considered


def test_a_call_stays_hidden_after_the_helplines_leg_has_gone() -> None:
    scene = Scene()
    call = after(
        *ringing("100", "carrier1", dialled="116123", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.ends("b"),
        scene.ends("a"),
    )
    assert decided(EVERYONE, call, numbers('helplines = "116123"')).hidden


@pytest.mark.proves("I-16")
@pytest.mark.parametrize(
    ("listed", "call", "expected"),
    [
        (f'exclude = ["{CUSTOMER}"]', inbound("100"), False),
        (f'exclude = ["{CUSTOMER}"]', outbound("100"), False),
        ('exclude = ["0205!"]', inbound("100"), False),
        ('exclude = ["0207!"]', inbound("100"), True),
        ('exclude = [{ number = "0205!", direction = "to" }]', inbound("100"), True),
        ('exclude = [{ number = "0205!", direction = "to" }]', outbound("100"), False),
        ('exclude = [{ number = "0205!", direction = "from" }]', inbound("100"), False),
        ('exclude = ["*97", "101"]', internal("100", "101"), False),
        ('exclude = ["*97"]', after(*ringing("100", "101", dialled="*97")[:1]), False),
    ],
)
def test_a_number_on_the_black_list_is_not_recorded_whichever_rule_wants_it(
    listed: str, call: Call, expected: bool
) -> None:
    decision = decided(EVERYONE, call, numbers(listed))
    assert (decision.mode is not Mode.NEVER) is expected
    assert not decision.hidden
    assert expected or "list of excluded numbers" in decision.reason


@pytest.mark.proves("F-012")
def test_an_inclusion_beats_an_exclusion_and_never_makes_a_call_recorded_by_itself() -> None:
    listed = numbers(f'exclude = ["0205!"]\ninclude = ["{CUSTOMER}"]')
    assert decided(EVERYONE, inbound("100"), listed).mode is Mode.ALWAYS
    assert decided(EVERYONE, inbound("100", number="0205550778"), listed).mode is Mode.NEVER
    assert decided("", inbound("100"), listed).mode is Mode.NEVER


@pytest.mark.proves("F-012")
def test_an_inclusion_beats_an_exclusion_within_one_rule_too() -> None:
    text = always('extension = "*"', more=f'when = {{ remote = {{ exclude = "0205!", include = "{CUSTOMER}" }} }}')
    assert recorded(text, inbound("100"))
    assert not recorded(text, inbound("100", number="0205550778"))


# --- options, transfers, ownership


def test_a_rule_that_follows_keeps_the_recording_after_its_extension_transferred_the_call() -> None:
    scene = Scene()
    call = after(
        *ringing("carrier1", "100", number=CUSTOMER, dialled="0205550100", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.leaves("b"),
        scene.ends("b"),
        scene.appears("c", "102", originating=False),
        scene.rings("c"),
        scene.joins("c"),
    )
    assert not recorded(always('extension = "100"'), call)
    decision = decided(always('extension = "100"', more="follow_transfer = true"), call)
    assert [str(owner) for owner in decision.owners] == ["extension 100"]


def test_an_outside_rule_lasts_while_the_outside_party_is_there_whoever_it_talks_to() -> None:
    scene = Scene()
    events = [
        *ringing("carrier1", "100", number=CUSTOMER, dialled="0205550100", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.ends("b"),
        scene.appears("c", "102", originating=False),
        scene.rings("c"),
        scene.joins("c"),
    ]
    for text in (always('ddi = "0205550100"'), always('trunk = "carrier1"')):
        assert all(recorded(text, after(*events[:count])) for count in range(4, len(events) + 1))
        assert not recorded(text, after(*events, scene.ends("a")))


@pytest.mark.parametrize(
    ("setting", "call", "expected"),
    [
        ("off", inbound(), False),
        ("off", outbound(), False),
        ("inbound", inbound(), True),
        ("inbound", outbound(), False),
        ("outbound", inbound(), False),
        ("outbound", outbound(), True),
        ("both", inbound(), True),
        ("both", outbound(), True),
    ],
)
def test_a_ddi_has_four_settings(setting: str, call: Call, expected: bool) -> None:
    assert recorded(always('ddi = "0205550100"', more=f'when = {{ ddi_calls = "{setting}" }}'), call) is expected


@pytest.mark.parametrize(
    ("call", "listed", "unassigned"),
    [
        (inbound("100"), True, False),
        (inbound("101"), True, True),
        (inbound("101"), False, False),
        (talk("carrier1", "carrier2"), True, True),
        (talk("carrier1", "carrier2"), False, True),
        (queued(agent="101"), True, False),
        (conference(members=("carrier1", "carrier2")), True, False),
        (talk("carrier1", "101", told={"group": "600"}), True, False),
    ],
)
def test_a_call_without_anybody_of_the_roster_is_unassigned(call: Call, listed: bool, unassigned: bool) -> None:
    roster = '[[extension]]\nnumber = "100"\n' if listed else ""
    assert decided(roster + EVERYONE, call).unassigned is unassigned


# --- why (F-023)


@pytest.mark.proves("F-023")
def test_the_trace_tells_every_rule_that_was_looked_at_and_the_facts() -> None:
    text = always('extension = "100"', "evenings", 'when = { time = "18:00-24:00", direction = "inbound" }')
    text += always('extension = "100"', "outbound", 'when = { direction = "outbound" }')
    text += never('trunk = "carrier1"', "quiet trunk", "priority = 5")
    text += always('extension = "1.."', "everybody")
    decision = decided(text, inbound("100"))
    told = [(one.rule, one.outcome) for one in decision.considered if one.rule]
    assert told == [
        ("evenings", "did not match"),
        ("outbound", "did not match"),
        ("quiet trunk", "lost"),
        ("everybody", "won"),
    ]
    because = {one.rule: one.because for one in decision.considered}
    assert because["outbound"] == ("needs direction outbound, but the call is inbound, incoming for extension 100")
    assert "the call began on Wed" in because["evenings"]
    assert decision.reason == (
        "recorded: rule 'everybody' (extension 100, always); "
        "it outweighs rule 'quiet trunk' (trunk carrier1): priority 10 beats 5"
    )
    facts = dict(decision.facts)
    assert facts["direction"] == "inbound"
    assert facts["traffic"] == "external"
    assert facts["outside"] == CUSTOMER
    assert facts["subjects"] == "trunk carrier1, ddi +44205550100, extension 100"


def test_many_rules_that_do_not_match_are_counted_rather_than_told_one_by_one() -> None:
    rules = [always('extension = "100"', f"r{place}", 'when = { direction = "outbound" }') for place in range(60)]
    decision = decided("".join(rules), inbound("100"))
    assert len(decision.considered) < 30
    assert any("40 more rules" in one.because for one in decision.considered)


# --- whatever happens

EVERYTHING = policy(
    """
    [defaults]
    follow_transfer = true
    [decide]
    queue_isolation = "trunk_wins"
    tie_break = "callee"
    [[site]]
    name = "london"
    time_zone = "Europe/London"
    [[extension]]
    number = "100"
    site = "london"
    groups = ["agents"]
    [[line]]
    name = "press"
    endpoints = ["press-1"]
    [[ring_group]]
    number = "600"
    [[rule]]
    name = "agents"
    group = "agents"
    mode = "always-with-pause"
    when = { any = [{ direction = "inbound" }, { traffic = "internal", not = { time = "sat,sun" } }] }
    [[rule]]
    name = "quiet"
    extension = "101"
    mode = "never"
    when = { remote = { exclude = "0205!", include = "100" } }
    [[rule]]
    name = "outside"
    trunk = "carrier1"
    ddi = "0205550100"
    mode = "on-demand"
    when = { not = { attribute = { vip = "yes" } } }
    [[rule]]
    name = "shared"
    queue = "sales"
    ring_group = "*"
    conference = "8.."
    line = "press"
    mode = "always"
    grade = "force"
    """,
    """
    [numbers]
    country = "GB"
    helplines = "116123"
    exclude = { number = "*97", direction = "to" }
    voicemail = "*98"
    [[trunk]]
    name = "carrier1"
    [[trunk]]
    name = "carrier2"
    """,
)


STAYING = replace(EVERYTHING, organisation=replace(EVERYTHING.organisation, settings=Settings()))
"""The same without following transfers, which looks at less of a call."""


def fresh(whole: Policy = EVERYTHING) -> Policy:
    """The same policy with nothing remembered."""
    return Policy(
        whole.rules,
        whole.roster,
        whole.organisation,
        whole.sites,
        whole.numbers,
        whole.queue_isolation,
        whole.ring_group_isolation,
        whole.tie_break,
        whole.force_against_never,
    )


@settings(max_examples=400, deadline=None)
@given(histories(), st.sampled_from([EVERYTHING, STAYING]))
def test_whatever_happens_there_is_one_decision_and_memory_does_not_change_it(
    history: list[Call], whole: Policy
) -> None:
    used = fresh(whole)
    for call in history:
        decision = decide(used, call)
        assert decision == decide(used, call)
        assert decision == decide(fresh(whole), call)
        recorded = decision.mode is not Mode.NEVER
        assert bool(decision.owners) is recorded
        assert decision.reason.startswith("recorded" if recorded else "not recorded")
        if decision.mode in (Mode.NEVER, Mode.ALWAYS):
            assert not decision.grants
        if decision.hidden:
            assert not recorded
            assert not decision.facts


CHANGES: list[dict[str, object]] = [
    {"endpoint": "carrier1"},
    {"endpoint": "101"},
    {"number": CUSTOMER},
    {"dialled": "*97"},
    {"dialled": "0205550100"},
    {"presented": "0205550100"},
    {"originating": True},
    {"originating": False},
    {"ended_at": BEGAN},
    {"ended_at": None},
    {"joined_at": BEGAN},
    {"joined_at": None},
    {"bridge": None},
    {"rang_at": BEGAN},
    {"kind": BridgeKind.ROOM},
]


@pytest.mark.parametrize(
    ("change", "mode"),
    [
        ({"joined_at": None}, Mode.NEVER),
        # Who parked a call is told its place in a bridge of his own while it is taken back: he is out of it.
        ({"bridge": BridgeId("b7")}, Mode.ALWAYS),
    ],
)
def test_whether_somebody_has_talked_and_left_is_part_of_the_scene(change: dict[str, object], mode: Mode) -> None:
    scene = Scene()
    call = after(
        *ringing("200", "100", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.leaves("b"),
        scene.appears("c", "201", originating=False),
        scene.joins("c"),
    )
    text = always('extension = "100"', more="follow_transfer = true")
    used, leg = policy(text), call.legs[scene.leg("b")]
    changed = replace(call, legs={**call.legs, leg.id: replace(leg, **change)})  # type: ignore[arg-type]
    assert decide(used, call).mode is Mode.ALWAYS
    assert decide(used, changed).mode is mode


@settings(max_examples=600, deadline=None)
@given(
    calls().filter(lambda call: call.legs),
    st.sampled_from(CHANGES),
    st.sampled_from([EVERYTHING, STAYING]),
    st.data(),
)
def test_a_change_that_matters_is_never_taken_for_the_scene_before(
    call: Call, change: dict[str, object], whole: Policy, data: st.DataObject
) -> None:
    leg = data.draw(st.sampled_from(list(call.legs.values())))
    changed = replace(call, legs={**call.legs, leg.id: replace(leg, **change)})  # type: ignore[arg-type]
    used = fresh(whole)
    decide(used, call)
    assert decide(used, changed) == decide(fresh(whole), changed)


@settings(max_examples=100, deadline=None)
@given(histories(), st.sampled_from(["strict", "trunk_wins"]))
def test_in_no_storm_is_an_agent_recorded_for_a_queue_that_is_not_enabled(
    history: list[Call], isolation: str
) -> None:
    text = f'[decide]\nqueue_isolation = "{isolation}"\n' + always('extension = "*"')
    only_people = policy(text)
    for call in history:
        decision = decide(only_people, call)
        if call.queue or is_room(call.id):
            assert decision.mode is Mode.NEVER
        sitting = {call.legs[leg].endpoint for leg in seated(call)}
        assert sitting.isdisjoint(owner.name for owner in decision.owners)


def test_a_call_of_which_nothing_is_known_is_decided_too() -> None:
    decision = decide(EVERYTHING, Call(CallId("main/1.1"), 0.0))
    assert decision.reason == "not recorded: nobody whom the policy knows is on this call"
