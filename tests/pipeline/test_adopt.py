"""Files that bear a recording's name and were never confirmed become a part of it."""

from __future__ import annotations

from pathlib import Path

from controller.pipeline.adopt import with_strays
from tests.pipeline.recordings import conversation, leave, tone


def test_a_file_of_the_same_recording_is_taken_in_with_a_mark(tmp_path: Path) -> None:
    known = leave(tmp_path, "main-1-1", 1, tone(440, 1), tone(880, 1))
    leave(tmp_path, "main-1-1", 3, tone(440, 2), tone(880, 2))
    leave(tmp_path, "main-1-12", 1, tone(440, 1), tone(880, 1))
    found = with_strays(conversation(known))
    assert [segment.number for segment in found.segments] == [1, 3]
    assert found.segments[1].anchor_is is known.anchor_is
    assert {Path(found.segments[1].mixed).name, Path(found.segments[1].anchor).name} == {
        "main-1-1.3.wav",
        "main-1-1.3-r.wav",
    }
    assert [mark.kind for mark in found.marks] == ["adopted"]
    assert found.segments[1].ended_at - found.segments[1].started_at == 2


def test_nothing_changes_where_every_file_is_known(tmp_path: Path) -> None:
    finished = conversation(leave(tmp_path, "main-1-1", 1, tone(440, 1), tone(880, 1)))
    assert with_strays(finished) is finished
    assert with_strays(conversation(recording=None)).segments == ()
