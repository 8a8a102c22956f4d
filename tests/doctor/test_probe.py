"""What the probe says of the file that came, or did not: the kinds that cannot all be staged on a live PBX."""

from __future__ import annotations

import os
import pwd
import wave
from pathlib import Path

import pytest

from controller.doctor import places
from controller.doctor import probe as probing
from controller.doctor.finding import Finding, Status
from controller.doctor.probe import WAY, Trial, _mount, _refused, _written
from controller.pbx.asterisk.frames import Headers
from tests.doctor.paper import Answer, PaperAri, configuration, visit
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
    (found,) = await probing.probe(visit(configuration(tmp_path)))
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


STARTED = {"MixMonitorID": "0x5590"}


async def probed(folder: Path, monkeypatch: pytest.MonkeyPatch, plays: str = "failed", **answers: Answer) -> Finding:
    """What the probe says where nothing is written unless an answer does it; everything is put away afterwards."""
    monkeypatch.setattr(probing, "SEEN_SECONDS", 0.05)
    monkeypatch.setattr(probing, "TONE_SECONDS", 0.01)
    monkeypatch.setattr(probing.secrets, "token_hex", lambda _bytes: "1234")
    subject = visit(configuration(folder), **({"MixMonitor": STARTED} | answers))
    paper = PaperAri(subject.told, plays)
    subject.ari = paper  # type: ignore[assignment]
    (found,) = await probing.probe(subject)
    assert ("DELETE", "channels", "channels-1") in paper.asked
    assert paper.asked.count(("POST", "bridges")) == paper.asked.count(("DELETE", "bridges", "bridges-1"))
    return found


async def test_a_file_that_does_not_come_is_told_by_what_the_pbx_finds_in_our_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = await probed(tmp_path, monkeypatch)
    (tmp_path / "monitor").mkdir()
    other = await probed(tmp_path, monkeypatch)
    same = await probed(tmp_path, monkeypatch, plays="done")
    assert not list((tmp_path / "monitor").iterdir())
    (tmp_path / "monitor" / "onrecord-doctor-1234-lure.wav").mkdir()
    barred = await probed(tmp_path, monkeypatch)
    assert [one.status for one in (missing, other, same, barred)] == [Status.FAIL] * 4
    assert "there is no such folder here" in missing.what
    assert "the PBX does not find" in other.what
    assert "reads this folder and may not write it" in same.what
    assert "nor may we write there" in barred.what
    assert "one folder under two names" in missing.remedy
    assert "install -d -o asterisk" in same.remedy
    assert "install -d -o asterisk" in barred.remedy


async def test_a_folder_that_we_may_not_enter_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "monitor").mkdir()
    open_up(tmp_path, tmp_path_factory)
    (tmp_path / "monitor").chmod(0)
    with places.acting_as(OTHER):
        found = await probed(tmp_path, monkeypatch)
    (tmp_path / "monitor").chmod(0o700)
    assert found.status is Status.FAIL
    assert "install -d -o asterisk" in found.remedy


async def test_a_recorder_without_an_id_is_a_failure_though_its_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "monitor").mkdir()

    def start(_headers: Headers) -> dict[str, str]:
        (tmp_path / "monitor" / "onrecord-doctor-1234.wav").write_bytes(b"RIFF" * 300)
        return {"Message": "Success"}

    found = await probed(tmp_path, monkeypatch, MixMonitor=start)
    assert (found.status, "no id" in found.what) == (Status.FAIL, True)
    assert not list((tmp_path / "monitor").iterdir())
