"""Alarms are counted, not repeated; begin and end; and are found in a file afterwards."""

from __future__ import annotations

from pathlib import Path

from controller.alarms import MOST_ACTIVE, REPEAT_SECONDS, Alarms, Standing, read
from controller.core.commands import Alarm, CallId


def test_what_lasts_is_one_alarm_that_is_counted(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path, clock=lambda: 5.0)
    heard: list[Standing] = []
    alarms.watchers.add(heard.append)
    for _ in range(1000):
        alarms.on("journal", "/j", "the journal cannot be written", "free space")
    (standing,) = alarms.active()
    assert (standing.count, standing.until, len(heard)) == (1000, None, 1)
    assert alarms.by_kind == {"journal": 1000}
    assert len(read(tmp_path)) == 1


def test_its_end_is_told_once_and_written_down(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path)
    alarms.off("link", "main")
    assert list(alarms.past) == []
    alarms.on("link", "main", "down", "see the PBX")
    alarms.off("link", "main")
    alarms.off("link", "main")
    assert alarms.active() == []
    assert len(alarms.past) == 1
    (written,) = read(tmp_path)
    assert written.until is not None


def test_what_happens_once_is_over_when_it_is_told(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path)
    alarms.told(Alarm(CallId("main/1"), "a start failed", "see its rights"))
    assert alarms.active() == []
    assert [each.about for each in alarms.past] == ["main/1"]


def test_a_folder_that_cannot_be_written_does_not_stop_an_alarm(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path / "nowhere")
    alarms.on("journal", "/j", "full", "free space")
    assert len(alarms.active()) == 1


def test_ten_thousand_calls_in_trouble_fill_no_memory() -> None:
    alarms = Alarms()
    for number in range(10_000):
        alarms.on("recorder", f"main/{number}", "does not grow", "see the log")
        alarms.told(Alarm(CallId(f"main/{number}"), "a start failed", ""))
    assert len(alarms.active()) == MOST_ACTIVE
    assert len(alarms.past) <= 200
    assert alarms.raised == 20_000
    assert len(alarms._said) <= 2 * MOST_ACTIVE


def test_lines_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path)
    alarms.on("a", "b", "what", "remedy")
    with (tmp_path / "alarms.jsonl").open("ab") as lines:
        lines.write(b'{"key": "cut o\n\xff\xfe\n[]\n{}\n')
    assert len(read(tmp_path)) == 1


def test_it_is_said_again_after_a_while_and_not_before() -> None:
    now = [0.0]
    alarms = Alarms(clock=lambda: now[0])
    alarms.on("a", "b", "what", "remedy")
    alarms.on("a", "b", "what", "remedy")
    assert alarms._said["a b"] == 0.0
    now[0] = REPEAT_SECONDS
    alarms.on("a", "b", "what", "remedy")
    assert alarms._said["a b"] == REPEAT_SECONDS
