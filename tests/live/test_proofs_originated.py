"""Click to call: the PBX itself calls both sides, asked for over AMI or ARI, straight or through a Local channel."""

from __future__ import annotations

import asyncio
import base64
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from controller.lab import Asterisk, MakePhone, Phone, sounds
from tests.live.controlling import controlling, pitches

VOICES = {"100": 450, "101": 700, "102": 950, "103": 1200, "world": 1450}
ALWAYS_100 = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\n'


async def by_ami(pbx: Asterisk, channel: str, number: str) -> None:
    async with pbx.admin() as admin:
        await admin.act(
            "Originate",
            Channel=channel,
            Context="from-phones",
            Exten=number,
            Priority="1",
            Async="true",
            Timeout="9000",
        )


async def by_ami_dial(pbx: Asterisk, channel: str, number: str) -> None:
    """The other side by an application instead of the dialplan."""
    target = f"PJSIP/{number}" if len(number) == 3 else f"PJSIP/{number}@carrier1"
    async with pbx.admin() as admin:
        await admin.act("Originate", Channel=channel, Application="Dial", Data=target, Async="true", Timeout="9000")


async def by_ari(pbx: Asterisk, channel: str, number: str) -> None:
    query = urlencode({"endpoint": channel, "context": "from-phones", "extension": number, "priority": 1})
    login = base64.b64encode(f"{pbx.ari_user}:{pbx.ari_secret}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310
        f"{pbx.ari_url}/channels?{query}", method="POST", headers={"Authorization": f"Basic {login}"}
    )
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=5).close())  # noqa: S310


Way = Callable[[Asterisk, str, str], Awaitable[None]]


async def _answered(phone: Phone) -> None:
    async with asyncio.timeout(8):
        while not any(call.up for call in phone.calls.values()):
            await asyncio.sleep(0.01)


@pytest.mark.proves("F-083")
@pytest.mark.parametrize("way", [by_ami, by_ami_dial, by_ari], ids=lambda way: str(way.__name__))
@pytest.mark.parametrize("channel", ["PJSIP/{}", "Local/{}@from-phones"])
@pytest.mark.parametrize("outside", [False, True], ids=["inside", "outside"])
async def test_a_call_that_the_pbx_placed_is_recorded_like_one_that_was_dialled(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, way: Way, channel: str, outside: bool
) -> None:
    """100 is recorded and 102 is not; both are called by the PBX at the same time, and then whomever they want."""
    everybody = {number: await phone(number) for number in ("100", "101", "102", "103")}
    world = await carrier("carrier1")
    for number, each in {**everybody, "world": world}.items():
        each.auto(sounds.tone(VOICES[number]), loop=True)
    files = set(asterisk.monitor_dir.rglob("*.wav"))
    async with controlling(asterisk, ALWAYS_100, tmp_path) as control:
        await asyncio.gather(
            way(asterisk, channel.format("100"), "0301234567" if outside else "101"),
            way(asterisk, channel.format("102"), "103"),
        )
        await asyncio.gather(*(_answered(each) for each in (everybody["100"], everybody["103"])))
        await _answered(world if outside else everybody["101"])
        await asyncio.sleep(1.2)
        for number in ("100", "102"):
            for call in list(everybody[number].calls.values()):
                await call.hangup()
        finished = await control.over(2)
    assert len(finished) == 2, [each.call for each in finished]
    recorded = [each for each in finished if each.recording is not None]
    assert len(recorded) == 1, [(each.call, each.decision.reason) for each in finished]
    (segment,) = recorded[0].segments
    assert pitches(segment.mixed) == {VOICES["100"], VOICES["world" if outside else "101"]}
    assert recorded[0].decision.rule == "hundred"
    assert [str(owner) for owner in recorded[0].owners] == ["extension 100"]
    assert recorded[0].direction == ("outbound" if outside else "internal")
    assert segment.started_at - (recorded[0].talked_at or 0) < 0.2
    written = {Path(name) for name in (segment.mixed, segment.anchor, segment.others) if name}
    assert set(asterisk.monitor_dir.rglob("*.wav")) - files == written
