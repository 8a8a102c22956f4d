"""How much deciding costs, with 10, 1,000 and 10,000 rules in one run: `python benchmarks/policy.py [--json FILE]`.

Two figures per size: a decision worked out anew, and the mean over every event of whole calls, where most events
change nothing that a rule can see. Rounds alternate between the sizes, so a busy machine slows all of them alike;
what counts is the ratio to the smallest.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from controller.config.load import parse
from controller.core.calls import Call
from controller.core.commands import CallId, LegId
from controller.core.events import (
    AttributeSet,
    BridgeId,
    Event,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRang,
)
from controller.core.policy import Policy, decide
from controller.core.updating import update

SIZES = (10, 1_000, 10_000)
CALLS = 200
ROUNDS = 7
OFFICE = """
[numbers]
country = "GB"
helplines = ["116123"]
[[trunk]]
name = "carrier1"
"""


def policy(rules: int) -> Policy:
    """A policy of so many rules, of which two name somebody on our calls: one without and one with conditions.

    Of ten others, six name an extension, two a DDI, one a queue, and one a range of extensions.
    """
    shapes = ('extension = "{0}"',) * 6 + ('ddi = "020{0}"',) * 2 + ('queue = "q{0}"', 'extension = "{0}-{0}"')
    text = [OFFICE]
    for place in range(rules - 2):
        subject = shapes[place % len(shapes)].format(5_000_000 + place)
        text.append(f'[[rule]]\nname = "r{place}"\n{subject}\nmode = "always"\n')
    text.append('[[rule]]\nname = "a"\nextension = "1.."\nmode = "always"\nwhen = { direction = "outbound" }\n')
    text.append('[[rule]]\nname = "b"\nextension = "1.."\nmode = "always-with-pause"\n')
    return parse("".join(text), Path("benchmark.toml")).policy


def story(number: int) -> list[Event]:
    """An inbound call from first to last event: a carrier's leg, a phone that rings, talks and hangs up."""
    call, caller, phone, bridge = (
        CallId(f"main/{number}"),
        LegId(f"main/{number}.1"),
        LegId(f"main/{number}.2"),
        BridgeId("b"),
    )
    extension, at = str(100 + number % 80), 1_795_000_000.0 + number
    return [
        LegAppeared(call, at, caller, "carrier1", f"0205550{number % 1000:03}", dialled="0205550100"),
        AttributeSet(call, at, caller, "tier", "gold"),
        LegAppeared(call, at, phone, extension, originating=False),
        LegDialled(call, at, caller, phone, extension),
        LegRang(call, at + 1, phone),
        LegAnswered(call, at + 5, phone),
        LegAnswered(call, at + 5, caller),
        LegJoined(call, at + 5, phone, bridge),
        LegJoined(call, at + 5, caller, bridge),
        LegLeft(call, at + 60, phone, bridge),
        LegEnded(call, at + 60, phone),
        LegLeft(call, at + 60, caller, bridge),
        LegEnded(call, at + 60, caller),
    ]


def moments(number: int) -> list[Call]:
    """The call after each of its events that changed it."""
    call, found = Call(CallId(f"main/{number}"), 1_795_000_000.0), []
    for event in story(number):
        changed = update(call, event)
        if changed is not call:
            found.append(changed)
        call = changed
    return found


def anew(rules: Policy, call: Call) -> int:
    for _ in range(CALLS):
        rules.forget()
        decide(rules, call)
    return CALLS


def whole(rules: Policy, calls: Sequence[Sequence[Call]]) -> int:
    rules.forget()
    for history in calls:
        for call in history:
            decide(rules, call)
    return sum(map(len, calls))


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    options = arguments.parse_args()
    policies = {size: policy(size) for size in SIZES}
    calls = [moments(number) for number in range(CALLS)]
    talking = calls[0][7]
    gc.collect()
    gc.freeze()  # as the controller does after loading: else the collector walks ten thousand rules over and over
    for rules in policies.values():
        whole(rules, calls)  # look every subject up once, as a running controller has
    figures: dict[int, tuple[list[float], list[float]]] = {size: ([], []) for size in SIZES}
    for _ in range(ROUNDS):
        for size, rules in policies.items():
            figures[size][0].append(_timed(anew, rules, talking))
            figures[size][1].append(_timed(whole, rules, calls))
    report(figures, options.json)


def _timed(work: Callable[..., int], *given: object) -> float:
    began = time.process_time()
    count = work(*given)
    return (time.process_time() - began) / count * 1e6


def report(figures: dict[int, tuple[list[float], list[float]]], path: Path | None) -> None:
    least = [median(kind) for kind in figures[SIZES[0]]]
    rows = []
    for size, kinds in figures.items():
        new, mean = (median(kind) for kind in kinds)
        rows.append(
            {
                "rules": size,
                "anew_us": round(new, 1),
                "anew_ratio": round(new / least[0], 2),
                "per_event_us": round(mean, 1),
                "per_event_ratio": round(mean / least[1], 2),
                "decisions_per_second": round(1e6 / mean),
            }
        )
    if path:
        path.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{'rules':>7} {'anew':>10} {'ratio':>6} {'per event':>10} {'ratio':>6} {'decisions/s':>12}")
    for row in rows:
        print(
            f"{row['rules']:>7,} {row['anew_us']:>7} µs {row['anew_ratio']:>6} "
            f"{row['per_event_us']:>7} µs {row['per_event_ratio']:>6} {row['decisions_per_second']:>12,}"
        )


if __name__ == "__main__":
    main()
