"""What the self-test hears in recordings that are made here, right and wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from controller.core.decision import Options
from controller.doctor.finding import Status
from controller.selftest import proof

RATE = 8000
PAUSED = 1.5
CONFIG: Any = SimpleNamespace(selftest=SimpleNamespace(late=0.5))
ENDS: Any = ()


def tone(*parts: tuple[int, float]) -> NDArray[np.int16]:
    """Hz and seconds one after the other; 0 Hz is silence."""
    pieces = [8000 * np.sin(2 * np.pi * hz * np.arange(round(s * RATE)) / RATE) for hz, s in parts]
    return np.concatenate(pieces).astype(np.int16)


FIRST = tone((proof.MARKER, 0.9), (proof.FIRST, 1.2), (0, PAUSED), (proof.FIRST, 1.5))
SECOND = tone((proof.SECOND, 2.1), (0, PAUSED), (proof.SECOND, 1.5))


def kept(folder: Path, left: NDArray[np.int16], right: NDArray[np.int16]) -> Any:
    soundfile.write(folder / "recording.wav", np.stack([left, right], axis=1), RATE, "PCM_16")
    segment = SimpleNamespace(leg="main/1", anchor_is="customer")
    call = SimpleNamespace(decision=SimpleNamespace(options=Options()), consents=())
    story = SimpleNamespace(segments=[segment])
    return SimpleNamespace(folder=folder, call=call, story=story, legs=("main/1", "main/2"))


def test_a_right_recording_passes(tmp_path: Path) -> None:
    one = kept(tmp_path, FIRST, SECOND)
    found = [look(CONFIG, one, ENDS, PAUSED) for look in (proof.started, proof.sided, proof.silenced)]
    assert [each.status for each in found] == [Status.OK] * 3, found
    assert found[0].measured["late_ms"] == pytest.approx(100, abs=20)
    assert found[2].measured["silent_s"] == pytest.approx(PAUSED, abs=0.04)


def test_exchanged_sides_are_found(tmp_path: Path) -> None:
    found = proof.sided(CONFIG, kept(tmp_path, SECOND, FIRST), ENDS, PAUSED)
    assert (found.status, found.what) == (Status.FAIL, "left (the first end's side) has the other side's tone")


def test_a_mix_on_a_side_is_found(tmp_path: Path) -> None:
    found = proof.sided(CONFIG, kept(tmp_path, FIRST, FIRST // 2 + SECOND // 2), ENDS, PAUSED)
    assert found.status is Status.FAIL
    assert found.what.startswith("right (the second end's side) has the other side's tone as well")


@pytest.mark.parametrize("from_", [0.0, 0.6, 3.8])
def test_a_side_that_becomes_deaf_is_found_also_next_to_a_pause(tmp_path: Path, from_: float) -> None:
    deaf = SECOND.copy()
    deaf[round(from_ * RATE) :] = 0
    found = proof.sided(CONFIG, kept(tmp_path, FIRST, deaf), ENDS, PAUSED)
    assert found.status is Status.FAIL
    assert "right (the second end's side): its own tone is in" in found.what


def test_a_pause_that_one_side_is_heard_in_is_found(tmp_path: Path) -> None:
    found = proof.silenced(CONFIG, kept(tmp_path, FIRST, tone((proof.SECOND, 5.1))), ENDS, PAUSED)
    assert found.status is Status.FAIL


def test_a_side_that_stays_silent_after_the_pause_is_found(tmp_path: Path) -> None:
    silent = tone((proof.SECOND, 2.1), (0, 3.0))
    found = proof.silenced(CONFIG, kept(tmp_path, FIRST, silent), ENDS, PAUSED)
    assert found.what == "after the pause a side stays silent"


@pytest.mark.parametrize("missing", [0.6, 1.0])
def test_a_late_start_is_found(tmp_path: Path, missing: float) -> None:
    cut = round((missing - 0.1) * RATE)
    found = proof.started(CONFIG, kept(tmp_path, FIRST[cut:], SECOND[cut:]), ENDS, PAUSED)
    assert found.status is Status.FAIL
