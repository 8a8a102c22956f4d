"""`onrecord alarms` as an operator types it, beside a running controller and after its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from controller.alarms import Alarms, read
from controller.core.commands import Alarm, CallId
from tests.cli.children import Ended, onrecord
from tests.control.office import Office


@pytest.fixture
def office() -> Iterator[Office]:
    with TemporaryDirectory(prefix="alarms-") as folder:
        text = '[control]\nsocket = "control.sock"\n[journal]\nfolder = "journal"\n'
        (Path(folder) / "onrecord.toml").write_text(text)
        (Path(folder) / "journal").mkdir(exist_ok=True)
        with Office(Path(folder), "", []) as made:
            yield made


def alarms(folder: Path, *words: str) -> Ended:
    return onrecord("alarms", *words, "--config", folder / "onrecord.toml")


def test_no_alarm_is_well(office: Office) -> None:
    shown = alarms(office.folder)
    assert (shown.code, shown.err) == (0, "")
    assert "No alarm." in shown.out


def test_what_stands_is_shown_with_its_remedy_and_exit_code_1(office: Office) -> None:
    told = Alarms(office.folder / "journal")
    told.on("space", "/spool", "the disk of /spool fills up [soon]", "free space there")
    told.told(Alarm(CallId("main/1.1"), "a start failed", "see its rights"))
    shown = alarms(office.folder)
    assert shown.code == 1
    assert "fills up [soon]" in shown.out
    assert "free space there" in shown.out
    assert "a start failed" not in shown.out
    everything = alarms(office.folder, "--all")
    assert "a start failed" in everything.out
    listed = alarms(office.folder, "--all", "--json")
    assert [each["about"] for each in listed.json] == ["/spool", "main/1.1"]


def test_without_a_controller_it_says_that_nothing_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "onrecord.toml").write_text('[control]\nsocket = "control.sock"\n[journal]\nfolder = "journal"\n')
    (tmp_path / "journal").mkdir()
    Alarms(tmp_path / "journal").on("link", "main", "the link is down", "see the PBX")
    shown = alarms(tmp_path)
    assert shown.code == 1
    assert "the link is down" in shown.out
    assert "nothing is recorded" in shown.err


def test_what_an_earlier_life_left_standing_ends_with_the_next_one(tmp_path: Path) -> None:
    Alarms(tmp_path).on("link", "main", "the link is down", "see the PBX")
    Alarms(tmp_path)
    (left,) = read(tmp_path)
    assert left.until is not None
