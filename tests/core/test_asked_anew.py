"""Who has been told is told again only of what he has not heard; and the gate knows the number that is dialled."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from controller.core import consent, gate
from controller.core.commands import LegId
from controller.core.consent import EMPTY, Entry, Standing
from controller.core.decision import Announce, Options
from controller.core.events import GateReached
from tests.core.situations import after, inbound, policy
from tests.playbook import Scene

NOTIFY, OPT_OUT, OPT_IN = Announce.NOTIFY, Announce.OPT_OUT, Announce.OPT_IN
LEG = LegId("main/a")
OBEY = (
    '[defaults]\nannounce_inbound = "region"\nannounce_outbound = "region"\n'
    '[[rule]]\nname = "all"\nextension = "*"\nmode = "always"\n'
)


@pytest.mark.parametrize(
    ("heard", "now", "lacks"),
    [
        (NOTIFY, NOTIFY, False),
        (NOTIFY, OPT_OUT, True),
        (NOTIFY, OPT_IN, True),
        (OPT_OUT, OPT_IN, True),
        (OPT_OUT, NOTIFY, False),
        (OPT_IN, OPT_OUT, False),
    ],
)
def test_who_was_told_is_told_again_only_where_more_is_asked_for_now(
    heard: Announce, now: Announce, lacks: bool
) -> None:
    options = Options(announce_inbound=now)
    ledger = MappingProxyType({LEG: (Entry(Standing.INFORMED, 1.0, asked=heard),)})
    assert consent.lacks(ledger, LEG, options, "inbound") is lacks
    for standing in (Standing.AGREED, Standing.REFUSED, Standing.WITHDRAWN):
        said = MappingProxyType({LEG: (Entry(standing, 1.0, asked=heard),)})
        assert not consent.lacks(said, LEG, options, "inbound")
    assert consent.lacks(EMPTY, LEG, options, "inbound")


def test_a_fallback_stands_for_what_could_not_be_played() -> None:
    options = Options(announce_inbound=OPT_OUT, announce_fallback=NOTIFY)
    _, fallback = consent.statements(options, "inbound")
    assert (fallback.announce, fallback.meant) == (NOTIFY, OPT_OUT)
    ledger = MappingProxyType({LEG: (Entry(Standing.INFORMED, 1.0, asked=fallback.meant),)})
    assert not consent.lacks(ledger, LEG, options, "inbound")


@pytest.mark.parametrize(("dialled", "asked"), [("0049301234567", OPT_IN), ("07700900123", NOTIFY)])
def test_in_the_gate_the_region_is_that_of_the_number_that_is_dialled(dialled: str, asked: Announce) -> None:
    scene = Scene()
    call = after(scene.appears("a", "100", dialled=dialled))
    waiting = gate.reached(call, GateReached(call.id, scene.at(), LEG, target="carrier1"), EMPTY, policy(OBEY))
    assert [said.announce for said in waiting.said] == [asked]


def test_who_has_left_before_anybody_was_asked_does_not_stand_in_the_way() -> None:
    options = Options(announce_inbound=OPT_IN)
    rules, call = policy(OBEY), inbound(number="0049301234567")
    agreed = MappingProxyType({leg: (Entry(Standing.AGREED, 1.0),) for leg in call.legs})
    gone = replace(call.legs[LEG], id=LegId("main/gone"), endpoint="carrier2", ended_at=2.0)
    assert consent.forbids(call, EMPTY, options, "inbound", rules.roster)
    left = replace(call, legs={**call.legs, gone.id: gone})
    assert not consent.forbids(left, agreed, options, "inbound", rules.roster)
    over = replace(left, legs={leg: replace(one, bridge=None) for leg, one in left.legs.items()})
    assert consent.forbids(over, agreed, options, "inbound", rules.roster)  # nobody talks: no recorder for a moment
