"""What looks after captures while their calls go on: keys of what is asked for, and trouble with the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.alarms import Alarms
from controller.config.load import parse
from controller.pipeline.provisional import Provisional
from controller.pipeline.sealing import Sealing
from hardware.keys import Key
from tests.pipeline.recordings import leave, tone
from tests.playbook import Playbook, Scene

RULES = '[[trunk]]\nname = "carrier1"\n[[rule]]\nname = "hundred"\nextension = "100"\nmode = "on-demand-keep"\n'


class Talk:
    """A call that is captured, and the files that its recorder writes."""

    def __init__(self, base: Path, memory: Path) -> None:
        self.alarms = Alarms()
        self.mine = Provisional(frozenset({memory}), base)
        self.sealing = Sealing(self.mine, self.alarms, lambda _start: memory)
        self.scene = Scene()
        self.play = Playbook(parse(RULES, Path("onrecord.toml")).policy, confirming=True)
        for event in (
            self.scene.appears("w", "carrier1", "0201234567"),
            self.scene.appears("a", "100", originating=False),
            self.scene.joins("w"),
            self.scene.joins("a"),
        ):
            self.hear(event)
        recording = self.play.session.recording
        assert recording is not None
        assert recording.provisional
        self.name = recording.id
        leave(memory, self.name, 1, tone(400, 12), tone(600, 12))

    def hear(self, event: object) -> None:
        self.play._hear(event)  # type: ignore[arg-type]
        self.sealing.heard(self.play.session, event)  # type: ignore[arg-type]

    @property
    def told(self) -> list[str]:
        return [each.key.partition(" ")[0] for each in self.alarms.active()]


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir="/dev/shm") as memory:
        yield Talk(tmp_path, Path(memory))


async def test_the_key_comes_to_the_disk_when_somebody_asks_and_not_before(talk: Talk) -> None:
    await talk.sealing.look()
    assert talk.mine.moved == 3 * 64 * 1024
    assert not talk.mine.keys.is_kept(talk.name)
    talk.hear(talk.scene.presses("a", Key.RECORD))
    await talk.sealing.look()
    assert talk.mine.keys.is_kept(talk.name)


async def test_who_asks_at_the_very_end_leaves_no_key_behind_the_call(talk: Talk) -> None:
    talk.hear(talk.scene.presses("a", Key.RECORD))
    for leg in ("a", "w"):
        talk.hear(talk.scene.ends(leg))
    assert talk.play.session.handed_over
    talk.mine.forget(talk.name)
    await talk.sealing.look()
    assert not [path for path in talk.mine.sealed.iterdir() if path.is_file()]


async def test_a_disk_that_takes_nothing_is_told_once_and_as_over(talk: Talk) -> None:
    talk.mine.sealed.rmdir()
    talk.mine.sealed.write_text("in the way")
    talk.hear(talk.scene.presses("a", Key.RECORD))
    await talk.sealing.look()
    await talk.sealing.look()
    assert talk.told == ["sealing"]
    talk.mine.sealed.unlink()
    talk.mine.sealed.mkdir()
    await talk.sealing.look()
    assert talk.told == []
    assert talk.mine.keys.is_kept(talk.name), "what was asked for meanwhile is not forgotten"
