"""Who tries the demo where it cannot run is told why in a sentence, not by a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "from controller.cli import main; main()", "demo"],
        ["-m", "controller.demo", "pbx"],
        ["-m", "controller.demo", "phones"],
        ["-m", "controller.demo", "pbx-is-well"],
    ],
)
def test_without_an_asterisk_it_is_said_which_was_looked_for(arguments: list[str]) -> None:
    surroundings = os.environ | {"ONRECORD_ASTERISK": "/nowhere/asterisk", "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, *arguments], env=surroundings, capture_output=True, text=True, check=False, timeout=60
    )
    assert told.returncode == 1
    said = told.stdout + told.stderr
    assert "/nowhere/asterisk does not run" in said
    assert "Traceback" not in said


def test_phones_that_have_not_called_yet_are_not_well(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "controller.demo", "phones-are-well"],
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (told.returncode, told.stdout) == (1, "no round of calls has ended well yet\n")
