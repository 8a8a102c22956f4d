"""Whom the policy names and no PBX has: what is said, and what is not because nobody can know."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.doctor import policy
from controller.doctor.finding import Status
from controller.pbx.driver import PbxRefused
from tests.doctor.paper import RULES, configuration, event, visit


def rule(line: str, name: str = "r") -> str:
    return f'[[rule]]\nname = "{name}"\n{line}\nmode = "always"\n'


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (rule('extension = "100"'), []),
        (rule('extension = "101"'), ["extension 101"]),
        (rule('extension = ["101-199", "2..", "3*"]'), []),  # ranges and beginnings: nobody in particular
        (rule('queue = "sales"'), []),
        (rule('queue = "Sales"'), ["queue Sales"]),
        (rule('queue = "sal*"'), []),
        (rule('queue = "help*"'), ["queue help"]),
        (rule('queue = "*"'), []),
        ('[[queue]]\nname = "shop"\n', ["queue shop"]),
        ('[[extension]]\nnumber = "7"\nname = "Ann"\nendpoints = ["100"]\n' + rule('extension = "Ann"'), []),
        ('[[extension]]\nnumber = "7"\nendpoints = ["main/100", "main/900"]\n', ["extension 7"]),
        ('[[line]]\nname = "door"\nendpoints = ["900"]\n', ["line door"]),
        ('[[trunk]]\nname = "voip"\n', ["trunk voip"]),
        ('[[ring_group]]\nnumber = "600"\n', []),
    ],
)
async def test_strangers_are_named(tmp_path: Path, more: str, named: list[str]) -> None:
    found = await policy.subjects([visit(configuration(tmp_path, RULES + more))])
    assert [one.measured["subject"] for one in found if one.status is Status.WARN] == named
    assert [one.status for one in found] == ([Status.WARN] * len(named) or [Status.OK])


async def test_a_ring_group_that_nobody_can_dial_is_named_unless_the_dialplan_may_not_be_seen(tmp_path: Path) -> None:
    config = configuration(tmp_path, RULES + '[[ring_group]]\nnumber = "600"\n')
    none = PbxRefused("Did not find any context with extension 600")
    (found,) = await policy.subjects([visit(config, ShowDialPlan=none)])
    assert found.measured == {"subject": "ring_group 600"}
    (found,) = await policy.subjects([visit(config, ShowDialPlan=PbxRefused("Permission denied"))])
    assert found.status is Status.OK
    (found,) = await policy.subjects([visit(config, ShowDialPlan=none), visit(config)])
    assert found.status is Status.OK


async def test_without_pjsip_or_queues_only_what_can_be_known_is_told(tmp_path: Path) -> None:
    config = configuration(tmp_path, RULES + rule('queue = "sales"') + rule('extension = "101"', "s"))
    unknown = PbxRefused("Invalid/unknown command")
    found = await policy.subjects([visit(config, PJSIPShowEndpoints=unknown, QueueStatus=unknown)])
    assert [one.measured.get("subject") for one in found] == ["queue sales"]
    absent = visit(config)
    absent.ami = None
    (found_nothing,) = await policy.subjects([absent])
    assert found_nothing.status is Status.SKIPPED


async def test_peers_of_older_channel_drivers_are_known_too(tmp_path: Path) -> None:
    config = configuration(tmp_path, RULES + '[[trunk]]\nname = "branch"\n')
    peers = [event("PeerEntry", ObjectName="branch")]
    assert [one.status for one in await policy.subjects([visit(config)])] == [Status.WARN]
    assert [one.status for one in await policy.subjects([visit(config, IAXpeerlist=peers)])] == [Status.OK]
