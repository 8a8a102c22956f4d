"""How long from a lost PBX's first answer until every recorder of many live calls is known to be right?

`python -m benchmarks.reconnect [CALLS]` keeps so many recorded calls alive (500; without sound, which costs the PBX
most), cuts the manager link and opens it again, then stops the controller and starts another one. Right means: found,
and told once more whether it is paused, because no PBX can be asked. Run with the lab set up.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from controller import lab
from controller.app import App
from controller.core.recording import State
from controller.lab import Asterisk, Phone, sounds
from tests.live import faulty
from tests.live.test_faults_links import Gate

RULES = '[[rule]]\nname = "all"\ntrunk = "carrier1"\nmode = "always"\n[ownership]\ncatch_all = "bench"\n'
GOAL_SECONDS = 1.0
AT_ONCE = 10


async def place(world: Phone, mobile: Phone, count: int) -> None:
    """So many calls, that say nothing and send nothing."""
    mobile.auto(sounds.silence(0.02))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            call = await world.call("0205550900", caller="0301234567", say=sounds.silence(0.02), deadline=60)
            call.line.sending = False

    await asyncio.gather(*(one() for _ in range(count)))
    for call in mobile.calls.values():
        call.line.sending = False


def right(app: App, count: int) -> bool:
    """Whether all of them run, and nothing is under way."""
    found = [each.recording for each in app.engine.sessions.values()]
    running = [each for each in found if each is not None and each.state is State.ON and each.asked is None]
    return not app.engine.links["main"] and len(running) == count


async def until_right(app: App, count: int, deadline: float = 120) -> None:
    await faulty.until(lambda: right(app, count), deadline)


async def measure(count: int) -> bool:
    """Whether the goal was met, both ways."""
    with tempfile.TemporaryDirectory(prefix="onrecord-reconnect-") as name:
        folder = Path(name)
        async with (
            Asterisk.running(lab.install()) as pbx,
            lab.carrier(pbx, "carrier1") as world,
            lab.carrier(pbx, "carrier2") as mobile,
            Gate(pbx.host, pbx.ami_port).open() as gate,
        ):
            pbx.ami_port = gate.port
            async with faulty.running(folder, pbx, RULES) as app:
                await place(world, mobile, count)
                await until_right(app, count)
                gate.shut = True
                gate.cut()
                await asyncio.sleep(1)
                gate.shut, gate.accepted_at = False, 0.0
                await faulty.until(lambda: gate.accepted_at, 30)
                await until_right(app, count)
                again = time.time() - gate.accepted_at
            gate.accepted_at, began = 0.0, time.time()
            async with faulty.running(folder, pbx, RULES) as app:
                await until_right(app, count)
                connected, all_right = time.time() - gate.accepted_at, time.time() - began
                started = sum(len(each.recording.segments) for each in app.engine.sessions.values() if each.recording)
            for phone in (world, mobile):
                await asyncio.gather(*(call.hangup() for call in list(phone.calls.values())))
    print(f"{count} calls: from the link's return until all is right {again:.2f} s (goal: under {GOAL_SECONDS:g} s)")
    print(f"a new controller: from its first connection {connected:.2f} s, from its start {all_right:.2f} s")
    print(f"recorders started twice: {started - count}")
    return again < GOAL_SECONDS and connected < GOAL_SECONDS and started == count


if __name__ == "__main__":
    sys.exit(not asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 500)))
