"""Makes the traces of tests/pbx/traces anew: real calls on a private Asterisk, heard through the driver's filters.

Run it by hand (`python -m tests.pbx.asterisk.capture [NAME …]`) when Asterisk or the filters change, and review the
differences. What is kept is the text of every event, exactly as it came.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from controller.lab import Asterisk, Call, Phone, carrier, install, phone, sounds
from controller.pbx.asterisk import filters

TRACES = Path(__file__).parents[1] / "traces" / "asterisk"
TONE = sounds.tone(440)


class Ear:
    """An AMI session that keeps the bytes of every event."""

    def __init__(self, pbx: Asterisk) -> None:
        self.pbx = pbx
        self.blocks: list[bytes] = []
        self.news = asyncio.Event()

    async def listen(self) -> None:
        pbx = self.pbx
        reader, self.writer = await asyncio.open_connection(pbx.host, pbx.ami_port)
        await reader.readline()
        self.send(f"Action: Login\r\nUsername: {pbx.ami_user}\r\nSecret: {pbx.ami_secret}")
        for criterion, text in filters.criteria():
            self.send(f"Action: Filter\r\nOperation: Add\r\nMatchCriteria: {criterion}\r\nFilter: {text}")
        self.task = asyncio.create_task(self.read(reader))

    def send(self, action: str) -> None:
        self.writer.write(action.encode() + b"\r\n\r\n")

    async def read(self, reader: asyncio.StreamReader) -> None:
        while True:
            block = await reader.readuntil(b"\r\n\r\n")
            if block.startswith(b"Event: "):
                self.blocks.append(block)
                self.news.set()

    async def hears(self, text: str, times: int = 1, deadline: float = 20) -> None:
        async with asyncio.timeout(deadline):
            while sum(text.encode() in block for block in self.blocks) < times:
                await self.news.wait()
                self.news.clear()


@asynccontextmanager
async def phones(pbx: Asterisk, *names: str) -> AsyncIterator[list[Phone]]:
    async with asyncio.timeout(40):
        opened = [phone(pbx, name) if name.isdigit() else carrier(pbx, name) for name in names]
        entered = [await one.__aenter__() for one in opened]
        try:
            yield entered
        finally:
            for one in opened:
                await one.__aexit__(None, None, None)


async def over(*calls: Call) -> None:
    for call in calls:
        await call.hangup()
    await asyncio.sleep(0.3)


async def plain(ear: Ear) -> None:
    async with phones(ear.pbx, "100", "101") as (alice, bob):
        bob.auto(TONE, loop=True)
        call = await alice.call("101", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def refused(ear: Ear) -> None:
    async with phones(ear.pbx, "100", "101") as (alice, bob):
        await alice.dial("101")
        (await bob.rings()).refuse(486)
        await ear.hears("Event: Hangup", 2)


async def inbound(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101") as (world, bob):
        bob.auto(TONE, loop=True)
        call = await world.call("0205550123", caller="0301234567", name="Zoë, <b>${EXTEN} Ltd", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def outbound(ear: Ear) -> None:
    async with phones(ear.pbx, "100", "carrier1") as (alice, world):
        world.auto(TONE, loop=True)
        call = await alice.call("0305551234", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def ring_group(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "102", "103") as (world, _carol, dave):
        dave.auto(TONE, loop=True, after=0.2)
        call = await world.call("0205550400", caller="0301234567", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def queued(ear: Ear, number: str, agent: str) -> None:
    async with phones(ear.pbx, "carrier1", agent) as (world, hanna):
        hanna.auto(TONE, loop=True, after=0.2)
        call = await world.call(number, caller="0301234567", say=TONE, loop=True)
        await ear.hears("Event: AgentConnect")
        await asyncio.sleep(1.2)
        await over(call)


async def queue(ear: Ear) -> None:
    await queued(ear, "0205550200", "110")


async def queue_local(ear: Ear) -> None:
    await queued(ear, "0205550201", "113")


async def queue_pinned(ear: Ear) -> None:
    await queued(ear, "0205550202", "114")


async def queue_abandoned(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "110") as (world, hanna):
        call = await world.call("0205550200", caller="0301234567", say=TONE, loop=True)
        await hanna.rings()
        await over(call)


async def blind(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        at_bob = await (await bob.rings()).answer(TONE, loop=True)
        await asyncio.sleep(0.2)
        await at_bob.transfer("102")
        await (await carol.rings()).answer(TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def attended(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        at_bob = await (await bob.rings()).answer(TONE, loop=True)
        await at_bob.hold()
        carol.auto(TONE, loop=True)
        consultation = await bob.call("102", say=TONE, loop=True)
        await asyncio.sleep(0.2)
        await at_bob.transfer_to(consultation)
        await ear.hears("Event: AttendedTransfer")
        await asyncio.sleep(0.4)
        await over(call)


async def blond(ear: Ear) -> None:
    """Attended transfer by feature code, let go while the target still rings."""
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        at_bob = await (await bob.rings()).answer(TONE, loop=True)
        await asyncio.sleep(0.3)
        await at_bob.press("*2")
        await asyncio.sleep(0.5)
        await at_bob.press("102")
        at_carol = await carol.rings()
        await at_bob.hangup()
        await ear.hears("Event: AttendedTransfer")
        await asyncio.sleep(0.3)
        await at_carol.answer(TONE, loop=True)
        await asyncio.sleep(1.0)
        await over(call)


async def into_room(ear: Ear) -> None:
    """Attended transfer of the caller into a conference."""
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        at_bob = await (await bob.rings()).answer(TONE, loop=True)
        first = await carol.call("800", say=TONE, loop=True)
        second = await bob.call("800", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        await at_bob.transfer_to(second)
        await ear.hears("Event: AttendedTransfer")
        await asyncio.sleep(0.5)
        await over(first, call)


async def queue_transferred(ear: Ear) -> None:
    """The agent hands the queue's caller on, blindly."""
    async with phones(ear.pbx, "carrier1", "110", "102") as (world, hanna, carol):
        call = await world.dial("0205550200", caller="0301234567", say=TONE, loop=True)
        at_hanna = await (await hanna.rings()).answer(TONE, loop=True)
        await ear.hears("Event: BridgeEnter", 2)
        await asyncio.sleep(0.3)
        await at_hanna.transfer("102")
        await (await carol.rings()).answer(TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def redirected(ear: Ear) -> None:
    """AMI Redirect of the caller, which no transfer event tells of."""
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol), ear.pbx.admin() as admin:
        bob.auto(TONE, loop=True)
        carol.auto(TONE, loop=True)
        call = await world.call("0205550123", caller="0301234567", say=TONE, loop=True)
        await asyncio.sleep(0.2)
        listed = await admin.act("CoreShowChannels")
        assert listed["Response"] == "Success"
        channel = (await admin.event("CoreShowChannel", Exten="101", CallerIDNum="0301234567"))["Channel"]
        await admin.act("Redirect", Channel=channel, Context="from-phones", Exten="102", Priority="1")
        await ear.hears("Event: BridgeEnter", 4)
        await asyncio.sleep(0.3)
        await over(call)


async def attended_by_feature(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        at_bob = await (await bob.rings()).answer(TONE, loop=True)
        carol.auto(TONE, loop=True)
        await asyncio.sleep(0.3)
        await at_bob.press("*2")
        await asyncio.sleep(0.5)
        await at_bob.press("102")
        await ear.hears("Event: BridgeEnter", 4)
        await asyncio.sleep(0.3)
        await at_bob.hangup()
        await ear.hears("Event: AttendedTransfer")
        await asyncio.sleep(1.0)
        await over(call)


async def picked_up(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        await bob.rings()
        await carol.call("*8", say=TONE, loop=True)
        await ear.hears("Event: BridgeEnter", 2)
        await asyncio.sleep(0.3)
        await over(call)


async def parked(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        at_bob = await (await bob.rings()).answer(TONE, loop=True)
        await asyncio.sleep(0.2)
        await at_bob.transfer("700")
        await ear.hears("BridgeType: parking")
        await asyncio.sleep(0.5)
        await carol.call("701", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        await over(call)


async def conference(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        first = await bob.call("800", say=TONE, loop=True)
        second = await carol.call("800", say=TONE, loop=True)
        third = await world.call("0205550800", caller="0301234567", say=TONE, loop=True)
        await asyncio.sleep(0.5)
        await over(first, second, third)


async def forwarded(ear: Ear) -> None:
    async with phones(ear.pbx, "carrier1", "101", "102") as (world, bob, carol):
        call = await world.dial("0205550123", caller="0301234567", say=TONE, loop=True)
        (await bob.rings()).refuse(302, Contact=f"<sip:102@{ear.pbx.host}>")
        await (await carol.rings()).answer(TONE, loop=True)
        await call.answered()
        await asyncio.sleep(0.5)
        await over(call)


async def click_to_call(ear: Ear) -> None:
    async with phones(ear.pbx, "100", "101") as (alice, bob), ear.pbx.admin() as admin:
        alice.auto(TONE, loop=True)
        bob.auto(TONE, loop=True)
        await admin.act(
            "Originate", Channel="PJSIP/100", Context="from-phones", Exten="101", Priority="1", CallerID="Bob <101>"
        )
        await ear.hears("Event: BridgeEnter", 2)
        await asyncio.sleep(0.3)
        await over(*alice.calls.values())


async def paged(ear: Ear) -> None:
    async with phones(ear.pbx, "100", "101") as (alice, bob):
        bob.auto(TONE, loop=True)
        call = await alice.call("*80101", say=TONE, loop=True)
        await asyncio.sleep(0.7)
        await over(call)


async def voicemail(ear: Ear) -> None:
    async with phones(ear.pbx, "100") as (alice,):
        call = await alice.call("*97", say=TONE, loop=True)
        await asyncio.sleep(0.5)
        await over(call)


SCENES: dict[str, Callable[[Ear], Awaitable[None]]] = {
    scene.__name__: scene
    for scene in (
        plain, refused, inbound, outbound, ring_group, queue, queue_local, queue_pinned, queue_abandoned,
        queue_transferred, blind, redirected, attended, attended_by_feature, blond, into_room, picked_up, parked,
        conference, forwarded, click_to_call, paged, voicemail,
    )
}  # fmt: skip


async def main(names: list[str]) -> None:
    TRACES.mkdir(parents=True, exist_ok=True)
    async with Asterisk.running(install(), name="lab") as pbx:
        for name in names or SCENES:
            ear = Ear(pbx)
            await ear.listen()
            await SCENES[name](ear)
            await asyncio.sleep(0.4)
            ear.task.cancel()
            ear.writer.close()
            text = b"".join(ear.blocks).decode("utf-8", "surrogateescape").replace("\r\n", "\n")
            (TRACES / f"{name}.ami").write_text(text, "utf-8", "surrogateescape")
            print(f"{name}: {len(ear.blocks)} events")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
