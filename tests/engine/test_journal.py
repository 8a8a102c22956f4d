"""What is written is what is read: every event and command, and journals that a crash cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.commands import Alarm, CallId, Command, LegId
from controller.core.decision import Decision
from controller.core.events import UNWRITTEN, DigitPressed, Event, LegAppeared
from controller.journal import Entry, Journal, Place, from_line, outline, read, to_line
from controller.lock import Lock
from tests.playbook import Scene


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(st.from_type(kind))
    entry = Entry(1.5, CallId("main/1"), event)
    if "nan" not in repr(event):
        unwritten = {each.name: each.default for each in fields(kind) if each.metadata.get(UNWRITTEN)}
        assert from_line(to_line(entry)) == replace(entry, event=replace(event, **unwritten))


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_a_digit_that_somebody_typed_is_never_written(digit: str) -> None:
    event, none = (DigitPressed(CallId("main/x"), 2.5, LegId("main/x"), each) for each in (digit, ""))
    assert to_line(Entry(1.5, CallId("main/x"), event)) == to_line(Entry(1.5, CallId("main/x"), none))
    assert repr(event) == repr(none)


@pytest.mark.parametrize("kind", get_args(Command), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_command_comes_back_as_it_was(kind: type[Command], data: st.DataObject) -> None:
    command = data.draw(st.from_type(kind))
    entry = Entry(1.5, CallId("main/1"), Scene().rings("a"), (command,))
    if "nan" not in repr(command):
        assert from_line(to_line(entry)) == entry


@given(st.from_type(Decision))
def test_every_decision_comes_back_as_it_was(decision: Decision) -> None:
    entry = Entry(1.5, CallId("main/1"), Scene().rings("a"), (), decision)
    if "nan" not in repr(decision):
        assert from_line(to_line(entry)) == entry


def test_a_line_that_a_crash_cut_off_is_skipped_and_named(tmp_path: Path) -> None:
    journal, scene = Journal(tmp_path), Scene()
    for _ in range(3):
        journal.append(Entry(scene.now, scene.call, scene.rings("a")), remember=True)
    journal.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    odd: list[str] = []
    assert len(list(read(tmp_path, odd=odd))) == 2
    assert len(odd) == 1


@pytest.mark.parametrize(
    ("spoilt", "damaged"),
    [
        (lambda whole: whole, 0),
        (lambda whole: whole[:0], 0),
        (lambda whole: whole + b"\n\n", 0),
        (lambda whole: whole[:-20], 1),
        (lambda whole: whole[:-20] + b"\n" + whole, 1),  # as the next life ends a torn line
        (lambda whole: whole + bytes(500), 1),
        (lambda whole: b"\xff\x00garbage\n" + whole + b"{}\n[]\n", 3),
    ],
)
def test_lines_that_tell_of_nothing_are_counted(
    tmp_path: Path, spoilt: Callable[[bytes], bytes], damaged: int
) -> None:
    scene = Scene()
    lines = [to_line(Entry(1.5, scene.call, scene.rings(leg))) for leg in "ab"]
    (tmp_path / "1970-01-01.jsonl").write_bytes(spoilt(b"".join(lines)))
    assert outline(tmp_path, Place("1970-01-01", 0)).damaged == damaged


def test_what_is_held_back_is_written_with_the_first_thing_to_remember(tmp_path: Path) -> None:
    journal, scene = Journal(tmp_path), Scene()
    event = scene.appears("a", "100")
    assert isinstance(event, LegAppeared)
    journal.append(Entry(scene.now, scene.call, event), remember=False)
    assert list(read(tmp_path)) == []
    journal.append(Entry(scene.now, scene.call, scene.rings("a"), (Alarm(scene.call, "x"),)), remember=True)
    assert len(list(read(tmp_path))) == 2


def test_a_forgotten_call_leaves_nothing(tmp_path: Path) -> None:
    journal, scene = Journal(tmp_path), Scene()
    journal.append(Entry(scene.now, scene.call, scene.appears("a", "100")), remember=False)
    journal.forget(scene.call)
    journal.close()
    assert list(read(tmp_path)) == []


def test_who_called_whom_is_for_the_owner_and_his_group_only(tmp_path: Path) -> None:
    Lock(tmp_path / "state" / "journal").release()
    Journal(tmp_path / "other" / "journal").close()
    for folder in ("state", "state/journal", "other/journal"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o750
