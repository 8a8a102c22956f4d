"""What the gate costs: time before a call goes on, sound that is missing behind it, and the CPU of beeps.

    python benchmarks/gate.py [--json FILE] [--calls 200] [--rate 20] [--only delay,missing,beep]       needs the lab

Delay: sipp places calls, in turn to a number with both gates and to one without, and nobody hears a prompt. Of the
caller it is the time from the gate's first word to the step behind it; of the callee the time from his answer to the
bridge, less the usual time without a gate. Times are Asterisk's own (`timestampevents`).

Missing: what a phone of the lab heard, and what the file has of the same known noise, to the sample.

Beep: Asterisk's CPU seconds for the same recorded calls, with beeps every 10 s and without, in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.running import POLICY, controlling, keep, machine, quantile, spent
from controller import lab
from controller.lab import Asterisk, Phone, ears, sipp, sounds
from controller.lab.admin import Message

GATED, PLAIN = "0205550981", "0205550982"
DIALS = f"""
[ddi](+)
exten => {GATED},1,Gosub(onrecord-gate,s,1(carrier2))
 same => n,UserEvent(BenchPassed)
 same => n,Dial(PJSIP/0207000001@carrier2,30,U(onrecord-callee))
 same => n,Hangup()
exten => {PLAIN},1,Dial(PJSIP/0207000001@carrier2,30,U(bench-nothing))
 same => n,Hangup()

[bench-nothing]
exten => s,1,Return()
"""
RULE = f"""
[[rule]]
name = "gated"
ddi = ["{GATED}", "{PLAIN}"]
mode = "always"
"""
GOAL_MS, GOAL_BEEP = 15.0, 0.25
CALLERS = {"gated": "0301000001", "plain": "0301000002"}
SAID = {"caller": sounds.noise(1, 6), "callee": sounds.noise(2, 6)}


def policy(*more: str) -> str:
    start = POLICY.index("[[rule]]")
    end = POLICY.index("[ownership]")
    return POLICY[:start] + RULE + "\n".join(more) + "\n" + POLICY[end:]


def summed_up(values: list[float]) -> dict[str, float]:
    return {"calls": len(values), **{f"p{p}": round(quantile(values, p / 100), 2) for p in (50, 99)}}


def times(events: Iterable[Message]) -> tuple[list[float], dict[str, list[float]]]:
    """In ms: of callers in the gate; of callees from their answer to the bridge, by kind."""
    reached: dict[str, float] = {}
    answered: dict[str, float] = {}
    kinds: dict[str, str] = {}
    gates: list[float] = []
    callees: dict[str, list[float]] = {kind: [] for kind in CALLERS}
    numbers = {number: kind for kind, number in CALLERS.items()}
    for event in events:
        at, leg, call = float(event.get("Timestamp", "0")), event.get("Uniqueid", ""), event.get("Linkedid", "")
        name = event.get("UserEvent") or event.get("Event")
        if leg == call and event.get("CallerIDNum") in numbers:
            kinds[call] = numbers[event["CallerIDNum"]]
        if name == "OnRecordGate" and event.get("Side") == "caller":
            reached[leg] = at
        elif name == "BenchPassed" and leg in reached:
            gates.append((at - reached.pop(leg)) * 1000)
        elif name == "Newstate" and event.get("ChannelStateDesc") == "Up" and leg != call:
            answered.setdefault(leg, at)
        elif name == "BridgeEnter" and leg in answered and call in kinds:
            callees[kinds[call]].append((at - answered.pop(leg)) * 1000)
    return gates, callees


async def delays(pbx: Asterisk, folder: Path, count: int, rate: float) -> dict[str, Any]:
    async def half(kind: str, number: str) -> None:
        caller = sipp.calling(
            pbx, "carrier1", number, say=SAID["caller"], caller=CALLERS[kind], seconds=1.0, calls=count, rate=rate / 2
        )
        async with caller as running:
            tally = await running.finished(2 * count / rate + 60)
            if tally.failed:
                print(f"  {tally.failed} of {count} calls failed in sipp")

    async with (
        controlling(pbx, folder, policy()),
        sipp.answering(pbx, "carrier2", say=SAID["callee"], after=0.1),
        pbx.admin() as admin,
    ):
        await asyncio.sleep(0.5)
        await asyncio.gather(half("gated", GATED), half("plain", PLAIN))
        gates, callees = times(list(admin.events))
    usual = quantile(callees["plain"], 0.5)
    return {
        "rate": rate,
        "caller_ms": summed_up(gates),
        "callee_ms": summed_up([max(0.0, each - usual) for each in callees["gated"]]),
    }


def behind(file: sounds.Samples, phone: sounds.Samples, said: sounds.Samples) -> float:
    """Milliseconds of it that the phone heard before the file's first sound of it."""
    in_file, heard = ears.locate(file, said), ears.locate(phone, said)
    if not in_file or not heard:
        return float("inf")
    return max(0.0, (in_file[0].sent - heard[0].sent) * 1000)


async def missing(pbx: Asterisk, folder: Path, count: int) -> dict[str, Any]:
    """Of each side, what the other one heard and the file lacks."""
    found: list[float] = []
    async with (
        controlling(pbx, folder, policy()) as controller,
        lab.carrier(pbx, "carrier1") as caller,
        lab.carrier(pbx, "carrier2") as callee,
    ):
        callee.auto(SAID["callee"], after=0.1)
        for done in range(count):
            call = await caller.call(GATED, caller="0301000001", say=SAID["caller"])
            await asyncio.sleep(1)
            await call.hangup()
            there = _newest(callee)
            await controller.worked_off(done + 1)
            path = max(controller.stored, key=lambda one: one.stat().st_mtime)
            samples, _ = sounds.read_wav(path)
            found.append(behind(samples[:8000, 0], there.line.heard().samples[:8000], SAID["caller"]))
            found.append(behind(samples[:8000, 1], call.line.heard().samples[:8000], SAID["callee"]))
    return {"sides": len(found), "frames": sum(round(each / 20) for each in found), "most_ms": round(max(found), 1)}


def _newest(phone: Phone) -> Any:
    return list(phone.calls.values())[-1]


async def beeps(pbx: Asterisk, folder: Path, count: int, seconds: float, turns: int) -> dict[str, Any]:
    """CPU seconds of Asterisk per call."""
    spending: dict[str, list[float]] = {"without": [], "with": []}
    for turn in range(turns):
        for kind, more in (("without", ()), ("with", ("beep = 10",))):
            place = folder / f"{kind}-{turn}"
            place.mkdir()
            async with (
                controlling(pbx, place, policy(*more)) as controller,
                sipp.answering(pbx, "carrier2", say=SAID["callee"], after=0.1),
            ):
                await asyncio.sleep(1)
                before = spent(pbx.pid or 0)
                caller = sipp.calling(
                    pbx, "carrier1", PLAIN, say=SAID["caller"], seconds=seconds, calls=count, rate=10
                )
                async with caller as running:
                    await running.finished(count / 10 + seconds + 60)
                await controller.worked_off(count)
                heard = sum(
                    '"kind": "beep"' in path.with_name("recording.json").read_text() for path in controller.stored
                )
                if heard != (count if kind == "with" else 0):
                    raise RuntimeError(f"beeps in {heard} of {count} calls")
                spending[kind].append(spent(pbx.pid or 0).since(before).all / count)
            print(f"  {kind}: {spending[kind][-1] * 1000:.1f} ms of CPU per call", flush=True)
    usual, more_ = min(spending["without"]), min(spending["with"])
    per_call = {kind: [round(each * 1000, 1) for each in all_] for kind, all_ in spending.items()}
    return {"seconds": seconds, "calls": count, "cpu_ms_per_call": per_call, "share": round(more_ / usual - 1, 3)}


async def measure(only: set[str], count: int, rate: float) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    parts: dict[str, Callable[[Asterisk, Path], Any]] = {
        "delay": lambda pbx, folder: delays(pbx, folder, count, rate),
        "missing": lambda pbx, folder: missing(pbx, folder, 15),
        "beep": lambda pbx, folder: beeps(pbx, folder, 30, 22.0, 2),
    }
    for name in (name for name in parts if name in only):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            async with Asterisk.running(lab.install(), extra={"extensions.d/bench.conf": DIALS}) as pbx:
                figures[name] = await parts[name](pbx, Path(folder))
        print(name, figures[name], flush=True)
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", type=Path)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--rate", type=float, default=20.0)
    options.add_argument("--only", default="delay,missing,beep")
    given = options.parse_args()
    print(machine())
    keep(given.json, asyncio.run(measure(set(given.only.split(",")), given.calls, given.rate)))


if __name__ == "__main__":
    main()
