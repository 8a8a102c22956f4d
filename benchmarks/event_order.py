"""Do two event sockets of one Asterisk keep a common order? How much does the second one cost?

`python -m benchmarks.event_order [CALLS]` places queue calls that are answered at once, hears them over AMI (the
driver's own filter) and over ARI (the same facts), and counts how often ARI's bridge event comes before the AMI event
that happened first. docs/decisions/0003 draws the conclusion.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from controller.lab import Asterisk, Phone, install, phone, sounds
from controller.pbx.asterisk import ari
from controller.pbx.asterisk.ami import Ami, AmiAccess, Message, connect
from controller.pbx.asterisk.filters import criteria
from controller.pbx.asterisk.rest import AriAccess, Event

SAME_FACTS = (
    "ChannelCreated",
    "ChannelStateChange",
    "ChannelEnteredBridge",
    "ChannelLeftBridge",
    "ChannelDestroyed",
    "Dial",
    "BridgeAttendedTransfer",
)
AT_ONCE = 10
EXTRA = {
    "queues.d/bench.conf": "[bench](line)\nringinuse = yes\nstrategy = rrmemory\n"
    + "".join(f"member => PJSIP/{agent},0\n" for agent in range(110, 120)),
    "extensions.d/bench.conf": "[services](+)\nexten => 640,1,Goto(queues,bench,1)\n",
}


class Ear:
    """When what was heard, by channel; one counter over both sockets."""

    def __init__(self) -> None:
        self.order = 0
        self.ami: dict[tuple[str, str], int] = {}
        self.ari: dict[str, int] = {}
        self.heard = {"ami": 0, "ari": 0}

    def over_ami(self, message: Message) -> None:
        self.order += 1
        self.heard["ami"] += 1
        self.ami.setdefault((message.event, message.get("Uniqueid")), self.order)

    def over_ari(self, event: Event) -> None:
        self.order += 1
        self.heard["ari"] += 1
        if event.type == "ChannelEnteredBridge":
            self.ari.setdefault(event.body["channel"]["id"], self.order)

    def inversions(self, event: str) -> tuple[int, int]:
        """Callers whose bridge was told by ARI before AMI told this, and of how many."""
        both = [
            (at, self.ari[uniqueid])
            for (name, uniqueid), at in self.ami.items()
            if name == event and uniqueid in self.ari
        ]
        return sum(bridged < at for at, bridged in both), len(both)


class Meter:
    """Bytes that a process was sent over loopback cannot be seen from outside: count them where they arrive."""

    def __init__(self) -> None:
        self.bytes = 0

    def on(self, ami: Ami) -> None:
        original = ami.data_received

        def counted(data: bytes) -> None:
            self.bytes += len(data)
            original(data)

        ami.data_received = counted  # type: ignore[method-assign]


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def listening(pbx: Asterisk, ear: Ear, meters: dict[str, Meter], with_ari: bool) -> AsyncIterator[None]:
    access = AmiAccess(pbx.host, pbx.ami_port, pbx.ami_user, pbx.ami_secret)
    ami = await connect(access, ear.over_ami)
    await ami.filter(criteria())
    meters["ami"].on(ami)
    ami.listen()
    rest = None
    if with_ari:
        url = pbx.ari_url.removesuffix("/ari")
        rest = await ari.connect(
            AriAccess(url, pbx.ari_user, pbx.ari_secret, "bench"), ear.over_ari, events=SAME_FACTS
        )
        hear = rest._hear

        def counted(text: str) -> None:
            meters["ari"].bytes += len(text)
            hear(text)

        rest._hear = counted  # type: ignore[method-assign]
        rest.listen()
    try:
        yield
    finally:
        await ami.close()
        if rest is not None:
            await rest.close()


async def one_call(alice: Phone) -> None:
    call = await alice.call("640", say=sounds.silence(1), loop=True)
    await asyncio.sleep(2)  # the queue looks for agents once a second
    await call.hangup()


async def calls(alice: Phone, count: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated() -> None:
        async with gate:
            await one_call(alice)

    await asyncio.gather(*(gated() for _ in range(count)))


async def main(count: int) -> None:
    async with (
        Asterisk.running(install(), extra=EXTRA) as pbx,
        phone(pbx, "100") as alice,
        AsyncExitStack() as stack,
    ):
        for agent in range(110, 120):
            (await stack.enter_async_context(phone(pbx, str(agent)))).auto(sounds.silence(1), loop=True)
        await calls(alice, AT_ONCE)
        for with_ari in (False, True):
            ear, meters = Ear(), {"ami": Meter(), "ari": Meter()}
            pid = pbx.pid or 0
            async with listening(pbx, ear, meters, with_ari):
                began, theirs, ours = time.monotonic(), cpu_of(pid), time.process_time()
                await calls(alice, count)
                await asyncio.sleep(0.5)
                took = time.monotonic() - began
                theirs, ours = cpu_of(pid) - theirs, time.process_time() - ours
            print(f"{'AMI and ARI' if with_ari else 'AMI alone':12} {count} calls in {took:.1f} s")
            cpu = f"{theirs / count * 1000:.2f} ms, we (phones included) {ours / count * 1000:.2f} ms"
            print(f"  CPU per call: Asterisk {cpu}")
            for name, meter in meters.items():
                print(f"  {name}: {ear.heard[name] / count:.1f} events, {meter.bytes / count:.0f} bytes per call")
            for event in ("QueueCallerJoin", "AgentConnect", "BridgeEnter"):
                before, of = ear.inversions(event)
                if of:
                    print(f"  ARI told the bridge before AMI told {event}: {before} of {of} callers")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
