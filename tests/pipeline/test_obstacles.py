"""What the line cannot work on is an alarm, for as long as it is so."""

from __future__ import annotations

from pathlib import Path

from controller.alarms import Alarms
from controller.pipeline.obstacles import Obstacles
from controller.spool import JOB, Spool
from tests.init.offices import nobody


def test_a_job_that_may_not_be_read_is_named_and_keeps_nothing_else_from_being_worked_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    closed = spool.jobs / "main-1-1"
    closed.mkdir(mode=0o700)
    (closed / JOB).write_text("{}")
    odd: dict[Path, str] = {}
    with nobody(spool.jobs):
        assert list(spool.unfinished(odd)) == []
        spool.tidy()
    assert list(odd) == [closed]
    assert "Permission denied" in odd[closed]
    assert (closed / JOB).exists()


def test_a_job_that_cannot_be_read_is_an_alarm_until_it_can(tmp_path: Path) -> None:
    alarms = Alarms()
    obstacles = Obstacles(alarms, tmp_path / "catalogue.sqlite", tmp_path / "spool")
    folder = tmp_path / "spool" / "jobs" / "main-1-1"
    obstacles.unread({folder: "Permission denied"})
    (alarm,) = alarms.active()
    assert alarm.about == "main-1-1"
    assert str(folder) in alarm.remedy
    obstacles.unread({})
    assert alarms.active() == []
    assert [each.about for each in alarms.past] == ["main-1-1"]
