"""The two links to a real Asterisk: what its filters, limits and restarts really do."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controller import lab
from controller.lab import Asterisk
from controller.pbx.asterisk import ami, ari, frames
from controller.pbx.asterisk.ami import Ami, AmiAccess, AmiLink
from controller.pbx.asterisk.ari import AriAccess, AriLink, AriRefused, Event, Replaced
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.link import Backoff
from controller.pbx.driver import PbxGone, PbxRefused

QUICK = Backoff(first=0.05, cap=0.2)
APPLICATION = "links-test"


def manager(pbx: Asterisk) -> AmiAccess:
    return AmiAccess(pbx.host, pbx.ami_port, pbx.ami_user, pbx.ami_secret)


def rest(pbx: Asterisk, application: str = APPLICATION) -> AriAccess:
    return AriAccess(pbx.ari_url, pbx.ari_user, pbx.ari_secret, application)


class Heard(list[str]):
    """Names of what came, and a way to wait for one."""

    def hear(self, event: Message | Event) -> None:
        self.append(event.event if isinstance(event, Message) else event.type)

    async def until(self, name: str, times: int = 1, deadline: float = 10) -> None:
        async with asyncio.timeout(deadline):
            while self.count(name) < times:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def session(pbx: Asterisk, heard: Heard | None = None) -> AsyncIterator[Ami]:
    one = await ami.connect(manager(pbx), (heard if heard is not None else Heard()).hear)
    one.listen()
    try:
        yield one
    finally:
        await one.close()


@pytest.fixture
async def own_asterisk() -> AsyncIterator[Asterisk]:
    """An instance of one test's own, to kill and to restart."""
    async with Asterisk.running(lab.install()) as pbx:
        yield pbx


async def test_a_filter_lets_the_named_events_and_our_own_variables_through_and_nothing_else(
    asterisk: Asterisk,
) -> None:
    messages: list[Message] = []
    one = await ami.connect(manager(asterisk), messages.append)
    try:
        await one.filter(
            [
                ("action(include),name(Hangup)", ""),
                ("action(include),name(VarSet),header(Variable),method(starts_with)", "ONRECORD"),
            ]
        )
        one.listen()
        await one.action(
            "Originate",
            Channel="Local/900@from-phones/n",
            Application="Wait",
            Data="1",
            Variable=["ONRECORD_A=1", "OTHER=2"],
        )
        async with asyncio.timeout(10):
            while sum(message.event == "Hangup" for message in messages) < 2:
                await asyncio.sleep(0.01)
    finally:
        await one.close()
    assert {message.event for message in messages} == {"Hangup", "VarSet"}
    variables = {message.get("Variable") for message in messages if message.event == "VarSet"}
    assert "ONRECORD_A" in variables
    assert all(name.startswith("ONRECORD") for name in variables)


async def test_a_filter_that_asterisk_does_not_understand_is_refused(asterisk: Asterisk) -> None:
    async with session(asterisk) as one:
        for wrong in (
            ("name(VarSet),method(nonsense)", "x"),
            ("name(VarSet),header(Variable)", "ONRECORD"),  # a text without a method
            ("name(Hangup),method(exact)", ""),  # a method without a text
        ):
            with pytest.raises(PbxRefused, match="formatted incorrectly"):
                await one.filter([wrong])


async def test_the_manager_user_of_least_rights_cannot_run_commands(asterisk: Asterisk) -> None:
    async with session(asterisk) as one:
        with pytest.raises(PbxRefused, match="Permission denied"):
            await one.action("Command", Command="core show uptime")


async def test_the_limits_that_we_keep_when_sending_are_those_of_asterisk(asterisk: Asterisk) -> None:
    async with session(asterisk) as one:
        room = frames.SENT_LINE_LIMIT - len("Value: ")
        await one.action("Setvar", Variable="LONGEST", Value="v" * room)
        assert len((await one.action("Getvar", Variable="LONGEST")).get("Value")) == room
        await one.action("Setvar", Variable="MANY", Value="1", X=["y"] * (frames.SENT_LINES_LIMIT - 4))
        with pytest.raises(ValueError, match="at most"):
            await one.action("Setvar", Variable="LONGEST", Value="v" * (room + 1))


async def test_letters_that_are_not_utf_8_go_to_asterisk_and_come_back_unharmed(asterisk: Asterisk) -> None:
    async with session(asterisk) as one:
        await one.action("Setvar", Variable="ODD", Value="J\udcfcrgen \u00fc")
        assert (await one.action("Getvar", Variable="ODD")).get("Value") == "J\udcfcrgen \u00fc"


async def test_a_wrong_secret_is_refused_by_a_real_asterisk(asterisk: Asterisk) -> None:
    with pytest.raises(PbxRefused, match="Authentication failed"):
        await ami.connect(AmiAccess(asterisk.host, asterisk.ami_port, asterisk.ami_user, "wrong"), Heard().hear)
    with pytest.raises(AriRefused, match="401"):
        await ari.connect(AriAccess(asterisk.ari_url, asterisk.ari_user, "wrong", APPLICATION), Heard().hear)


async def test_live_channels_come_as_a_list_and_an_error_as_an_error(asterisk: Asterisk) -> None:
    async with session(asterisk) as one:
        await one.action("Originate", Channel="Local/900@from-phones/n", Application="Wait", Data="5")
        _, channels = await one.list("Status")
        ours = [channel for channel in channels if channel.get("Channel").startswith("Local/900@")]
        assert {channel.get("Channel")[-2:] for channel in ours} == {";1", ";2"}
        with pytest.raises(PbxRefused, match="No such channel"):
            await one.list("Status", Channel="PJSIP/nobody-1")
        with pytest.raises(PbxRefused, match="No such channel"):
            await one.action("MixMonitor", Channel="PJSIP/nobody-1", File="x.wav")
        await one.action("Hangup", Channel=ours[0].get("Channel"))  # its other half goes with it


class Told(Heard):
    """What one link says, in order: up, down, events, replaced."""

    def up(self) -> None:
        self.append("up")

    def down(self, reason: str) -> None:
        self.append(f"down: {reason}")

    def replaced(self) -> None:
        self.append("replaced")

    @property
    def downs(self) -> list[str]:
        return [told for told in self if told.startswith("down")]


async def test_a_killed_manager_is_told_and_the_link_comes_back_to_a_younger_asterisk(own_asterisk: Asterisk) -> None:
    told = Told()
    link = AmiLink(manager(own_asterisk), on_event=told.hear, on_up=told.up, on_down=told.down, backoff=QUICK)
    running = asyncio.create_task(link.run())
    await told.until("up")
    before = await link.action("CoreStatus")
    await asyncio.sleep(1.1)  # CoreStartupTime counts whole seconds
    await own_asterisk.kill()
    await told.until("down: the PBX closed the connection")
    with pytest.raises(PbxGone):
        await link.action("Ping")
    await own_asterisk.start()
    await told.until("up", 2)
    after = await link.action("CoreStatus")
    assert after.get("CoreStartupTime") != before.get("CoreStartupTime")
    assert link.booted is not None
    assert link.counters.unknown == 0
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_killed_websocket_comes_back_with_its_event_filter(own_asterisk: Asterisk) -> None:
    told = Told()
    link = AriLink(
        rest(own_asterisk),
        on_event=told.hear,
        on_up=told.up,
        on_down=told.down,
        on_replaced=told.replaced,
        events=["ChannelCreated"],
        backoff=QUICK,
    )
    running = asyncio.create_task(link.run())
    await told.until("up")
    await own_asterisk.kill()
    async with asyncio.timeout(5):
        while not told.downs:
            await asyncio.sleep(0.005)
    with pytest.raises(PbxGone):
        await link.request("GET", "channels")
    await own_asterisk.start()
    await told.until("up", 2)
    again = len(told)
    assert await link.request("GET", "channels") == []
    where = {"endpoint": "Local/900@from-phones/n", "app": APPLICATION, "channelId": "one", "otherChannelId": "two"}
    await link.request("POST", "channels", query=where)
    await told.until("ChannelCreated", 2)
    await link.request("DELETE", "channels", "one")
    assert await link.request("GET", "asterisk", "ping")
    assert set(told[again:]) == {"ChannelCreated"}
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_frozen_asterisk_is_found_by_both_links(own_asterisk: Asterisk) -> None:
    pid = own_asterisk.pid
    assert pid is not None
    one = await ami.connect(manager(own_asterisk), Heard().hear, ping_every=0.3)
    two = await ari.connect(rest(own_asterisk), Heard().hear, ping_every=0.5)
    os.kill(pid, signal.SIGSTOP)  # its sockets stay open: only silence tells
    try:
        async with asyncio.timeout(5):
            assert (await one.lost()).startswith("silent for")
            assert await two.lost() == "no answer to a websocket ping"
    finally:
        os.kill(pid, signal.SIGCONT)
        await one.close()
        await two.close()


async def test_ari_hears_the_chosen_events_only_and_answers_over_the_same_websocket(asterisk: Asterisk) -> None:
    heard = Heard()
    one = await ari.connect(rest(asterisk), heard.hear, events=["ChannelCreated", "ChannelDestroyed"])
    try:
        one.listen()
        assert one.over_websocket
        where = {
            "endpoint": "Local/900@from-phones/n",
            "app": APPLICATION,
            "channelId": "a/../b",
            "otherChannelId": "c",
        }
        await one.request("POST", "channels", query=where)
        for over_websocket in (True, False):
            one.over_websocket = over_websocket
            asked = await one.request("GET", "channels", "a/../b", "variable", query={"variable": "UNIQUEID"})
            assert asked == {"value": "a/../b"}
            for outside in ("../asterisk/info", "a/..", "%2e%2e", "a%2F..%2Fb"):
                with pytest.raises(AriRefused, match="404 Channel not found"):
                    await one.request("GET", "channels", outside)
        await one.request("DELETE", "channels", "a/../b")
        await heard.until("ChannelDestroyed", 2)
    finally:
        await one.close()
    assert set(heard) == {"ChannelCreated", "ChannelDestroyed"}


async def test_the_event_filter_of_asterisk_would_hide_answers_if_it_were_not_told_to_spare_them(
    asterisk: Asterisk,
) -> None:
    one = await ari.connect(rest(asterisk, "links-deaf"), Heard().hear)
    try:
        with pytest.raises(PbxGone, match="no answer"):
            await one.request(
                "PUT",
                "applications",
                "links-deaf",
                "eventFilter",
                body={"allowed": [{"type": "Hangup"}]},
                timeout=0.5,
            )
        with pytest.raises(PbxGone, match="no answer"):
            await one.request("GET", "asterisk", "ping", timeout=0.5)
    finally:
        await one.close()


async def test_a_second_client_with_our_name_makes_us_stop(asterisk: Asterisk) -> None:
    first = await ari.connect(rest(asterisk, "links-name"), Heard().hear, events=["ChannelCreated"])
    second = await ari.connect(rest(asterisk, "links-name"), Heard().hear, events=[])
    try:
        with pytest.raises(Replaced, match="taken by another client"):
            await asyncio.wait_for(first.lost(), 5)
        assert (await second.request("GET", "asterisk", "ping"))["ping"] == "pong"
    finally:
        await first.close()
        await second.close()
