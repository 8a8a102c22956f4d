"""What it costs to seal calls that nobody has asked to keep, beside what Asterisk spends on recording them.

    python benchmarks/sealing.py [--json FILE] [--calls 30] [--seconds 40] [--rounds 2]       needs the lab

One private Asterisk and one controller. Calls to one number are recorded always, to the other on-demand-keep, in
turn. What is compared is CPU while they talk: nothing is joined or stored meanwhile, so that what the second kind
costs the controller more is the sealing. The memory is what the files of the second kind take at the end of their
calls.

Then sealing alone, in this process: bytes per second of CPU, chunk by chunk as it is delivered.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.running import DIALS, OURS, POLICY, Controller, controlling, keep, machine, spent
from controller import lab
from controller.lab import Asterisk, sipp, sounds
from controller.pipeline.provisional import Provisional

KEPT, UNKEPT = OURS, "0205550996"
DIAL = f"exten => {UNKEPT},1,Dial(PJSIP/0207000001@carrier2,30)\n same => n,Hangup()\n"
EXTRA = {"extensions.d/bench.conf": DIALS + "[ddi](+)\n" + DIAL}
RULES = POLICY + f'[[rule]]\nname = "unkept"\nddi = "{UNKEPT}"\nmode = "on-demand-keep"\n'
BEFORE_END = 4.0
"""Seconds: the last look is so long before the first call ends."""
BYTES_PER_SECOND = 3 * 16_000


@dataclass(slots=True)
class Cost:
    """CPU seconds while so many seconds of call were talked."""

    asterisk: float = 0.0
    controller: float = 0.0
    talked: float = 0.0
    memory: int = 0  # bytes in memory at the last look, of all calls

    def per_second(self, spent_by: float) -> float:
        """Milliseconds for a second of one call."""
        return 1000 * spent_by / self.talked


async def talk(pbx: Asterisk, ours: Controller, number: str, calls: int, seconds: float, cost: Cost) -> None:
    caller = sipp.calling(
        pbx, "carrier1", number, say=sounds.noise(1, 4), seconds=seconds, calls=calls, rate=calls, caller="0301000001"
    )
    async with caller as running:
        await asyncio.sleep(3)  # all are up, and recorded
        theirs, mine, began = spent(pbx.pid or 0), spent(ours.process.pid), time.monotonic()
        await asyncio.sleep(seconds - BEFORE_END - 3)
        cost.talked += calls * (time.monotonic() - began)
        cost.asterisk += spent(pbx.pid or 0).since(theirs).all
        cost.controller += spent(ours.process.pid).since(mine).all
        files = list(pbx.memory_dir.glob("*.wav"))
        cost.memory = max(cost.memory, sum(path.stat().st_blocks * 512 for path in files))
        tally = await running.finished(seconds + 60)
        if tally.failed:
            raise RuntimeError(f"{tally.failed} of {calls} calls failed: {running.troubles()[:500]}")


def sealing_alone(seconds: float = 2.0) -> float:
    """Bytes per second of CPU, reading, encrypting, writing and freeing together."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shared, tempfile.TemporaryDirectory() as folder:
        mine, path, data = (
            Provisional(frozenset({Path(shared)}), Path(folder)),
            Path(shared, "a.1.wav"),
            bytes(64_000),
        )
        cpu = 0.0
        while cpu < seconds:
            with path.open("ab") as file:
                file.write(data)
            began = time.process_time()
            mine.follow()
            cpu += time.process_time() - began
        return mine.moved / cpu


async def measured(calls: int, seconds: float, rounds: int) -> dict[str, object]:
    kept, unkept = Cost(), Cost()
    async with (
        Asterisk.running(lab.install(), extra=EXTRA) as pbx,
        sipp.answering(pbx, "carrier2", say=sounds.noise(2, 4)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            async with controlling(pbx, Path(folder), RULES) as ours:
                for n in range(rounds):
                    await talk(pbx, ours, KEPT, calls, seconds, kept)
                    await ours.worked_off((n + 1) * calls)
                    await talk(pbx, ours, UNKEPT, calls, seconds, unkept)
                    await asyncio.sleep(3)
    more = unkept.per_second(unkept.controller) - kept.per_second(kept.controller)
    asterisk = kept.per_second(kept.asterisk)
    return {
        "machine": machine(),
        "asterisk_ms_per_second": round(asterisk, 3),
        "asterisk_ms_per_second_in_memory": round(unkept.per_second(unkept.asterisk), 3),
        "controller_ms_per_second": round(kept.per_second(kept.controller), 3),
        "controller_ms_per_second_sealing": round(unkept.per_second(unkept.controller), 3),
        "sealing_beside_asterisk": round(more / asterisk, 3),
        "memory_bytes_per_call": unkept.memory // calls,
        "written_bytes_per_call": int(seconds * BYTES_PER_SECOND),
        "sealing_alone_bytes_per_second": int(sealing_alone()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    figures = asyncio.run(measured(given.calls, given.seconds, given.rounds))
    for name, value in figures.items():
        print(f"{name}: {value}")
    keep(given.json, figures)


if __name__ == "__main__":
    main()
