"""Which Asterisk the lab runs, and what it says when it can run none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controller.lab import programs, root, software
from controller.lab.asterisk import fill, sweep_ground
from controller.lab.programs import LabNotSetUp


def program(path: Path, prints: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


def test_a_configured_asterisk_that_is_too_old_is_refused_by_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRECORD_ASTERISK", str(program(tmp_path / "asterisk", "Asterisk 18.10.0")))
    with pytest.raises(LabNotSetUp, match=r"Asterisk 18\.10\.0; the lab needs 20"):
        software.install()


def test_a_configured_asterisk_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRECORD_ASTERISK", str(tmp_path / "nowhere"))
    with pytest.raises(LabNotSetUp, match="nowhere does not run"):
        software.install()


def test_a_whole_private_root_is_used_and_paths_are_turned_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "root"
    modules = place / "usr/lib/x86_64-linux-gnu/asterisk/modules"
    modules.mkdir(parents=True)
    (modules / "app_mixmonitor.so").touch()
    (place / "usr/share/asterisk/documentation").mkdir(parents=True)
    (place / root.MARKER).write_text('{"asterisk": "22.1.0"}')
    monkeypatch.setenv("ONRECORD_LAB", str(tmp_path))
    monkeypatch.delenv("ONRECORD_ASTERISK", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(software, "BESIDE_PATH", "")
    found = software.install()
    assert (found.version, found.modules) == ("22.1.0", "/usr/lib/x86_64-linux-gnu/asterisk/modules")
    assert found.inside(place / "srv/onrecord/x/a.wav") == "/srv/onrecord/x/a.wav"
    assert found.outside("/srv/onrecord/x/a.wav") == place / "srv/onrecord/x/a.wav"
    with pytest.raises(ValueError, match="subpath"):
        found.inside(tmp_path / "elsewhere")


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_half_made_root_is_no_root(tmp_path: Path, text: str) -> None:
    (tmp_path / root.MARKER).write_text(text)
    assert root.marker(tmp_path) == {}
    assert root.marker(tmp_path / "none") == {}


def test_a_missing_program_is_answered_with_the_exact_command_for_an_ordinary_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setitem(programs.PACKAGES, "no-such-program", "its-package")
    with pytest.raises(LabNotSetUp, match=r"sudo apt-get install -y .* its-package"):
        programs.ensure(["sh", "no-such-program"], print)
    assert programs.missing(["sh"]) == []
    assert programs.os_release(tmp_path / "none") == {}


def test_an_unknown_place_in_a_template_is_an_error_and_dialplan_marks_are_left_alone() -> None:
    assert fill("host = @host@ ; Local/110@agents/n ${EXTEN}@carrier", {"host": "x"}) == (
        "host = x ; Local/110@agents/n ${EXTEN}@carrier"
    )
    with pytest.raises(KeyError):
        fill("@nobody@", {})


def test_only_folders_of_dead_owners_are_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folders = [tmp_path / name for name in (f"lab-{gone.pid}-a", f"lab-{os.getpid()}-b", "lab-mine-c", "other")]
    for folder in folders:
        folder.mkdir()
    sweep_ground(tmp_path)
    assert [folder.exists() for folder in folders] == [False, True, True, True]


def test_the_set_up_command_refuses_what_it_does_not_know() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "controller.lab", "destroy"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_the_private_root_is_entered_also_where_the_path_has_no_system_programs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Debian's own PATH for an ordinary user, and for root after a plain `su`."""
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    for number in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda number=number: number)
        words = " ".join(root.entrance(tmp_path)).split()
        program = next(word for word in words if word.endswith("chroot"))
        assert shutil.which(program) == program
