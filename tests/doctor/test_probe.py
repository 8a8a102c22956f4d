"""What the probe says of the file that came, or did not: the kinds that cannot all be staged on a live PBX."""

from __future__ import annotations

import os
import pwd
import wave
from pathlib import Path

import pytest

from controller.doctor import places
from controller.doctor.finding import Status
from controller.doctor.probe import WAY, Trial, _mount, _refused, _written, probe
from tests.doctor.paper import configuration, visit
from tests.doctor.test_places import open_up

ME = pwd.getpwuid(os.geteuid())
NOBODY = pwd.getpwnam("nobody")
OTHER = NOBODY if os.geteuid() == 0 else ME
"""Somebody with few rights: for root somebody else, whose rights he can take."""


def written(folder: Path, samples: bytes) -> Trial:
    folder.mkdir(exist_ok=True)
    trial = Trial("/there/probe", folder / "probe.wav")
    with wave.open(str(trial.ours), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(samples)
    return trial


def test_a_file_with_sound_is_well_and_is_taken_away(tmp_path: Path) -> None:
    trial = written(tmp_path, b"\x10\x20" * 400)
    found = _written(trial, 0.004, ME)
    assert (found.status, found.measured["bytes"], found.measured["seen_after_ms"]) == (Status.OK, 844, 4.0)
    assert not trial.ours.exists()


@pytest.mark.parametrize(
    ("samples", "said"), [(b"", "no sound into it (44 bytes)"), (b"\0\0" * 400, "digital silence")]
)
def test_a_file_without_sound_is_a_failure(tmp_path: Path, samples: bytes, said: str) -> None:
    found = _written(written(tmp_path, samples), 0.004, ME)
    assert found.status is Status.FAIL
    assert said in found.what
    assert "codec" in found.remedy


def test_the_files_rights_are_tried_as_the_controllers_user(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    open_up(tmp_path, tmp_path_factory)
    trial = written(tmp_path / "monitor", b"\x10\x20" * 400)
    trial.ours.parent.chmod(0o555)
    trial.ours.chmod(0o200 if os.geteuid() else 0o600)
    unreadable = _written(trial, 0.004, OTHER)
    trial.ours.chmod(0o644)
    stuck = _written(trial, 0.004, OTHER)
    trial.ours.parent.chmod(0o777)
    well = _written(trial, 0.004, OTHER)
    assert "may not be read by" in unreadable.what
    assert "must share a group" in unreadable.remedy
    assert "cannot be taken out" in stuck.what
    assert "-m 2770" in stuck.remedy
    assert [one.status for one in (unreadable, stuck, well)] == [Status.FAIL, Status.FAIL, Status.OK]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Permission denied", "add system to its write line"),
        ("Invalid/unknown command: MixMonitor. Use Action: ListCommands", "app_mixmonitor.so is not loaded"),
        ("No such channel", "Asterisk's log"),
    ],
)
def test_each_refusal_of_mixmonitor_has_its_own_remedy(tmp_path: Path, said: str, remedy: str) -> None:
    found = _refused(visit(configuration(tmp_path)), said)
    assert found.status is Status.FAIL
    assert remedy in found.remedy


def test_one_name_for_two_folders_is_told_apart_from_two_names() -> None:
    assert "two folders of one name" in _mount("/var/spool/m", Path("/var/spool/m"))
    assert "one folder under two names" in _mount("/var/spool/m", Path("/mnt/m"))


async def test_without_ari_the_probe_is_skipped_and_says_what_to_add(tmp_path: Path) -> None:
    (found,) = await probe(visit(configuration(tmp_path)))
    assert (found.status, found.remedy) == (Status.SKIPPED, WAY)


def test_the_service_user_is_who_runs_the_controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(tmp_path)
    monkeypatch.setattr(places, "ask", lambda _path, _request: {"ok": True, "pid": 1})
    assert places.service_user(config).pw_uid == Path("/proc/1").stat().st_uid
    monkeypatch.undo()
    monkeypatch.setattr(places, "USER", "nobody")
    assert places.service_user(config).pw_name == OTHER.pw_name
    monkeypatch.setattr(places, "USER", "no-such-user")
    assert places.service_user(config) == ME
