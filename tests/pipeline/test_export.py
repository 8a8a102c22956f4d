"""Copies for somebody, and the room that is left."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.catalogue.entries import RecordingEntry, Status
from controller.pipeline import story
from controller.pipeline.export import NotExported, export
from controller.pipeline.space import Space, space
from controller.pipeline.verify import sha256
from tests.pipeline.recordings import tone, wav

NOW = datetime(2026, 2, 2, tzinfo=UTC)
ENTRY = RecordingEntry("main-1-1", Status.KEPT, "", NOW, NOW, NOW, 1.0, 8000, 2, 0, "", "2026/02/02/main-1-1")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / ENTRY.folder
    folder.mkdir(parents=True)
    (folder / "recording.wav").write_bytes(wav(tone(400, 1)))
    (folder / "recording.json").write_text('{"onrecord": 1}')
    (folder / "picture.png").write_bytes(b"picture")
    return tmp_path / "store"


def entry(store: Path) -> RecordingEntry:
    return replace(ENTRY, sha256=sha256(store / ENTRY.folder / "recording.wav"))


def test_all_three_files_are_copied(store: Path, tmp_path: Path) -> None:
    made = export(entry(store), store, tmp_path / "new" / "folder")
    assert made.audio.read_bytes() == wav(tone(400, 1))
    assert json.loads(made.story.read_text()) == {"onrecord": 1}
    assert made.picture is not None
    assert made.picture.read_bytes() == b"picture"
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "main-1-1.json",
        "main-1-1.png",
        "main-1-1.wav",
    ]


def test_a_changed_recording_is_not_handed_out(store: Path, tmp_path: Path) -> None:
    with pytest.raises(NotExported, match="not what was stored"):
        export(replace(ENTRY, sha256="0" * 64), store, tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


def test_nothing_is_overwritten(store: Path, tmp_path: Path) -> None:
    (tmp_path / "main-1-1.wav").write_text("mine")
    with pytest.raises(NotExported, match="already"):
        export(entry(store), store, tmp_path)
    assert (tmp_path / "main-1-1.wav").read_text() == "mine"


@pytest.mark.parametrize("status", [Status.WORKING, Status.DROPPED, Status.EMPTY, Status.FAILED])
def test_what_is_not_kept_cannot_be_exported(store: Path, tmp_path: Path, status: Status) -> None:
    with pytest.raises(NotExported, match=status.value):
        export(replace(entry(store), status=status), store, tmp_path / "to")


def test_audio_that_is_gone_is_told(store: Path, tmp_path: Path) -> None:
    wanted = entry(store)
    (store / ENTRY.folder / "recording.wav").unlink()
    with pytest.raises(NotExported, match="onrecord check"):
        export(wanted, store, tmp_path / "to")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"onrecord": 2}', '{"onrecord": 1, "finished": 1}'])
def test_a_story_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recording.json").write_text(text)
    with pytest.raises((ValueError, KeyError, TypeError)):
        story.read(tmp_path)


def test_the_room_of_a_folder_that_is_not_there_yet_is_that_of_its_disk(tmp_path: Path) -> None:
    found = space(tmp_path / "not" / "yet")
    assert found.disk == space(tmp_path).disk
    assert 0 < found.free <= found.total


def test_room_for_less_than_a_day_is_low() -> None:
    day = Space(Path("/"), 1, 10**10, 32_000 * 3600 * 24, -1)
    assert day.hours() == 24.0
    assert not day.low
    assert replace(day, free=day.free - 1).low
    assert replace(day, names=5).low
    assert replace(day, total=10**12).low
