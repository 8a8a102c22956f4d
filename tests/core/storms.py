"""Random calls: any events in any order, as hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from controller.core.calls import Call
from controller.core.commands import CallId, LegId
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeId,
    BridgeKind,
    CallGone,
    Event,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRang,
    QueueJoined,
    QueueLeft,
)
from controller.core.updating import update
from tests.playbook import BEGAN

LEGS = st.sampled_from([LegId(f"main/{name}") for name in ("a", "b", "c", "l1")])
BRIDGES = st.sampled_from([BridgeId("b1"), BridgeId("b2")])
NUMBERS = st.sampled_from(["100", "0205550777", "+44205550100", "116123", "", "600", "*97", "s"]) | st.text(
    max_size=12
)
ENDPOINTS = st.sampled_from(["100", "101", "carrier1", "carrier2", "press-1", ""])
IDS = st.sampled_from([CallId("main/1.1"), CallId("main/room:800:b9")])
NAMES = st.sampled_from(["group", "kind", "vip"])
VALUES = st.sampled_from(["600", "paging", "voicemail", "yes", ""]) | st.text(max_size=8)
QUEUES = st.sampled_from(["sales", "support"])


APPEARING = st.just(0)


@st.composite
def events(draw: st.DrawFn, call: CallId, at: float, kinds: st.SearchStrategy[int] | None = None) -> Event:
    """One event of this call."""
    leg = draw(LEGS)
    local = "pair" if leg.endswith("l1") else ""
    match draw(st.integers(0, 11) if kinds is None else kinds):
        case 0:
            return LegAppeared(
                call,
                at,
                leg,
                draw(ENDPOINTS),
                number=draw(NUMBERS),
                dialled=draw(NUMBERS),
                originating=draw(st.booleans()),
                local=local,
                up=draw(st.booleans()),
            )
        case 2:
            return LegDialled(call, at, leg, draw(LEGS), draw(NUMBERS), draw(NUMBERS))
        case 3:
            return LegRang(call, at, leg)
        case 4:
            return LegAnswered(call, at, leg)
        case 1 | 5 | 6:
            return LegJoined(call, at, leg, draw(BRIDGES), draw(st.sampled_from(BridgeKind)), "800")
        case 7:
            return LegLeft(call, at, leg, draw(BRIDGES))
        case 8:
            return LegEnded(call, at, leg)
        case 9:
            return AttributeSet(call, at, leg, draw(NAMES), draw(VALUES))
        case 10:
            kind = draw(st.sampled_from([QueueJoined, AgentConnected, QueueLeft]))
            return kind(call, at, leg, draw(QUEUES))
        case _:
            return CallGone(call, at)


@st.composite
def histories(draw: st.DrawFn) -> list[Call]:
    """A call as it stood after each of its events."""
    call = Call(draw(IDS), BEGAN)
    history = [call]
    storm = [draw(events(call.id, BEGAN, kinds=APPEARING)) for _ in range(draw(st.integers(0, 3)))]
    storm += [draw(events(call.id, BEGAN + step)) for step in range(draw(st.integers(0, 14)))]
    for event in storm:
        call = update(call, event)
        history.append(call)
    return history


def calls() -> st.SearchStrategy[Call]:
    """A call after some storm."""
    return histories().map(lambda history: history[-1])
