"""What the policy says about real calls: events that a real Asterisk sent, decided while people talked."""

from __future__ import annotations

import pytest

from controller.core.calls import Call, is_room, talking
from controller.core.commands import CallId
from controller.core.decision import Mode
from controller.core.events import CallsMerged, Event
from controller.core.policy import decide
from controller.core.updating import merge, update
from tests.core.situations import policy
from tests.pbx.asterisk.traces import heard, load

POLICY = policy(
    """
    [[rule]]
    name = "ddi"
    ddi = "0205550123"
    mode = "always-with-pause"
    [[rule]]
    name = "people"
    extension = "*"
    mode = "on-demand"
    [[rule]]
    name = "sales"
    queue = "sales"
    mode = "always"
    [[rule]]
    name = "group"
    ring_group = "600"
    mode = "always"
    [[rule]]
    name = "rooms"
    conference = "8.."
    mode = "always"
    """
)


def while_talking(events: list[Event]) -> dict[str, list[str]]:
    """Rule and owners in turn, for own calls and for rooms, in each conversation."""
    calls: dict[CallId, Call] = {}
    homes: dict[CallId, CallId] = {}
    told: dict[str, list[str]] = {"call": [], "room": []}
    for event in events:
        home = homes.get(event.call, event.call)
        call = calls.get(home) or Call(home, event.at)
        if isinstance(event, CallsMerged):
            homes[event.other] = home
            other = calls.pop(event.other, None)
            calls[home] = merge(call, other) if other else call
            continue
        call = calls[home] = update(call, event)
        if not talking(call):
            continue
        decision = decide(POLICY, call)
        said = f"{decision.rule}: {', '.join(str(owner) for owner in decision.owners)}"
        said = said if decision.mode is not Mode.NEVER else "no"
        place = told["room" if is_room(home) else "call"]
        if place[-1:] != [said]:
            place.append(said)
    return told


@pytest.mark.parametrize(
    ("name", "calls", "rooms"),
    [
        ("plain", ["people: extension 100, extension 101"], []),
        ("refused", [], []),
        ("inbound", ["ddi: ddi +44205550123, extension 101"], []),
        ("outbound", ["people: extension 100"], []),
        ("ring_group", ["group: extension 103, ring_group 600"], []),
        ("queue", ["sales: queue sales"], []),
        ("queue_local", ["no"], []),
        ("queue_pinned", ["no"], []),
        ("queue_abandoned", [], []),
        ("queue_transferred", ["sales: queue sales", "people: extension 102"], []),
        ("paged", ["no"], ["no"]),
        ("voicemail", [], []),
        ("click_to_call", ["people: extension 100, extension 101"], []),
        ("conference", [], ["rooms: conference 800"]),
    ],
)
def test_a_real_call_is_decided_as_the_rules_say(name: str, calls: list[str], rooms: list[str]) -> None:
    assert while_talking(heard(load(name))) == {"call": calls, "room": rooms}


@pytest.mark.parametrize(
    "name", ["attended", "attended_by_feature", "blind", "blond", "forwarded", "parked", "picked_up", "redirected"]
)
def test_the_rule_of_a_ddi_holds_through_every_transfer_of_the_outside_party(name: str) -> None:
    told = while_talking(heard(load(name)))["call"]
    with_caller = [said for said in told if "+44205550123" in said]
    assert with_caller
    assert told[-1] in with_caller


def test_in_a_room_the_room_decides_for_the_caller_who_is_taken_into_it() -> None:
    told = while_talking(heard(load("into_room")))
    assert told["call"][-1] == "no"
    assert told["room"] == ["rooms: conference 800"]
