"""What is said twice, late, wrongly or not at all: the translation survives it, and hostile texts stay texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeId,
    BridgeKind,
    CallGone,
    CallsMerged,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    QueueJoined,
    QueueLeft,
)
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.naming import (
    MOST_TEXT,
    clean,
    dialled_number,
    endpoint_of,
    is_technical,
    local_pair,
)
from controller.pbx.asterisk.translate import Translation
from tests.pbx.asterisk.traces import NAMES, heard, load, render, story


def message(event: str, **headers: str) -> Message:
    return Message([("Event", event), *((name.replace("_", "-"), value) for name, value in headers.items())])


def channel(event: str, number: int, *, link: int | None = None, state: str = "Up", **headers: str) -> Message:
    """A message about channel number so-and-so, a phone of that name."""
    about = {
        "Channel": f"PJSIP/{100 + number}-0000000{number}",
        "Uniqueid": f"17.{number}",
        "Linkedid": f"17.{number if link is None else link}",
        "ChannelStateDesc": state,
        "CallerIDNum": str(100 + number),
        "Exten": "101",
    }
    return message(event, **(about | headers))


def talk(event: str, number: int, bridge: str, *, link: int | None = None, **headers: str) -> Message:
    return channel(event, number, link=link, BridgeUniqueid=bridge, BridgeType="basic", **headers)


# -- twice, late, not at all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_message_twice_changes_nothing_that_counts(name: str) -> None:
    twice = heard(one for one in load(name) for _ in range(2))
    lines = [render(event) for event in twice if not isinstance(event, LegDialled | AttributeSet)]
    once = story(name).splitlines()
    idempotent = ("QueueJoined", "AgentConnected", "QueueLeft", "LegRang")
    assert [line for line in lines if not line.startswith(idempotent)] == [
        line for line in once if not line.startswith((*idempotent, "LegDialled", "AttributeSet"))
    ]


def test_a_leg_whose_beginning_was_missed_is_made_when_it_enters_a_bridge() -> None:
    events = heard([talk("BridgeEnter", 1, "b"), talk("BridgeEnter", 2, "b", link=1)])
    appeared = [event for event in events if isinstance(event, LegAppeared)]
    assert [(event.leg, event.originating, event.up) for event in appeared] == [
        ("main/17.1", True, True),
        ("main/17.2", False, True),
    ]
    assert sum(isinstance(event, LegJoined) for event in events) == 2


def test_a_message_that_straggles_in_after_the_hangup_brings_nobody_back() -> None:
    translation = Translation("main")
    heard([talk("BridgeEnter", 1, "b"), channel("Hangup", 1)], translation)
    assert heard([talk("BridgeEnter", 1, "b"), channel("Newstate", 1)], translation) == []
    assert not translation.knows("17.1")


def test_a_leg_that_enters_another_bridge_has_left_the_first_even_if_nobody_said_so() -> None:
    events = heard([talk("BridgeEnter", 1, "one"), talk("BridgeEnter", 1, "two")])
    assert [type(event) for event in events[1:]] == [LegJoined, LegLeft, LegJoined]


def test_a_late_leave_of_an_earlier_bridge_does_not_tear_a_leg_out_of_the_present_one() -> None:
    translation = Translation("main")
    heard([talk("BridgeEnter", 1, "one"), talk("BridgeEnter", 1, "two")], translation)
    assert heard([talk("BridgeLeave", 1, "one")], translation) == []


def test_an_answer_that_was_missed_is_told_when_the_leg_is_seen_up() -> None:
    events = heard([channel("Newchannel", 1, state="Ring"), talk("BridgeEnter", 1, "b")])
    assert [type(event) for event in events] == [LegAppeared, LegAnswered, LegJoined]


def test_another_witness_may_end_a_leg_or_a_bridge_and_the_late_hangup_is_nothing_new() -> None:
    translation = Translation("main")
    heard([talk("BridgeEnter", 1, "b"), talk("BridgeEnter", 2, "b", link=1)], translation)
    assert [type(event) for event in translation.end_bridge("b", 0.0)] == [LegLeft, LegLeft]
    assert [type(event) for event in translation.end("17.1", 0.0, "witness")] == [LegEnded]
    assert heard([channel("Hangup", 1)], translation) == []
    assert translation.end("17.9", 0.0, "never heard of") == []


# -- calls become one ----------------------------------------------------------------------------------------------


def test_two_calls_whose_legs_meet_in_a_bridge_are_one_and_the_older_goes_on() -> None:
    events = heard([channel("Newchannel", 1), talk("BridgeEnter", 2, "b"), talk("BridgeEnter", 1, "b")])
    (merged,) = [event for event in events if isinstance(event, CallsMerged)]
    assert (merged.call, merged.other) == ("main/17.1", "main/17.2")
    assert {event.call for event in events[events.index(merged) :]} == {"main/17.1"}


def test_a_linkedid_that_changes_joins_its_calls() -> None:
    events = heard([channel("Newchannel", 1), channel("Newchannel", 2), channel("Newstate", 2, link=1)])
    assert [event for event in events if isinstance(event, CallsMerged)]


def test_members_of_a_conference_keep_their_calls_whatever_their_linkedids_become() -> None:
    room = {"BridgeCreator": "ConfBridge", "BridgeName": "800"}
    enter = [talk("BridgeEnter", number, "b", **room) for number in (1, 2)]
    events = heard([*enter, channel("Newstate", 2, link=1)])
    assert not [event for event in events if isinstance(event, CallsMerged)]
    assert {event.call for event in events if isinstance(event, LegJoined)} == {
        "main/17.1",
        "main/17.2",
        "main/room:800:b",
    }


def test_parked_callers_keep_their_calls() -> None:
    lot = {"BridgeType": "parking"}
    messages = [
        channel("BridgeEnter", number, BridgeUniqueid="lot", BridgeCreator="Parking", **lot) for number in (1, 2)
    ]
    joined = [event for event in heard(messages) if isinstance(event, LegJoined)]
    assert [event.kind for event in joined] == [BridgeKind.PARKING, BridgeKind.PARKING]
    assert len({event.call for event in joined}) == 2


# -- queues --------------------------------------------------------------------------------------------------------


def test_a_caller_whom_no_agent_takes_has_left_the_queue_when_the_dialplan_goes_on() -> None:
    events = heard(
        [
            channel("QueueCallerJoin", 1, Queue="sales"),
            channel("QueueCallerLeave", 1, Queue="sales"),
            talk("BridgeEnter", 1, "voicemail operator"),
        ]
    )
    kinds = [type(event) for event in events]
    assert kinds.index(QueueLeft) < kinds.index(LegJoined)


def test_a_caller_who_gets_an_agent_has_not_left_the_queue() -> None:
    events = heard(
        [
            channel("QueueCallerJoin", 1, Queue="sales"),
            channel("QueueCallerLeave", 1, Queue="sales"),
            channel("AgentConnect", 1, Queue="sales"),
            talk("BridgeEnter", 1, "b"),
        ]
    )
    assert [type(event) for event in events] == [LegAppeared, QueueJoined, AgentConnected, LegJoined]


# -- the snapshot --------------------------------------------------------------------------------------------------


def status(number: int, *, link: int | None = None, bridge: str = "", **headers: str) -> Message:
    return channel("Status", number, link=link, BridgeID=bridge, Seconds=str(100 - number), **headers)


def test_a_snapshot_introduces_live_calls_with_what_was_dialled_first() -> None:
    bridge = message("BridgeListItem", BridgeUniqueid="b", BridgeType="basic")
    peer = status(2, link=1, bridge="b", ConnectedLineNum="101")
    events = Translation("main").snapshot(
        [peer, status(1, bridge="b", DNID="0205550123", Exten="102")], [bridge], 5.0
    )
    first, joined, second, dialled, _ = events
    assert isinstance(first, LegAppeared)
    assert (first.dialled, first.originating, first.up) == ("0205550123", True, True)
    assert isinstance(joined, LegJoined)
    assert isinstance(second, LegAppeared)
    assert isinstance(dialled, LegDialled)
    assert (dialled.peer, dialled.number, dialled.presented) == ("main/17.2", "102", "101")


def test_a_snapshot_of_what_is_known_tells_nothing_new() -> None:
    translation = Translation("main")
    heard([talk("BridgeEnter", 1, "b"), talk("BridgeEnter", 2, "b", link=1)], translation)
    bridge = message("BridgeListItem", BridgeUniqueid="b", BridgeType="basic")
    assert translation.snapshot([status(1, bridge="b"), status(2, link=1, bridge="b")], [bridge], 5.0) == []


def test_a_snapshot_ends_the_calls_and_legs_that_went_away_unheard() -> None:
    translation = Translation("main")
    heard([talk("BridgeEnter", 1, "b"), talk("BridgeEnter", 2, "b", link=1), channel("Newchannel", 3)], translation)
    events = translation.snapshot([status(1)], [], 5.0)
    assert CallGone("main/17.3", 5.0) in events
    assert {event.leg for event in events if isinstance(event, LegEnded)} == {"main/17.2"}
    assert {event.leg for event in events if isinstance(event, LegLeft)} == {"main/17.1", "main/17.2"}


def test_a_snapshot_remembers_whose_queue_a_caller_is_in() -> None:
    # Otherwise an extension's rule would start a recording that the queue's rule forbids.
    waiting = status(1, Application="Queue", Data="sales,tT,,,120")
    talking = status(2, bridge="b", Application="Queue", Data="support,tT")
    bridge = message("BridgeListItem", BridgeUniqueid="b", BridgeType="basic")
    events = Translation("main").snapshot([waiting, talking], [bridge], 5.0)
    assert [(event.leg, event.queue) for event in events if isinstance(event, QueueJoined)] == [
        ("main/17.1", "sales")
    ]
    assert [event.queue for event in events if isinstance(event, AgentConnected)] == ["support"]


def test_a_snapshot_brings_the_dialplans_words_and_not_our_own_variables() -> None:
    said = status(1)
    variables = [
        ("Variable", "ONRECORD=rec.1"),
        ("Variable", "ONRECORD_KIND=paging"),
        ("Variable", "ONRECORD_GROUP=(null)"),
    ]
    events = Translation("main").snapshot([Message([*said.pairs, *variables])], [], 5.0)
    assert [(event.name, event.value) for event in events if isinstance(event, AttributeSet)] == [("kind", "paging")]


# -- texts that anybody can write ----------------------------------------------------------------------------------


def test_control_characters_and_direction_overrides_in_a_name_are_replaced() -> None:
    (event,) = heard([channel("Newchannel", 1, state="Ring", CallerIDName="A\x1b[2J\u202eb\udcff")])
    assert isinstance(event, LegAppeared)
    assert event.name == "A\ufffd[2J\ufffdb\ufffd"


def test_an_endless_name_is_cut() -> None:
    (event,) = heard([channel("Newchannel", 1, CallerIDName="x" * 100_000)])
    assert isinstance(event, LegAppeared)
    assert len(event.name) == MOST_TEXT


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_a_cleaned_text_is_printable_can_be_stored_and_is_clean_already(text: str) -> None:
    once = clean(text)
    assert once.isprintable()
    once.encode("utf-8")
    assert clean(once) == once


def test_our_own_variables_are_no_attributes() -> None:
    for name in ("ONRECORD", "ONRECORD_MIX", "ONRECORD_ROOM", "ONRECORD_ROOM_MIX", "MY_ONRECORD_X", "ONRECORDING"):
        assert heard([channel("VarSet", 1, Variable=name, Value="x")]) == []


def test_an_attribute_of_the_dialplan_is_told_in_lower_case_and_without_inheritance_marks() -> None:
    events = heard([channel("VarSet", 1, Variable="__ONRECORD_VIP", Value="yes")])
    assert AttributeSet("main/17.1", 0.0, "main/17.1", "vip", "yes") in events


def test_technical_channels_are_nobody() -> None:
    names = ["Snoop/17.1-0", "CBRec/conf-800", "CBAnn/800-1;2", "Announcer/ARI-1", "Recorder/ARI-2", "UnicastRTP/x"]
    assert all(is_technical(name) for name in names)
    assert heard([message("Newchannel", Channel=name, Uniqueid=name) for name in names]) == []


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("PJSIP/carrier1-0000002a", "carrier1"),
        ("PJSIP/my-trunk-de-00000001", "my-trunk-de"),
        ("SIP/100-0000abcd", "100"),
        ("IAX2/office-1234", "office"),
        ("DAHDI/i1/0305551234-1", "i1/0305551234-1"),
        ("Local/113@agents-00000000;1", ""),
        ("", ""),
        ("Nonsense", ""),
    ],
)
def test_the_endpoint_is_read_from_the_channels_name(name: str, endpoint: str) -> None:
    assert endpoint_of(name) == endpoint


def test_both_halves_of_a_local_pair_share_a_name() -> None:
    assert local_pair("Local/113@agents-00000000;1") == local_pair("Local/113@agents-00000000;2") != ""
    assert local_pair("PJSIP/100-00000001") == ""


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("101", "101"),
        ("0305551234@carrier1", "0305551234"),
        ("PJSIP/110", "110"),
        ("Local/113@agents/n", "113"),
        ("Local/113@agents", "113"),
        ("113@agents/n", "113"),
        ("101/sip:101@192.0.2.1:5060", "101"),
        ("PJSIP/101/sip:101@192.0.2.1", "101"),
        ("carrier1/+49305551234", "+49305551234"),
        ("g1/0305551234", "0305551234"),
        ("", ""),
    ],
)
def test_the_dialled_number_is_read_from_every_kind_of_dial_string(dial_string: str, number: str) -> None:
    assert dialled_number(dial_string) == number


# -- storms --------------------------------------------------------------------------------------------------------

EVERYTHING = [one for name in NAMES for one in load(name)]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.9), st.floats(0, 0.5))
def test_after_any_storm_of_real_messages_hangups_leave_nothing_behind(seed: int, drop: float, swap: float) -> None:
    rng = random.Random(seed)  # noqa: S311
    messages = [one for one in EVERYTHING if rng.random() >= drop]
    for n in range(len(messages) - 1):
        if rng.random() < swap:
            other = min(len(messages) - 1, n + rng.randint(1, 20))
            messages[n], messages[other] = messages[other], messages[n]
    translation = Translation("main")
    events = heard(messages, translation)
    for uniqueid in list(translation._memory.channels):
        events += heard([message("Hangup", Uniqueid=uniqueid, Channel="PJSIP/x")], translation)
    memory = translation._memory
    assert (memory.channels, memory._groups, memory._talks, memory._rooms) == ({}, {}, {}, {})
    appeared = {(event.call, event.leg) for event in events if isinstance(event, LegAppeared)}
    assert len({event.leg for event in events if isinstance(event, LegEnded)}) == len({leg for _, leg in appeared})


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_a_snapshot_in_the_middle_of_any_storm_leaves_exactly_what_it_shows(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    translation = Translation("main")
    heard([one for one in EVERYTHING if rng.random() < 0.7][: rng.randint(0, 400)], translation)
    shown = [status(number, bridge=rng.choice(["", "b"])) for number in range(rng.randint(0, 4))]
    bridge = message("BridgeListItem", BridgeUniqueid="b", BridgeType="basic")
    translation.snapshot(shown, [bridge], 5.0)
    memory = translation._memory
    assert set(memory.channels) == {one.get("Uniqueid") for one in shown}
    for one in shown:
        assert memory.channels[one.get("Uniqueid")].bridge == (BridgeId(one.get("BridgeID")) or None)
    assert translation.snapshot(shown, [bridge], 6.0) == []


VALUES = st.one_of(
    st.text(max_size=40), st.sampled_from(["17.1", "17.2", "b", "Up", "Ring", "PJSIP/1-00000001", "Local/1;1"])
)
HEADERS = st.sampled_from(
    sorted({name for one in EVERYTHING for name, _ in one.pairs} | {"Variable", "Value", "BridgeID"})
)
KINDS = st.sampled_from(sorted({one.event for one in EVERYTHING} | {"Nonsense", ""}))


@settings(deadline=None)
@given(st.lists(st.tuples(KINDS, st.lists(st.tuples(HEADERS, VALUES), max_size=8)), max_size=30))
def test_no_message_whatever_it_holds_is_fatal(messages: list[tuple[str, list[tuple[str, str]]]]) -> None:
    translation = Translation("main")
    for kind, pairs in messages:
        translation.hear(Message([("Event", kind), *pairs]), 1.0)
    translation.snapshot([Message([("Event", "Status"), *pairs]) for _, pairs in messages], [], 2.0)


def test_unknown_messages_are_counted_by_name_but_not_without_end() -> None:
    translation = Translation("main")
    heard([message(f"Invented{n}") for n in range(1000)] + [message("Invented1")], translation)
    assert translation.odd["event Invented1"] == 2
    assert len(translation.odd) == 200
