"""The nightly self-test: its service can do its work inside its walls, and its timer starts it."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from controller.config.machinery import Catalogue, Control, Journal, Spool, Store
from tests.packaging.unit import FILE, SELFTEST, TIMER, allowed, setting, settings

SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
MAIN = "from controller.cli import main; main()"


def analysed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


@SYSTEMD
def test_systemd_finds_no_mistake_in_service_and_timer(tmp_path: Path) -> None:
    copies = [tmp_path / file.name for file in (FILE, SELFTEST, TIMER)]
    for copy, file in zip(copies, (FILE, SELFTEST, TIMER), strict=True):
        copy.write_text(file.read_text().replace("/opt/onrecord/bin/onrecord", sys.executable))
    told = analysed("verify", "--man=no", *copies)
    ours = [line for line in told.stderr.splitlines() if "onrecord" in line]
    assert (told.returncode, ours) == (0, []), told.stderr


@SYSTEMD
def test_systemd_calls_its_walls_good() -> None:
    told = analysed("security", "--offline=true", "--no-pager", SELFTEST)
    exposure = re.search(r"exposure level for onrecord-selftest.service: ([\d.]+)", told.stdout)
    assert exposure is not None, told.stdout + told.stderr
    assert float(exposure[1]) <= 2.0, told.stdout


@SYSTEMD
def test_it_runs_every_night_and_is_made_up_for_where_the_machine_was_off() -> None:
    told = analysed("calendar", "--iterations=3", setting("OnCalendar", TIMER))
    times = re.findall(r"(?:Next elapse|Iter\w*\.? #\d+): \w+ ([\d-]+ [\d:]+)", told.stdout)
    found = [datetime.fromisoformat(one) for one in times]
    assert len(found) == 3, told.stdout + told.stderr
    assert {one.hour for one in found} <= {0, 1, 2, 3, 4, 5}
    assert {(after - one).days for one, after in itertools.pairwise(found)} == {1}
    assert setting("Persistent", TIMER) == "yes"
    assert setting("WantedBy", TIMER) == "timers.target"
    assert settings("Unit", TIMER) == []  # the service of the same name


def test_the_command_is_one_that_the_program_has() -> None:
    program, command, option, file = setting("ExecStart", SELFTEST).split()
    assert program == setting("ExecStart").split()[0]
    assert (option, file) == tuple(setting("ExecStart").split()[2:])
    told = subprocess.run([sys.executable, "-c", MAIN, command, "--help"], capture_output=True, text=True, check=True)
    assert option in told.stdout


def test_it_reaches_what_the_controller_reaches_as_the_same_user() -> None:
    for key in ("User", "Group", "StateDirectory"):
        assert setting(key, SELFTEST) == setting(key)
    open_places = [*setting("ReadWritePaths", SELFTEST).split(), f"/var/lib/{setting('StateDirectory', SELFTEST)}"]
    tables = (Store, Journal, Catalogue, Spool)
    places = [field.default for table in tables for field in table.model_fields.values()]
    written = [each for each in places if isinstance(each, Path)]
    assert len(written) == len(tables)
    for place in written:
        assert any(place.is_relative_to(each) for each in open_places), place
    socket = next(each.default for each in Control.model_fields.values() if isinstance(each.default, Path))
    assert socket.is_relative_to("/run")  # to connect, a mount that is read-only will do
    assert setting("Requisite", SELFTEST) == FILE.name


@SYSTEMD
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
def test_the_filter_lets_through_what_it_does(tmp_path: Path) -> None:
    """As far as it goes without a PBX; tests/live has the rest of its work, which makes no other kind of call."""
    (tmp_path / "onrecord.toml").write_text(
        '[[pbx]]\nname = "main"\nami = { port = 1, secret = "x" }\n[journal]\nfolder = "journal"\n'
    )
    (tmp_path / "journal").mkdir()
    trace = tmp_path / "trace"
    command = [sys.executable, "-c", MAIN, "selftest", "--config", tmp_path / "onrecord.toml"]
    told = subprocess.run(["strace", "-f", "-qq", "-o", trace, *command], capture_output=True, text=True, check=False)
    assert told.returncode == 3, told.stdout + told.stderr
    assert (tmp_path / "journal" / "selftest.json").exists()
    used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", trace.read_text(errors="replace"), re.MULTILINE))
    assert used - allowed(SELFTEST) == set()
