"""Who is on a call, which way it goes, who is on the other side, and which leg carries the recorder."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.calls import Call, talking
from controller.core.commands import CallId, LegId
from controller.core.decision import Subject, SubjectKind
from controller.core.events import BridgeKind
from controller.core.roster import Extension, Line, Party, Place, RingGroup, Roster, Trunk
from controller.core.subjects import (
    anchor,
    callers,
    direction,
    incoming,
    party,
    present,
    remotes,
    subjects_of,
    traffic,
)
from controller.core.updating import merge
from tests.core.situations import (
    CUSTOMER,
    after,
    conference,
    in_conference,
    inbound,
    internal,
    outbound,
    policy,
    queued,
    ringing,
    talk,
)
from tests.core.storms import calls
from tests.playbook import Scene

ROSTER = policy("").roster


def names(call: Call, roster: Roster = ROSTER) -> list[str]:
    return [str(subject) for subject, _ in subjects_of(call, roster)]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (inbound("100"), ["trunk carrier1", "ddi +44205550100", "extension 100"]),
        (outbound("100"), ["extension 100", "trunk carrier1", "ddi +44205550100"]),
        (internal(), ["extension 100", "extension 101"]),
        (queued(), ["trunk carrier1", "ddi +44205550200", "extension 100", "queue sales"]),
        (conference(), ["extension 100", "trunk carrier1", "ddi 800", "conference 800"]),
        (in_conference(), ["extension 100"]),
        (
            talk("100", "102", dialled="600", told={"group": "600"}),
            ["extension 100", "extension 102", "ring_group 600"],
        ),
        (talk("carrier1", "carrier2", number=CUSTOMER, dialled="s"), ["trunk carrier1", "trunk carrier2"]),
    ],
)
def test_every_subject_on_a_call_is_found(call: Call, expected: list[str]) -> None:
    assert names(call) == expected


def test_a_dialled_phone_counts_once_it_rings() -> None:
    scene = Scene()
    events = ringing("100", "101", scene=scene)
    assert names(after(*events[:-1])) == ["extension 100"]
    assert names(after(*events)) == ["extension 100", "extension 101"]


def test_a_phone_that_rang_in_vain_is_not_part_of_the_talk() -> None:
    scene = Scene()
    call = after(
        *ringing("carrier1", "100", number=CUSTOMER, dialled="600", scene=scene),
        scene.appears("c", "101", originating=False),
        scene.rings("c"),
        scene.joins("c"),
        scene.joins("a"),
    )
    assert "extension 100" not in names(call)
    assert "extension 101" in names(call)


def test_after_a_transfer_only_who_talks_counts_and_the_outside_party_stays() -> None:
    scene = Scene()
    call = after(
        *ringing("carrier1", "100", number=CUSTOMER, dialled="0205550100", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.leaves("b"),
        scene.ends("b"),
    )
    assert names(call) == ["trunk carrier1", "ddi +44205550100"]


def test_a_leg_that_rings_during_a_transfer_does_not_count_before_it_answers() -> None:
    scene = Scene()
    call = after(
        *ringing("carrier1", "100", number=CUSTOMER, dialled="0205550100", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.ends("b"),
        scene.appears("c", "102", originating=False),
        scene.rings("c"),
    )
    assert "extension 102" not in names(call)


def test_a_parked_outside_party_is_still_on_its_trunk() -> None:
    scene = Scene()
    call = after(
        *ringing("carrier1", "100", number=CUSTOMER, dialled="0205550100", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.leaves("a"),
        scene.joins("a", "lot", BridgeKind.PARKING),
        scene.ends("b"),
    )
    assert names(call) == ["trunk carrier1", "ddi +44205550100"]
    assert anchor(call, ROSTER, LegId("main/a")) == "main/a"


def test_a_call_that_is_over_is_told_by_those_who_talked() -> None:
    scene = Scene()
    events = ringing("100", "101", scene=scene)
    over = after(*events, scene.joins("b"), scene.joins("a"), scene.ends("a"), scene.ends("b"))
    assert names(over) == ["extension 100", "extension 101"]


def test_an_endpoint_belongs_to_whoever_lists_it_else_to_the_extension_of_its_name() -> None:
    roster = Roster(
        extensions=(Extension("100", "Alice", endpoints=("phone-a", "softphone-a")),),
        lines=(Line("press", ("press-1",)),),
        trunks=(Trunk("outside", ("carrier1", "carrier2")),),
    )
    assert names(internal("softphone-a", "200"), roster) == ["extension 100", "extension 200"]
    assert names(talk("press-1", "carrier2"), roster)[:2] == ["line press", "trunk outside"]
    assert [party(leg, roster) for leg in talk("press-1", "carrier2").legs.values()] == [
        Party.INTERNAL,
        Party.EXTERNAL,
    ]


def test_two_pbxs_may_use_one_name_for_different_things() -> None:
    roster = Roster(extensions=(Extension("700", endpoints=("main/100",)),), trunks=(Trunk("link", ("branch/100",)),))
    assert names(internal("100", "101"), roster) == ["extension 700", "extension 101"]


def test_half_of_a_local_pair_is_nobody() -> None:
    scene = Scene()
    call = after(
        scene.appears("a", "100", dialled="113"),
        scene.appears("l1", "113", originating=False, local="pair"),
        scene.appears("b", "113", originating=False),
        scene.rings("b"),
        scene.joins("a", "b1"),
        scene.joins("l1", "b1"),
        scene.joins("b", "b1"),
    )
    assert names(call) == ["extension 100", "extension 113"]
    assert anchor(call, ROSTER) == "main/a"


def test_a_ring_group_is_known_by_the_dialled_number_when_it_is_listed() -> None:
    roster = Roster(ring_groups=(RingGroup("600", "Support"),))
    assert "ring_group 600" in names(talk("100", "102", dialled="600"), roster)
    assert "ring_group 600" in names(talk("100", "102", told={"group": "Support"}), roster)
    assert "ring_group 600" not in names(talk("100", "102", dialled="600"), ROSTER)


def test_one_ddi_has_one_name_however_the_carrier_writes_it() -> None:
    for dialled in ("0205550100", "+44205550100", "0044205550100"):
        assert "ddi +44205550100" in names(inbound(dialled=dialled))


def test_an_unknown_endpoint_is_internal_only_by_its_number() -> None:
    roster = Roster(extensions=(Extension("100"),), places=(Place(SubjectKind.QUEUE, "sales"),))
    scene = Scene()
    call = after(scene.appears("a", "", number="100"), scene.appears("b", "", number="0205550777"))
    assert [party(leg, roster) for leg in call.legs.values()] == [Party.INTERNAL, Party.UNKNOWN]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (inbound(), "inbound"),
        (outbound(), "outbound"),
        (internal(), "internal"),
        (queued(), "inbound"),
        (talk("carrier1", "carrier2"), "inbound"),
    ],
)
def test_a_call_has_a_direction_seen_from_the_company(call: Call, expected: str) -> None:
    assert direction(call, ROSTER) == expected


def test_a_mobile_twin_that_only_rang_does_not_make_a_call_outbound() -> None:
    scene = Scene()
    call = after(
        *ringing("100", "101", scene=scene),
        scene.appears("m", "carrier1", originating=False),
        scene.rings("m"),
        scene.joins("b"),
        scene.joins("a"),
        scene.ends("m"),
    )
    assert direction(call, ROSTER) == "internal"


def test_an_internal_call_comes_in_for_one_and_goes_out_for_the_other() -> None:
    call = internal("100", "101")
    seen = {subject.name: incoming(call, subject, legs) for subject, legs in subjects_of(call, ROSTER)}
    assert seen == {"100": False, "101": True}


def test_click_to_call_goes_out_for_whom_the_pbx_rang_first() -> None:
    scene = Scene()
    call = after(
        scene.appears("a", "100", originating=False),
        scene.answers("a"),
        scene.appears("b", "101", originating=False),
        scene.rings("b"),
        scene.joins("a"),
        scene.joins("b"),
    )
    assert [leg.id for leg in callers(call)] == ["main/a"]
    seen = {subject.name: incoming(call, subject, legs) for subject, legs in subjects_of(call, ROSTER)}
    assert seen == {"100": False, "101": True}


def remote(call: Call, name: str, roster: Roster = ROSTER) -> list[tuple[str, str]]:
    for subject, legs in subjects_of(call, roster):
        if subject.name == name:
            return [(one.number, one.way.value) for one in remotes(call, subject, legs, roster)]
    raise AssertionError(f"{name} is not on the call")


@pytest.mark.parametrize(
    ("call", "name", "expected"),
    [
        (inbound("100"), "100", [(CUSTOMER, "from")]),
        (outbound("100"), "100", [(CUSTOMER, "to")]),
        (inbound("100"), "carrier1", [(CUSTOMER, "from")]),
        (inbound("100"), "+44205550100", [(CUSTOMER, "from")]),
        (internal(), "100", [("101", "to")]),
        (internal(), "101", [("100", "from")]),
        (queued(), "sales", [(CUSTOMER, "from")]),
        (after(*ringing("100", "carrier1", dialled=CUSTOMER)[:1]), "100", [(CUSTOMER, "to")]),
    ],
)
def test_the_other_side_is_seen_from_each_subject(call: Call, name: str, expected: list[tuple[str, str]]) -> None:
    assert remote(call, name) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (inbound(), "external"),
        (outbound(), "external"),
        (internal(), "internal"),
        (inbound(number="7205"), "internal"),
    ],
)
def test_traffic_is_internal_by_roster_or_number_plan(call: Call, expected: str) -> None:
    roster = policy('[numbers]\ninternal = ["72.."]\n[[trunk]]\nname = "carrier1"\n', office="").roster
    subject, legs = next(one for one in subjects_of(call, roster) if one[0] == Subject(SubjectKind.EXTENSION, "100"))
    assert traffic(remotes(call, subject, legs, roster)) == expected


# --- the anchor


def test_the_outside_leg_carries_the_recorder() -> None:
    assert anchor(inbound(), ROSTER) == "main/a"
    assert anchor(outbound(), ROSTER) == "main/b"


def test_between_two_phones_the_caller_carries_it() -> None:
    assert anchor(internal(), ROSTER) == "main/a"


def test_a_trunk_that_only_rings_is_no_anchor_yet() -> None:
    scene = Scene()
    call = after(*ringing("100", "carrier1", dialled=CUSTOMER, scene=scene))
    assert anchor(call, ROSTER) == "main/a"
    call = after(*ringing("100", "carrier1", dialled=CUSTOMER), scene.joins("b"), scene.joins("a"))
    assert anchor(call, ROSTER) == "main/b"


def test_a_running_recorder_is_not_moved_while_it_hears_the_talk() -> None:
    assert anchor(outbound(), ROSTER, LegId("main/a")) == "main/a"


def test_when_its_leg_has_gone_the_recorder_moves_to_the_outside_leg() -> None:
    scene = Scene()
    call = after(
        *ringing("100", "carrier1", dialled=CUSTOMER, scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.ends("a"),
        scene.appears("c", "101", originating=False),
        scene.joins("c"),
    )
    assert anchor(call, ROSTER, LegId("main/a")) == "main/b"


def test_the_caller_who_transferred_the_call_away_carries_nothing_more() -> None:
    scene = Scene()
    call = after(
        *ringing("100", "101", scene=scene),
        scene.joins("b"),
        scene.joins("a"),
        scene.leaves("a"),
        scene.appears("c", "102", originating=False),
        scene.joins("c"),
    )
    assert anchor(call, ROSTER, LegId("main/a")) == "main/b"


def test_in_a_room_the_member_who_is_in_it_longest_carries_it_and_keeps_it_while_there() -> None:
    call = conference(members=("100", "101", "carrier1"))
    assert anchor(call, ROSTER) == "main/100"
    assert anchor(call, ROSTER, LegId("main/101")) == "main/101"


def test_after_an_attended_transfer_the_outside_leg_carries_the_recorder() -> None:
    scene = Scene("main/2.1", began=1_795_000_100.0)
    second = after(
        scene.appears("c", "100", dialled="101"),
        scene.appears("d", "101", originating=False),
        scene.joins("d", "b2"),
        scene.joins("c", "b2"),
        call=scene.call,
    )
    joined = merge(inbound("100"), second)
    assert anchor(joined, ROSTER) == "main/a"


def test_with_nobody_there_nothing_carries_a_recorder() -> None:
    assert anchor(Call(CallId("main/1.1"), 0.0), ROSTER) is None
    assert anchor(Call(CallId("main/1.1"), 0.0), ROSTER, LegId("main/x")) is None


@settings(max_examples=200)
@given(calls(), st.sampled_from(["main/a", "main/b", "main/c", "main/l1", "main/x", None]))
def test_whatever_happens_the_anchor_is_a_real_leg_that_is_there(call: Call, current: LegId | None) -> None:
    chosen = anchor(call, ROSTER, current)
    if chosen is not None:
        assert call.legs[chosen].alive
        assert not call.legs[chosen].local
        assert anchor(call, ROSTER, chosen) == chosen, "a chosen anchor stays where it is while nothing happens"
    elif talking(call):
        raise AssertionError("people talk, and nothing could carry a recorder")


@settings(max_examples=200)
@given(calls())
def test_whatever_happens_only_arrived_real_legs_count_and_each_once(call: Call) -> None:
    legs = present(call, ROSTER)
    assert len({leg.id for leg in legs}) == len(legs)
    assert not any(leg.local for leg in legs)
    for _, of_subject in subjects_of(call, ROSTER):
        assert {leg.id for leg in of_subject} <= {leg.id for leg in legs}
