"""How soon is a call recorded after the Record key is pressed, beside the PBX's own feature; and what codes cost.

    python benchmarks/keys.py [--json FILE] [--presses 60] [--calls 30] [--seconds 10]       needs the lab

One private Asterisk, phones that press by SIP INFO, taken in turn: the key of one is ours (a one-letter feature whose
digit the controller, in a process of its own, hears as an event), that of the other is Asterisk's own one-touch
recording (automixmon), with the usual two-digit code and with one letter. Time runs from just before the INFO is sent
to Asterisk's own MixMonitorStart (`timestampevents`, the same clock).

The second part is what digit codes cost (V-12): the CPU of Asterisk for the same unrecorded calls with and without
the codes armed, that is without and with its short cut past the bridge (native bridging).
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.running import POLICY, controlling, keep, machine, quantile, spent
from controller import lab
from controller.lab import Admin, Asterisk, Call, sipp, sounds
from controller.pbx.asterisk.telephones import CODES, codes_file
from hardware.keys import Key
from hardware.sequences import book

ON, OFF = {"Record": "on"}, {"Record": "off"}
WAYS = {"ours": "100", "automixmon *3": "102", "automixmon C": "103"}
"""What a press is, and the extension whose key it is."""
KEYS = (
    POLICY
    + '[keys]\nrecord_key = true\nlamps = false\n[[rule]]\nname = "key"\nextension = "100"\nmode = "on-demand"\n'
)
OWN = "".join(
    f"[{extension}](+type=endpoint)\nrecord_on_feature = automixmon\nrecord_off_feature = automixmon\n"
    for extension in ("102", "103")
) + "".join(
    f"[{extension}](+type=endpoint)\nset_var = FEATUREMAP(automixmon)={code}\n" for extension, code in (("103", "C"),)
)
PLAIN, CODED = "0205550994", "0205550995"
DIALS = f"""
[ddi](+)
exten => {PLAIN},1,Dial(PJSIP/0207000001@carrier2,30)
 same => n,Hangup()
exten => {CODED},1,Dial(PJSIP/0207000001@carrier2,30,b(coded^s^1))
 same => n,Hangup()
[coded]
exten => s,1,Set(DYNAMIC_FEATURES={CODES})
 same => n,Return()
"""
EXTRA = {
    "pjsip.d/keys.conf": OWN,
    "extensions.d/keys.conf": DIALS,
    "onrecord_codes.conf": codes_file([book({"*44": Key.RECORD, "*45": Key.STOP})]),
}


@asynccontextmanager
async def talking(pbx: Asterisk, extension: str) -> AsyncIterator[Call]:
    async with lab.phone(pbx, extension) as ours, lab.phone(pbx, "101") as other:
        other.auto(sounds.tone(700), loop=True)
        call = await ours.call("101", say=sounds.tone(450), loop=True)
        yield call
        await call.hangup()


async def press(admin: Admin, call: Call) -> float:
    """Milliseconds from the key to the confirmed start; then the recording is stopped again."""
    since, pressed = len(admin.events), time.time()
    if await call.info(ON) != 200:
        raise RuntimeError("the PBX refused the key")
    started = await admin.event("MixMonitorStart", since=since)
    await asyncio.sleep(0.25)
    since = len(admin.events)
    await call.info(OFF)
    await admin.event("MixMonitorStop", since=since)
    await asyncio.sleep(0.4)  # the PBX keeps digits apart: it would hold the next one back for 45 ms
    return (float(started["Timestamp"]) - pressed) * 1000


async def latencies(pbx: Asterisk, presses: int) -> dict[str, list[float]]:
    """In turn, ten presses a call, so that whatever else the machine does meets all of them alike."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    async with pbx.admin() as admin:
        while any(len(times) < presses for times in found.values()):
            for way, extension in WAYS.items():
                async with talking(pbx, extension) as call:
                    await asyncio.sleep(0.3)
                    found[way] += [await press(admin, call) for _ in range(min(10, presses))]
    return found


async def spends(pbx: Asterisk, number: str, calls: int, seconds: float) -> float:
    """CPU seconds of Asterisk for these calls, all at the same time."""
    before = spent(pbx.pid or 0).all
    caller = sipp.calling(
        pbx, "carrier1", number, say=sounds.noise(1, 4), seconds=seconds, calls=calls, rate=calls, caller="0301000001"
    )
    async with caller as running:
        tally = await running.finished(seconds + 60)
        if tally.failed:
            raise RuntimeError(f"{tally.failed} of {calls} calls failed: {running.troubles()[:500]}")
    return spent(pbx.pid or 0).all - before


async def measured(presses: int, calls: int, seconds: float) -> dict[str, object]:
    async with Asterisk.running(lab.install(), extra=EXTRA) as pbx:
        with tempfile.TemporaryDirectory() as folder:
            async with controlling(pbx, Path(folder), KEYS):
                times = await latencies(pbx, presses)
        async with sipp.answering(pbx, "carrier2", say=sounds.noise(2, 4)):
            costs = dict.fromkeys((PLAIN, CODED), 0.0)
            for _ in range(3):
                for number in costs:
                    costs[number] += await spends(pbx, number, calls, seconds)
    rows = {
        way: {"presses": len(each), "p50_ms": round(quantile(each, 0.5), 1), "p99_ms": round(quantile(each, 0.99), 1)}
        for way, each in times.items()
    }
    return {
        "machine": machine(),
        "press_to_start": rows,
        "p99_beside_automixmon": round(quantile(times["ours"], 0.99) / quantile(times["automixmon *3"], 0.99), 3),
        "cpu_of_calls_with_codes_armed": round(costs[CODED] / costs[PLAIN], 2),
        "cpu_seconds": {"plain": round(costs[PLAIN], 2), "armed": round(costs[CODED], 2)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    figures = asyncio.run(measured(given.presses, given.calls, given.seconds))
    for name, value in figures.items():
        print(f"{name}: {value}")
    keep(given.json, figures)


if __name__ == "__main__":
    main()
