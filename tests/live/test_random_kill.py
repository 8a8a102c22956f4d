"""The controller is killed at random moments of real calls: no recorded second is lost, and nothing starts twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.lab import Asterisk
from tests.live.killing import STARTING, Killing

KILLS = 12
"""For every run of the suite; `benchmarks/random_kill.py` has the long one."""
LONGEST_HOLE = 0.25
"""Seconds, within a recording: its recorder was adopted, so nothing should be missing at all."""


@pytest.mark.proves("F-163", "B-11", "B-12")
@pytest.mark.timeout(180)
async def test_a_controller_that_is_killed_at_random_moments_loses_nothing_that_was_recorded(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    killing = Killing(asterisk, tmp_path, seed=20261121)
    report = await killing.run(KILLS)
    print(report)
    assert report.started > KILLS
    assert not report.lost
    assert not report.double
    assert not report.missing
    assert not report.findings
    assert report.latest <= STARTING, "\n".join(hole.told(killing.child.lives) for hole in report.late)
    assert report.longest_hole <= LONGEST_HOLE, "\n".join(
        hole.told(killing.child.lives) for hole in report.holes if hole.seconds > LONGEST_HOLE
    )
