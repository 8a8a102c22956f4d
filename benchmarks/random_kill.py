"""What is lost when the controller is killed a hundred times while people talk? Run with the lab set up.

`python -m benchmarks.random_kill [KILLS] [SEED …]` plays tests/live/killing.py once for each seed: four phones call
four others without a break, and the controller gets SIGKILL at random moments, also while it starts. Exit code 1 if
a segment was lost, started twice, or an invariant of docs/durability.md was broken.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from controller import lab
from controller.lab import Asterisk
from tests.live.killing import Killing, Report

SEEDS = (1, 2)


async def main(kills: int, seeds: tuple[int, ...]) -> bool:
    """Whether all of it went well."""
    well = True
    for seed in seeds:
        async with Asterisk.running(lab.install()) as pbx:
            with tempfile.TemporaryDirectory(prefix="onrecord-kill-") as folder:
                killing = Killing(pbx, Path(folder), seed)
                report = await killing.run(kills)
                print(report, flush=True)
                show(report, killing)
        well &= not (report.lost or report.double or report.missing or report.findings)
    return well


def show(report: Report, killing: Killing) -> None:
    for each in (*report.lost, *report.double, *report.missing, *report.findings):
        print("  ", each)
    for hole in sorted(report.holes, key=lambda hole: -hole.seconds)[:5]:
        print("   hole:", hole.told(killing.child.lives))
    for hole in sorted(report.late, key=lambda hole: -hole.seconds)[:3]:
        print("   late:", hole.told(killing.child.lives))


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    sys.exit(not asyncio.run(main(numbers[0] if numbers else 100, tuple(numbers[1:]) or SEEDS)))
