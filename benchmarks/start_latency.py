"""How soon is a call recorded, beside a dialplan that runs MixMonitor itself?

    python benchmarks/start_latency.py [--json FILE] [--rates 1,20,50] [--calls 60,300,300]       needs the lab

One private Asterisk, calls from one carrier to another by sipp, taken in turn: one is recorded by the controller (the
whole of it, in a process of its own), the next by the dialplan, which runs MixMonitor on the answered leg before it
is bridged: no recorder can be sooner. Times are Asterisk's own (`timestampevents`), so nobody's reading delays them:

    answer   the callee's channel is up             start   MixMonitorStart            bridge   both are in the bridge

Audio: each side speaks known noise from its first packet on, other noise than the other side's, so the place in what
was sent of the first sound in a file is how much of that side is missing, to the sample.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.running import DIALPLAN, OURS, Controller, asterisk, controlling, keep, machine, quantile
from controller.lab import Admin, Asterisk, ears, sipp, sounds
from controller.lab.admin import Message
from controller.lab.sounds import Samples

GOAL_MS = 5.0
FRAME_MS = 20.0
CALLERS = {"ours": "0301000001", "dialplan": "0301000002"}
NUMBERS = {"ours": OURS, "dialplan": DIALPLAN}
SECONDS = 1.5
"""How long each call talks."""
SAID = {"caller": sounds.noise(1, 4), "callee": sounds.noise(2, 4)}
LISTEN_SECONDS = 0.6
"""So much of the beginning of each file is listened to."""


@dataclass(slots=True)
class Seen:
    """One call, with Asterisk's own times (Unix seconds)."""

    caller: str = ""
    answered: float | None = None
    entered: list[float] = field(default_factory=list)
    started: float | None = None

    def note(self, event: Message) -> None:
        at, name = float(event["Timestamp"]), event["Event"]
        if event["Uniqueid"] == event["Linkedid"]:
            self.caller = event["CallerIDNum"]
        if name == "Newstate" and event["ChannelStateDesc"] == "Up" and event["Uniqueid"] != event["Linkedid"]:
            self.answered = self.answered or at
        elif name == "BridgeEnter":
            self.entered.append(at)
        elif name == "MixMonitorStart":
            self.started = self.started or at


def calls_in(events: Iterable[Message]) -> list[Seen]:
    calls: dict[str, Seen] = {}
    for event in events:
        if event.get("Linkedid"):
            calls.setdefault(event["Linkedid"], Seen()).note(event)
    return list(calls.values())


async def place(pbx: Asterisk, count: int, rate: float) -> None:
    """So many calls in all, this many a second, in turn to one number and to the other. Raises RuntimeError."""

    async def half(kind: str, wait: float) -> sipp.Tally:
        await asyncio.sleep(wait)
        caller = sipp.calling(
            pbx,
            "carrier1",
            NUMBERS[kind],
            say=SAID["caller"],
            caller=CALLERS[kind],
            seconds=SECONDS,
            calls=count // 2,
            rate=rate / 2,
        )
        async with caller as running:
            return await running.finished(count / rate + 30)

    async with sipp.answering(pbx, "carrier2", say=SAID["callee"], after=0.1):
        await asyncio.sleep(0.3)
        tallies = await asyncio.gather(half("ours", 0), half("dialplan", 1 / rate))
        if failed := sum(tally.failed for tally in tallies):
            print(f"  {failed} of {count} calls failed in sipp and are not counted")


def missing(samples: Samples, rate: int, said: Samples) -> float | None:
    """Milliseconds of what this side said that are not in the file's beginning; None: it is not heard there."""
    heard = ears.locate(samples[: round(LISTEN_SECONDS * rate)], said, rate=rate)
    return max(0.0, heard[0].sent * 1000) if heard else None


def missing_in(stored: Iterable[Path], monitor: Path) -> dict[str, list[tuple[float | None, float | None]]]:
    """(of the caller, of the callee) for each call, by who recorded it."""
    found: dict[str, list[tuple[float | None, float | None]]] = {"ours": [], "dialplan": []}
    for path in stored:  # left: whose leg carries the recorder, the caller; right: the callee
        samples, rate = sounds.read_wav(path)
        caller, callee = (
            missing(samples[:, side], rate, said) for side, said in enumerate((SAID["caller"], SAID["callee"]))
        )
        found["ours"].append((caller, callee))
    for path in sorted(monitor.glob("dialplan-*-r.wav")):  # on the callee's leg: r is what the callee says
        callee = missing(*sounds.read_wav(path), SAID["callee"])
        caller = missing(*sounds.read_wav(path.with_name(path.name.replace("-r.", "-t."))), SAID["caller"])
        found["dialplan"].append((caller, callee))
    return found


def summed_up(values: list[float]) -> dict[str, float]:
    return {
        "p50": round(quantile(values, 0.5), 2),
        "p99": round(quantile(values, 0.99), 2),
        "most": round(max(values), 2),
    }


def timed(calls: list[Seen]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, number in CALLERS.items():
        whole = [one for one in calls if one.caller == number and one.answered and len(one.entered) > 1]
        good = [one for one in whole if one.started]
        if not good:
            raise RuntimeError(f"none of the calls of {kind} was recorded")
        found[kind] = {
            "calls": len(whole),
            "not_recorded": len(whole) - len(good),
            "answer_to_start_ms": summed_up([((o.started or 0) - (o.answered or 0)) * 1000 for o in good]),
            "bridge_to_start_ms": summed_up([((o.started or 0) - max(o.entered[:2])) * 1000 for o in good]),
        }
    return found


def heard(of: list[tuple[float | None, float | None]], usual: tuple[float, float]) -> dict[str, Any]:
    """What is missing beyond what is missing where the dialplan records: `usual`, of (caller, callee)."""
    both = [(caller, callee) for caller, callee in of if caller is not None and callee is not None]
    less = [tuple(max(0.0, value - base) for value, base in zip(sides, usual, strict=True)) for sides in both]
    frames = Counter((round(caller / FRAME_MS), round(callee / FRAME_MS)) for caller, callee in less)
    return {
        "files": len(of),
        "a_side_silent": len(of) - len(both),
        "caller_ms": summed_up([caller for caller, _ in less]),
        "callee_ms": summed_up([callee for _, callee in less]),
        "frames_missing": {f"{one}+{other}": count for (one, other), count in sorted(frames.items())},
        "within_goal": sum(count for (one, other), count in frames.items() if one + other <= 1),
    }


async def at_rate(pbx: Asterisk, controller: Controller, admin: Admin, rate: float, count: int) -> dict[str, Any]:
    """One round: the calls, the events, and what is in the files."""
    before, known = len(admin.events), set(controller.stored)
    for old in pbx.monitor_dir.glob("dialplan-*"):
        old.unlink()
    await place(pbx, count, rate)
    await asyncio.sleep(1)
    times = timed(calls_in(admin.events[before:]))
    recorded = times["ours"]["calls"] - times["ours"]["not_recorded"]
    await controller.worked_off(len(known) + recorded)
    files = await asyncio.to_thread(missing_in, sorted(set(controller.stored) - known), pbx.monitor_dir)
    usual = tuple(
        quantile([side for side in sides if side is not None], 0.5) for sides in zip(*files["dialplan"], strict=True)
    )
    row: dict[str, Any] = {"rate": rate, "usual_ms": usual, **times}
    for kind in CALLERS:
        row[kind]["missing"] = heard(files[kind], (usual[0], usual[1]))
    ours, theirs = (row[kind]["answer_to_start_ms"]["p99"] for kind in ("ours", "dialplan"))
    row["p99_behind_ms"] = round(ours - theirs, 2)
    row["met"] = row["p99_behind_ms"] <= GOAL_MS
    row["audio_met"] = row["ours"]["missing"]["within_goal"] == row["ours"]["missing"]["files"]
    return row


HEARD = ("Newstate", "BridgeEnter", "MixMonitorStart")


async def measure(rates: list[float], counts: list[int]) -> list[dict[str, Any]]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with asterisk() as pbx, controlling(pbx, Path(folder)) as controller, pbx.admin() as admin:
            for name in HEARD:
                await admin.act("Filter", Operation="Add", MatchCriteria=f"action(include),name({name})")
            for rate, count in zip(rates, counts, strict=True):
                print(f"{count} calls at {rate:g} a second …", flush=True)
                rows.append(await at_rate(pbx, controller, admin, rate, count))
                show(rows[-1])
    return rows


def show(row: dict[str, Any]) -> None:
    for kind in CALLERS:
        one, audio = row[kind], row[kind]["missing"]
        times = "  ".join(
            f"{name} to start p50 {one[key]['p50']:6.2f} p99 {one[key]['p99']:6.2f} ms"
            for name, key in (("answer", "answer_to_start_ms"), ("bridge", "bridge_to_start_ms"))
        )
        print(f"  {kind:8} {one['calls']:4} calls  {times}")
        print(
            f"           missing p99: caller {audio['caller_ms']['p99']:.1f}, "
            f"callee {audio['callee_ms']['p99']:.1f} ms; "
            f"frames caller+callee {audio['frames_missing']}; a side silent {audio['a_side_silent']}"
        )
    met = "met" if row["met"] else "missed"
    print(f"  p99 is {row['p99_behind_ms']:.2f} ms behind the dialplan's: {met}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments.add_argument("--rates", default="1,20,50", help="calls a second, both kinds together")
    arguments.add_argument("--calls", default="60,300,300", help="calls at each rate, both kinds together")
    options = arguments.parse_args()
    rates = [float(text) for text in options.rates.split(",")]
    counts = [int(text) for text in options.calls.split(",")]
    rows = asyncio.run(measure(rates, counts))
    met = all(row["met"] and row["audio_met"] for row in rows)
    print(f"goal: p99 within {GOAL_MS:g} ms, one frame of one side missing at most: {'met' if met else 'missed'}")
    keep(options.json, {"machine": machine(), "goal_ms": GOAL_MS, "met": met, "rows": rows})


if __name__ == "__main__":
    main()
