"""A supervised manager link: it comes back, tells once, and never sends an action twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.pbx.asterisk.ami import Ami, AmiLink
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.link import Backlog, Backoff, LinkCounters
from controller.pbx.driver import PbxGone, PbxRefused
from tests.pbx.asterisk.scripted import BOOTED, Manager, manager, response, silent, until

QUICK = Backoff(first=0.01, cap=0.05)


class Story:
    """What a link told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def up(self) -> None:
        self.told.append("up")

    def down(self, reason: str) -> None:
        self.told.append(f"down: {reason}")

    def event(self, message: Message) -> None:
        self.told.append(message.event)

    def count(self, what: str) -> int:
        return sum(told.startswith(what) for told in self.told)


@asynccontextmanager
async def running(server: Manager, story: Story, **options: object) -> AsyncIterator[AmiLink]:
    settings: dict[str, object] = {"backoff": QUICK, "ping_every": 60.0} | options
    link = AmiLink(server.access, on_event=story.event, on_up=story.up, on_down=story.down, **settings)  # type: ignore[arg-type]
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lost_link_comes_back_and_what_was_asked_is_not_asked_again() -> None:
    story = Story()
    async with manager() as server, running(server, story) as link:
        await until(lambda: story.told == ["up"])
        server.on["StopMixMonitor"] = silent
        stopping = asyncio.create_task(link.action("StopMixMonitor", Channel="PJSIP/100-1"))
        await until(lambda: server.session.named("StopMixMonitor"))
        server.session.hang_up()
        with pytest.raises(PbxGone):
            await stopping
        await until(lambda: story.count("up") == 2)
        assert (await link.action("Ping")).response == "Success"
        assert server.session.named("StopMixMonitor") == []
        assert [told.split(":")[0] for told in story.told] == ["up", "down", "up"]
        assert (link.counters.connects, link.counters.losses) == (2, 1)


async def test_an_action_while_the_link_is_down_fails_at_once_with_the_reason() -> None:
    story = Story()
    async with manager() as server:
        server.on["Login"] = lambda s, m: s.say(response(m, "Error", "Message: Authentication failed"))
        async with running(server, story) as link:
            with pytest.raises(PbxGone, match="not connected yet"):
                await link.action("Ping")
            await until(lambda: story.told)
            with pytest.raises(PbxGone, match="Authentication failed"):
                await link.action("Ping")


async def test_a_pbx_that_stays_away_is_told_once_until_the_reason_changes() -> None:
    story = Story()
    async with manager() as server:
        server.on["Login"] = lambda s, m: s.say(response(m, "Error", "Message: Authentication failed"))
        async with running(server, story):
            await until(lambda: len(server.sessions) >= 4)
            assert story.told == ["down: manager login of 'onrecord': Authentication failed"]
            server.on["Login"] = lambda s, m: s.say(response(m, "Error", "Message: Locked"))
            await until(lambda: len(story.told) == 2)
            assert "Locked" in story.told[1]


async def test_up_comes_before_the_first_event_and_filters_before_both() -> None:
    story = Story()

    async def prepare(ami: Ami) -> None:
        await ami.filter([("name(Hangup)", "")])
        story.told.append("prepared")

    async with manager() as server:
        server.on["Filter"] = lambda s, m: s.say("Event: Early", response(m))
        async with running(server, story, prepare=prepare):
            await until(lambda: story.count("up"))
            server.session.say("Event: Hangup")
            await until(lambda: story.count("Hangup"))
    assert story.told == ["prepared", "up", "Hangup"]


async def test_a_filter_that_is_refused_takes_the_link_down_instead_of_flooding_it() -> None:
    story = Story()

    async def prepare(ami: Ami) -> None:
        await ami.filter([("name(Hangup)", "")])

    async with manager() as server:
        server.on["Filter"] = lambda s, m: s.say(response(m, "Error", "Message: Permission denied"))
        async with running(server, story, prepare=prepare):
            await until(lambda: story.told == ["down: Permission denied"])
            await until(lambda: not server.sessions[0].open)


async def test_a_restarted_pbx_shows_by_its_uptime() -> None:
    story = Story()
    async with manager() as server, running(server, story) as link:
        await until(lambda: story.count("up") == 1)
        assert link.booted is not None
        assert link.booted.get("Uptime") == "7"
        server.on["Login"] = lambda s, m: s.say(response(m), BOOTED.replace("Uptime: 7", "Uptime: 1"))
        server.session.hang_up()
        await until(lambda: story.count("up") == 2)
        assert link.booted.get("Uptime") == "1"


async def test_an_ended_link_closes_its_socket() -> None:
    story = Story()
    async with manager() as server:
        async with running(server, story):
            await until(lambda: story.count("up"))
        await until(lambda: not server.session.open)


async def test_a_fault_of_our_own_is_not_taken_for_a_lost_link() -> None:
    def fail() -> None:
        raise RuntimeError("a fault of ours")

    async with manager() as server:
        story = Story()
        link = AmiLink(server.access, on_event=story.event, on_up=fail, on_down=story.down, backoff=QUICK)
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await asyncio.wait_for(link.run(), 5)
        await until(lambda: not server.session.open)


async def test_a_refused_action_on_the_link_says_why() -> None:
    story = Story()
    async with manager() as server, running(server, story) as link:
        await until(lambda: story.count("up"))
        server.on["MixMonitor"] = lambda s, m: s.say(response(m, "Error", "Message: Permission denied"))
        with pytest.raises(PbxRefused, match="Permission denied"):
            await link.action("MixMonitor", Channel="x", File="a.wav")


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_wait_grows_to_its_cap_and_is_never_nothing(failures: int) -> None:
    backoff = Backoff(first=0.25, cap=30)
    longest = min(30, 0.25 * 2 ** min(failures, 60))
    assert longest / 2 <= backoff.delay(failures) <= longest


async def test_a_pbx_that_accepts_and_drops_us_is_not_asked_ever_faster() -> None:
    story = Story()
    async with manager() as server, running(server, story, backoff=Backoff(first=0.02, cap=10, settled=5)):
        loop = asyncio.get_running_loop()
        times: list[float] = []
        for n in range(1, 6):
            await until(lambda n=n: story.count("up") == n)  # type: ignore[misc]
            times.append(loop.time())
            server.session.hang_up()
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert gaps[3] >= 0.02 * 2**3 / 2  # the shortest that the fourth wait can be


async def test_a_reader_that_is_too_slow_loses_what_does_not_fit_and_it_is_counted() -> None:
    counters = LinkCounters()
    backlog: Backlog[int] = Backlog(3, counters)
    for n in range(5):
        backlog.put(n)
    read = [n async for n, _ in _zip(backlog, 3)]
    assert (read, counters.dropped) == ([0, 1, 2], 2)


async def _zip(backlog: Backlog[int], count: int) -> AsyncIterator[tuple[int, int]]:
    left = count
    async for item in backlog:
        left -= 1
        yield item, left
        if not left:
            return
