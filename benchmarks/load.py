"""What the controller costs in CPU beside Asterisk's own, for the same recorded calls.

    python benchmarks/load.py [--json FILE] [--calls 100] [--seconds 2,60] [--rate 10]       needs the lab

One private Asterisk and the whole controller, each in a process of its own; calls by sipp from one carrier to
another, all recorded. What each spent is read from /proc/PID/stat when everything is done. Of the controller two
figures: its own process (hearing, deciding, asking, the journal: what stands in a call's way), and its niced child
processes, which measure, join, draw and verify the finished recording after the call.

Asterisk spends with every second of a call and the controller hardly does, so short calls are its worst case. Two
lengths give both costs, per call and per second, and from them is reckoned the ratio for a call of three minutes, by
which the goal is judged, and how long calls must be on average for the goal.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.running import OURS, Controller, Spent, asterisk, controlling, keep, machine, spent
from controller.lab import Asterisk, sipp, sounds

GOAL = 0.10
USUAL_SECONDS = 180.0
"""A business call, for the reckoned ratio."""
WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds for these calls."""

    calls: int
    seconds: float
    asterisk: float
    controller: Spent

    def row(self) -> dict[str, Any]:
        ours, theirs = self.controller, self.asterisk
        return {
            "calls": self.calls,
            "seconds_per_call": self.seconds,
            "asterisk_s_per_1000": round(theirs / self.calls * 1000, 2),
            "controller_s_per_1000": round(ours.own / self.calls * 1000, 2),
            "children_s_per_1000": round(ours.children / self.calls * 1000, 2),
            "ratio": round(ours.own / theirs, 3),
            "ratio_with_children": round(ours.all / theirs, 3),
        }


async def place(pbx: Asterisk, count: int, seconds: float, rate: float) -> None:
    caller = sipp.calling(pbx, "carrier1", OURS, say=sounds.noise(1, 4), seconds=seconds, calls=count, rate=rate)
    async with caller as running:
        tally = await running.finished(count / rate + seconds + 60)
        if tally.failed:
            raise RuntimeError(f"{tally.failed} of {count} calls failed: {running.troubles()[:500]}")


async def cost(pbx: Asterisk, controller: Controller, count: int, seconds: float, rate: float) -> Cost:
    """What these calls cost, up to the last stored recording."""
    known, pids = len(controller.stored), (pbx.pid or 0, controller.process.pid)
    before = [spent(pid) for pid in pids]
    await place(pbx, count, seconds, rate)
    await controller.worked_off(known + count)
    theirs, ours = (spent(pid).since(earlier) for pid, earlier in zip(pids, before, strict=True))
    return Cost(count, seconds, theirs.all, ours)


@dataclass(frozen=True, slots=True)
class Straight:
    """CPU seconds of one call by its length: the line through two measured lengths."""

    fixed: float
    slope: float

    def at(self, seconds: float) -> float:
        return self.fixed + self.slope * seconds


def straight(short: Cost, long: Cost, of: Callable[[Cost], float]) -> Straight:
    one, other = of(short) / short.calls, of(long) / long.calls
    slope = max(0.0, other - one) / (long.seconds - short.seconds)
    return Straight(one - slope * short.seconds, slope)


def reckoned(short: Cost, long: Cost) -> dict[str, Any]:
    """Both ratios for the usual call, and the length from which on the goal is reached (None: never)."""
    theirs = straight(short, long, lambda cost: cost.asterisk)
    own = straight(short, long, lambda cost: cost.controller.own)
    whole = straight(short, long, lambda cost: cost.controller.all)

    def from_length(ours: Straight) -> float | None:
        gain = GOAL * theirs.slope - ours.slope
        return round(max(0.0, (ours.fixed - GOAL * theirs.fixed) / gain)) if gain > 0 else None

    return {
        "seconds_per_call": USUAL_SECONDS,
        "ratio": round(own.at(USUAL_SECONDS) / theirs.at(USUAL_SECONDS), 3),
        "ratio_with_children": round(whole.at(USUAL_SECONDS) / theirs.at(USUAL_SECONDS), 3),
        "goal_from_seconds": from_length(own),
        "goal_with_children_from_seconds": from_length(whole),
    }


async def measure(count: int, lengths: tuple[float, float], rate: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with (
            asterisk() as pbx,
            controlling(pbx, Path(folder)) as controller,
            sipp.answering(pbx, "carrier2", say=sounds.noise(2, 4), after=0.1),
        ):
            await cost(pbx, controller, WARM_UP, 1.0, rate)  # child processes start, modules are imported
            costs = []
            for seconds in lengths:
                print(f"{count} calls of {seconds:g} s at {rate:g} a second …", flush=True)
                costs.append(await cost(pbx, controller, count, seconds, rate))
                show(costs[-1].row())
    return {"rows": [one.row() for one in costs], "reckoned": reckoned(costs[0], costs[1])}


def show(row: dict[str, Any]) -> None:
    print(
        f"  CPU seconds per 1,000 calls: Asterisk {row['asterisk_s_per_1000']}, "
        f"controller {row['controller_s_per_1000']} ({row['ratio']:.1%}), "
        f"its children {row['children_s_per_1000']} (with them {row['ratio_with_children']:.1%})",
        flush=True,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments.add_argument("--calls", type=int, default=100)
    arguments.add_argument("--seconds", default="2,60", help="two lengths of calls")
    arguments.add_argument("--rate", type=float, default=10, help="calls a second")
    options = arguments.parse_args()
    short, long = (float(text) for text in options.seconds.split(","))
    figures = asyncio.run(measure(options.calls, (short, long), options.rate))
    usual = figures["reckoned"]
    print(
        f"reckoned for calls of {USUAL_SECONDS:g} s: controller {usual['ratio']:.1%} of Asterisk's, "
        f"with its children {usual['ratio_with_children']:.1%}"
    )
    met = usual["ratio"] < GOAL
    print(
        f"goal: the controller's own under {GOAL:.0%}: {'met' if met else 'missed'}; so it is from "
        f"{usual['goal_from_seconds']} s on, with its children from {usual['goal_with_children_from_seconds']} s on"
    )
    keep(options.json, {"machine": machine(), "goal": GOAL, "met": met, **figures})


if __name__ == "__main__":
    main()
