"""`onrecord receipts` as a process: what nobody kept, with its key's fingerprint and when it was destroyed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.catalogue.database import open_catalogue
from controller.lab.home import HOME
from controller.pipeline.line import Line
from controller.pipeline.provisional import Provisional
from controller.spool import Spool
from tests.cli.children import onrecord
from tests.pipeline.recordings import conversation, leave, tone


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Path]:
    """A call that nobody kept, and one that somebody did."""
    (tmp_path / "onrecord.toml").write_text(HOME)
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir="/dev/shm") as shared:
        asyncio.run(_two_calls(tmp_path, Path(shared)))
        yield tmp_path


async def _two_calls(folder: Path, memory: Path) -> None:
    catalogue = await open_catalogue(folder / "catalogue.sqlite")
    mine = Provisional(frozenset({memory}), folder / "spool")
    line = Line(Spool(folder / "spool"), catalogue, folder / "store", provisional=mine)
    for name, discard in (("main-1-1", "nobody asked to keep it"), ("main-1-2", "")):
        segment = leave(memory, name, 1, tone(400, 1), tone(600, 1))
        mine.follow()
        line.finish(conversation(segment, recording=name, call=name.replace("-", "/", 1), discard=discard))
    await line.idle()
    line._children.close()
    await catalogue.close()


def test_receipts_name_what_was_destroyed_and_nothing_else(office: Path) -> None:
    config = ("--config", office / "onrecord.toml")
    told = onrecord("receipts", "--json", *config)
    (receipt,) = told.json
    assert (told.code, receipt["recording"], receipt["why"]) == (0, "main-1-1", "nobody asked to keep it")
    assert len(receipt["key"]) == 16
    assert "its key was destroyed" in receipt["how"]
    assert receipt["began_at"] < receipt["ended_at"] < receipt["destroyed_at"]
    said = (onrecord("receipts", *config)).out
    assert "main-1-1" in said
    assert "main-1-2" not in said
    shown = (onrecord("show", "main-1-1", *config)).out
    assert f"shredded {receipt['key']}" in shown
    assert (onrecord("receipts", "--since", "2100-01-01", *config)).out.strip() == "No receipts."


def test_without_a_folder_in_memory_the_controller_says_so_in_one_sentence(tmp_path: Path) -> None:
    rule = '[[rule]]\nname = "it"\nextension = "100"\nmode = "on-demand-keep"\n'
    pbx = f'[[pbx]]\nname = "main"\nami = {{ secret = "x" }}\nprovisional_dir = "{tmp_path}"\n'
    (tmp_path / "onrecord.toml").write_text(rule + pbx + HOME)
    ended = onrecord("run", "--config", tmp_path / "onrecord.toml")
    assert (ended.code, ended.out) == (2, "")
    assert "pbx main, provisional_dir: a rule is on-demand-keep" in ended.err
    assert "mount -t tmpfs" in ended.err
    assert "Traceback" not in ended.err
