"""How many events a second the pure core takes, over whole calls, with 10, 1,000 and 10,000 rules in one run.

    python benchmarks/core.py [--json FILE] [--rounds 9]

`controller.core.session.step` alone, on one core: what happened, what is wanted, what to ask for. The events of 400
calls lie ready, answers of the PBX included; calls overlap as they do in an office. Rounds alternate between the
sizes, so a busy machine slows all of them alike; the ratio is to the smallest size.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.policy import policy
from controller.core import session as sessions
from controller.core.commands import CallId, LegId, Pause, Resume, Start, Stop
from controller.core.events import (
    AgentConnected,
    Asked,
    AskedBy,
    AttributeSet,
    BridgeId,
    Done,
    Event,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRang,
    QueueJoined,
    QueueLeft,
    RecorderLost,
)
from controller.core.policy import Policy
from controller.core.session import Session
from hardware.keys import Key

SIZES = (10, 1_000, 10_000)
CALLS = 400
LIVE = 50
"""So many calls are under way at once: their events come mixed."""
GOAL = 100_000
"""Events a second with 1,000 rules on one core."""


@dataclass(slots=True)
class Script:
    """Writes the events of one call, with names and times."""

    number: int
    chance: random.Random
    at: float = 0.0

    def __post_init__(self) -> None:
        self.at = 1_795_000_000.0 + self.number

    @property
    def call(self) -> CallId:
        return CallId(f"main/{self.number}.0")

    def leg(self, place: int) -> LegId:
        return LegId(f"main/{self.number}.{place}")

    def extension(self) -> str:
        return str(self.chance.randrange(100, 180))

    def customer(self) -> str:
        return f"02{self.chance.randrange(10**8, 10**9 - 1)}"

    def later(self, seconds: float) -> float:
        self.at += seconds
        return self.at

    def caller(self, endpoint: str, number: str, dialled: str) -> Iterator[Event]:
        yield LegAppeared(self.call, self.at, self.leg(0), endpoint, number, dialled=dialled)

    def ring(self, place: int, endpoint: str, number: str, presented: str = "") -> Iterator[Event]:
        leg = self.leg(place)
        yield LegAppeared(self.call, self.later(0.01), leg, endpoint, originating=False)
        yield LegDialled(self.call, self.at, self.leg(0), leg, number, presented)
        yield LegRang(self.call, self.later(0.05), leg)

    def talk(self, place: int, bridge: str = "b") -> Iterator[Event]:
        yield LegAnswered(self.call, self.later(4), self.leg(place))
        yield LegAnswered(self.call, self.at, self.leg(0))
        yield LegJoined(self.call, self.later(0.002), self.leg(place), BridgeId(bridge))
        yield LegJoined(self.call, self.at, self.leg(0), BridgeId(bridge))

    def leave(self, place: int, bridge: str = "b") -> Iterator[Event]:
        yield LegLeft(self.call, self.later(0.01), self.leg(place), BridgeId(bridge))
        yield LegEnded(self.call, self.at, self.leg(place), "16")

    def press(self, key: Key) -> Iterator[Event]:
        yield Asked(self.call, self.later(20), "extension 100", key, AskedBy.LEG, self.leg(0))


def inbound(script: Script) -> Iterator[Event]:
    extension = script.extension()
    yield from script.caller("carrier1", script.customer(), f"0205550{extension}")
    yield from script.ring(1, extension, extension)
    yield from script.talk(1)
    yield from script.leave(1)
    yield from script.leave(0)


def outbound(script: Script) -> Iterator[Event]:
    extension, number = script.extension(), script.customer()
    yield from script.caller(extension, extension, number)
    yield from script.ring(1, "carrier1", number, f"0205550{extension}")
    yield from script.talk(1)
    yield from script.press(Key.PAUSE)
    yield from script.press(Key.RESUME)
    yield from script.leave(0)
    yield from script.leave(1)


def internal(script: Script) -> Iterator[Event]:
    one, other = script.extension(), script.extension()
    yield from script.caller(one, one, other)
    yield from script.ring(1, other, other)
    yield from script.talk(1)
    yield from script.leave(0)
    yield from script.leave(1)


def queued(script: Script) -> Iterator[Event]:
    """Two agents ring, the second takes it."""
    yield from script.caller("carrier1", script.customer(), "0205550200")
    yield AttributeSet(script.call, script.at, script.leg(0), "tier", "gold")
    yield LegAnswered(script.call, script.at, script.leg(0))
    yield QueueJoined(script.call, script.at, script.leg(0), "sales")
    for place in (1, 2):
        agent = script.extension()
        yield from script.ring(place, agent, agent)
    yield LegAnswered(script.call, script.later(6), script.leg(2))
    yield LegEnded(script.call, script.at, script.leg(1), "26")
    yield AgentConnected(script.call, script.at, script.leg(0), "sales")
    yield LegJoined(script.call, script.later(0.002), script.leg(0), BridgeId("b"))
    yield LegJoined(script.call, script.at, script.leg(2), BridgeId("b"))
    yield from script.leave(2)
    yield QueueLeft(script.call, script.at, script.leg(0), "sales")
    yield from script.leave(0)


def unanswered(script: Script) -> Iterator[Event]:
    extension = script.extension()
    yield from script.caller("carrier1", script.customer(), f"0205550{extension}")
    yield from script.ring(1, extension, extension)
    yield LegEnded(script.call, script.later(30), script.leg(0), "16")
    yield LegEnded(script.call, script.at, script.leg(1), "16")


def transferred(script: Script) -> Iterator[Event]:
    """Who took it sends it on to a colleague, blind."""
    first, second = script.extension(), script.extension()
    yield from script.caller("carrier1", script.customer(), f"0205550{first}")
    yield from script.ring(1, first, first)
    yield from script.talk(1)
    yield LegLeft(script.call, script.later(30), script.leg(0), BridgeId("b"))
    yield from script.leave(1)
    yield from script.ring(2, second, second)
    yield LegAnswered(script.call, script.later(3), script.leg(2))
    yield LegJoined(script.call, script.at, script.leg(2), BridgeId("c"))
    yield LegJoined(script.call, script.at, script.leg(0), BridgeId("c"))
    yield from script.leave(2, "c")
    yield from script.leave(0, "c")


MIX: dict[Callable[[Script], Iterator[Event]], int] = {
    inbound: 35,
    outbound: 20,
    internal: 15,
    queued: 15,
    unanswered: 10,
    transferred: 5,
}
"""Of a hundred calls."""


def answered(events: Iterator[Event], rules: Policy) -> list[Event]:
    """The events of a call with the PBX's answers to what the core asked for in between."""
    whole: list[Event] = []
    session: Session | None = None
    waiting = deque[Event]()
    running: Start | None = None
    for event in events:
        if isinstance(event, LegEnded) and running is not None and running.leg == event.leg:
            lost = RecorderLost(
                event.call, event.at, running.recording, running.segment, "its leg ended", leg_gone=True
            )
            waiting.append(lost)
            running = None
        waiting.append(event)
        while waiting:
            now = waiting.popleft()
            if session is not None and session.handed_over:
                return whole  # the engine knows the call no more
            whole.append(now)
            session, commands = sessions.step(session or sessions.begin(now.call, now.at), now, rules)
            for command in commands:
                if isinstance(command, Start | Stop | Pause | Resume):
                    waiting.append(Done(command.call, now.at + 0.003, command))
                    running = command if isinstance(command, Start) else running
    return whole


def day(rules: Policy) -> list[Event]:
    """Every call's events, LIVE calls at a time."""
    chance = random.Random(2)  # noqa: S311 not a secret
    kinds = chance.choices(list(MIX), list(MIX.values()), k=CALLS)
    todo = deque(answered(kind(Script(number, chance)), rules) for number, kind in enumerate(kinds))
    live: list[deque[Event]] = []
    mixed: list[Event] = []
    while todo or live:
        while todo and len(live) < LIVE:
            live.append(deque(todo.popleft()))
        one = chance.choice(live)
        mixed.append(one.popleft())
        if not one:
            live.remove(one)
    return mixed


def play(events: list[Event], rules: Policy) -> int:
    """Step through all of them as the engine does; returns the number of commands that came of it."""
    live: dict[CallId, Session] = {}
    step, begin, asked = sessions.step, sessions.begin, 0
    for event in events:
        session, commands = step(live.get(event.call) or begin(event.call, event.at), event, rules)
        asked += len(commands)
        if session.handed_over:
            del live[event.call]
        else:
            live[event.call] = session
    if live:
        raise RuntimeError(f"{len(live)} calls did not end")
    return asked


def measure(rounds: int) -> dict[str, Any]:
    policies = {size: policy(size) for size in SIZES}
    days = {size: day(rules) for size, rules in policies.items()}
    gc.collect()
    gc.freeze()  # as the controller does after loading: else the collector walks ten thousand rules over and over
    spent: dict[int, list[float]] = {size: [] for size in SIZES}
    asked = {size: play(days[size], rules) for size, rules in policies.items()}  # subjects are looked up once
    for _ in range(rounds):
        for size, rules in policies.items():
            rules.forget()
            began = time.process_time()
            play(days[size], rules)
            spent[size].append((time.process_time() - began) / len(days[size]))
    least = median(spent[SIZES[0]])
    rows = [
        {
            "rules": size,
            "events": len(days[size]),
            "commands": asked[size],
            "us_per_event": round(median(took) * 1e6, 2),
            "events_per_second": round(1 / median(took)),
            "ratio": round(median(took) / least, 2),
        }
        for size, took in spent.items()
    ]
    mix = Counter(type(event).__name__ for event in days[1_000])
    at_goal = next(row for row in rows if row["rules"] == 1_000)
    return {"goal": GOAL, "met": at_goal["events_per_second"] >= GOAL, "rows": rows, "mix": dict(mix.most_common())}


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments.add_argument("--rounds", type=int, default=9)
    options = arguments.parse_args()
    figures = measure(options.rounds)
    print(f"{'rules':>7} {'events':>7} {'per event':>10} {'ratio':>6} {'events/s':>9}")
    for row in figures["rows"]:
        print(
            f"{row['rules']:>7,} {row['events']:>7,} {row['us_per_event']:>7} µs {row['ratio']:>6} "
            f"{row['events_per_second']:>9,}"
        )
    print(f"goal: {GOAL:,} events/s with 1,000 rules: {'met' if figures['met'] else 'missed'}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
