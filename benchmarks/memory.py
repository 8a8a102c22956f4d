"""What a live, recorded call costs in memory: `python benchmarks/memory.py [--json FILE] [--calls 10000]`.

The engine with its journal and a PBX of paper, 1,000 rules; two parties talk on every call, and each is confirmed to
be recorded. Two figures per call: what the allocator counts (tracemalloc, in one child process) and what the process
grew by (RSS, in another, because tracing takes memory itself). The paper PBX's own books are left out of neither.
What the allocator still counts when all calls are over is shown too: it must not grow with the calls.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.policy import policy
from controller.core.commands import CallId, LegId
from controller.core.events import (
    BridgeId,
    Event,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegRang,
)
from controller.core.recording import State
from controller.engine import Engine
from controller.journal import Journal
from controller.pbx.paper import PaperPbx

GOAL_KB = 20.0
RULES = 1_000


def beginning(number: int) -> list[Event]:
    """A customer calls in and is talked to. Nothing is shared between two calls but the extension's name."""
    call, caller, phone = (
        CallId(f"main/{number}.0"),
        LegId(f"main/{number}.0"),
        LegId(f"main/{number}.1"),
    )
    bridge, at = BridgeId(f"bridge-{number}"), 1_795_000_000.0 + number
    extension = str(100 + number % 80)
    return [
        LegAppeared(call, at, caller, "carrier1", f"02{number:09}", f"Customer {number}", f"0205550{extension}"),
        LegAppeared(call, at, phone, extension, originating=False),
        LegDialled(call, at, caller, phone, extension),
        LegRang(call, at + 0.1, phone),
        LegAnswered(call, at + 5, phone),
        LegAnswered(call, at + 5, caller),
        LegJoined(call, at + 5, phone, bridge),
        LegJoined(call, at + 5, caller, bridge),
    ]


def end(number: int) -> list[Event]:
    call, at = CallId(f"main/{number}.0"), 1_795_000_000.0 + number
    return [LegEnded(call, at + 60, LegId(f"main/{number}.{place}")) for place in (1, 0)]


async def live(calls: int, traced: bool, folder: Path) -> dict[str, float]:
    """kB per call while all of them are recorded, and what is left when they are over."""
    paper = PaperPbx("main")
    engine = Engine(policy(RULES), {"main": paper}, Journal(folder), lambda _session, _handover: None)
    running = asyncio.create_task(engine.run())
    await turns(lambda: not engine.links["main"])
    await talk(engine, paper, range(-1_000, 0))  # what is made once and shared must not be counted
    await hang_up(engine, paper, range(-1_000, 0))
    paper.asked.clear()
    engine.policy.forget()  # decisions that are remembered (a bounded number) count as memory of the calls
    gc.collect()
    if traced:
        tracemalloc.start()
    before = resident()
    await talk(engine, paper, range(calls))
    gc.collect()
    taken = (tracemalloc.get_traced_memory()[0] if traced else resident() - before) / 1024
    await hang_up(engine, paper, range(calls))
    paper.asked.clear()
    engine.policy.forget()
    gc.collect()
    left = (tracemalloc.get_traced_memory()[0] if traced else resident() - before) / 1024
    running.cancel()
    return {"kb_per_call": round(taken / calls, 2), "left_kb_per_call": round(left / calls, 2)}


async def talk(engine: Engine, paper: PaperPbx, numbers: range) -> None:
    for number in numbers:
        for event in beginning(number):
            paper.say(event)
        if number % 100 == 99:
            await rest(engine)
    await rest(engine)
    states = {session.recording and session.recording.state for session in engine.sessions.values()}
    if len(engine.sessions) != len(numbers) or states != {State.ON}:
        raise RuntimeError(f"{len(engine.sessions)} of {len(numbers)} calls live, states {states}")


async def hang_up(engine: Engine, paper: PaperPbx, numbers: range) -> None:
    paper.recorders.clear()  # its search for them at each leg's end would take longer than all the rest
    for number in numbers:
        for event in end(number):
            paper.say(event)
    await rest(engine)
    if engine.sessions:
        raise RuntimeError(f"{len(engine.sessions)} calls did not end")


async def rest(engine: Engine) -> None:
    """Until every command was answered."""
    await turns(lambda: engine.outbox.empty)


async def turns(true: Callable[[], bool], most: int = 100_000) -> None:
    """Let the loop turn until this is so. Nothing here waits for the world, so it is a matter of turns."""
    for _ in range(most):
        if true():
            return
        await asyncio.sleep(0)
    raise RuntimeError("the engine did not come to rest")


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def measured(calls: int, traced: bool) -> dict[str, float]:
    """In a process of its own, so that no other measurement's leftovers are reused."""
    command = [sys.executable, __file__, "--calls", str(calls), "--child", "traced" if traced else "resident"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 this very file
    found: dict[str, float] = json.loads(printed.stdout.splitlines()[-1])  # the engine's log comes first
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments.add_argument("--calls", type=int, default=10_000)
    arguments.add_argument("--child", choices=("traced", "resident"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.child:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asyncio.run(live(options.calls, options.child == "traced", Path(folder)))))
        return
    figures: dict[str, Any] = {"calls": options.calls, "goal_kb": GOAL_KB}
    figures["allocated"] = measured(options.calls, True)
    figures["resident"] = measured(options.calls, False)
    figures["met"] = max(figures[kind]["kb_per_call"] for kind in ("allocated", "resident")) < GOAL_KB
    for kind in ("allocated", "resident"):
        row = figures[kind]
        print(f"{kind:10} {row['kb_per_call']:7.2f} kB per live recorded call")
    print(f"left when all are over: {figures['allocated']['left_kb_per_call']:.2f} kB per call that was")
    print(f"goal: under {GOAL_KB:g} kB: {'met' if figures['met'] else 'missed'}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
