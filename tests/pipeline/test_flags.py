"""Recordings whose figures show that something is wrong are flagged in words; good ones are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.catalogue.entries import Level
from controller.core.commands import LegId
from controller.core.finished import Finished, FinishedSegment
from controller.pipeline.flags import flags
from controller.pipeline.timeline import Piece, Placed, Timeline
from tests.pipeline.recordings import conversation

RATE = 8000
GOOD = Level("customer", peak=-6.0, rms=-20.0, silent=0.4, zero=0.1, clipped=0.0)
HOUSE = replace(GOOD, side="house")
SILENT = Level("house", peak=-120.0, rms=-120.0, silent=1.0, zero=1.0, clipped=0.0)


def segment(number: int, began: float = 1000.0, ended: float = 1060.0, ended_by: str = "") -> FinishedSegment:
    return FinishedSegment(number, LegId("main/a"), began, ended, ended_by)


def plan(*lengths: float) -> Timeline:
    """Segments of so many seconds, as long as their sum."""
    pieces = tuple(Piece(number, 0, round(each * RATE), ((), ())) for number, each in enumerate(lengths, 1))
    placed = tuple(Placed(number, 0, round(each * RATE)) for number, each in enumerate(lengths, 1))
    return Timeline(RATE, 2, pieces, placed)


def call(*segments: FinishedSegment) -> Finished:
    return conversation(*(segments or (segment(1),)))


def test_a_good_recording_has_no_flag() -> None:
    assert flags(call(), plan(60), (GOOD, HOUSE), repaired=False) == ()


@pytest.mark.proves("F-160")
@pytest.mark.parametrize(
    ("levels", "seconds", "word"),
    [
        ((GOOD, SILENT), 60, "one-sided: nothing of the house"),
        ((replace(SILENT, side="customer"), HOUSE), 60, "one-sided: nothing of the customer"),
        ((replace(SILENT, side="customer"), SILENT), 60, "silent: nobody is heard"),
        ((replace(GOOD, peak=-48.0), HOUSE), 60, "too quiet: the customer peaks at -48 dB"),
        ((GOOD, replace(HOUSE, clipped=0.03)), 60, "clipped: 3.0% of the house"),
        ((GOOD, HOUSE), 0.4, "short: 0.40 s"),
    ],
)
def test_what_the_figures_show_is_said(levels: tuple[Level, ...], seconds: float, word: str) -> None:
    assert flags(call(), plan(seconds), levels, repaired=False) == (word,)


def test_one_who_only_listened_for_a_moment_is_no_fault() -> None:
    assert flags(call(), plan(3), (GOOD, SILENT), repaired=False) == ()


def test_a_repaired_file_is_said_to_be_one() -> None:
    (flag,) = flags(call(), plan(60), (GOOD, HOUSE), repaired=True)
    assert flag.startswith("repaired")


def parts(ended_by: str, gap: float) -> Finished:
    return call(segment(1, 1000.0, 1010.0, ended_by), segment(2, 1010.0 + gap, 1030.0, "its leg ended"))


def test_a_hole_behind_a_lost_recorder_is_measured() -> None:
    (flag,) = flags(parts("it did not grow: the disk is full", 7.5), plan(10, 12.5), (GOOD, HOUSE), repaired=False)
    assert flag == "interrupted: 7.5 s are missing (it did not grow: the disk is full)"


@pytest.mark.parametrize(("ended_by", "gap"), [("stopped", 60.0), ("renewed", 0.6), ("it was gone", 0.1)])
def test_a_stop_that_somebody_asked_for_leaves_no_hole(ended_by: str, gap: float) -> None:
    assert flags(parts(ended_by, gap), plan(10, 12.5), (GOOD, HOUSE), repaired=False) == ()
