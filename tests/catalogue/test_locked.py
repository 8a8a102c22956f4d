"""A catalogue that another program has locked: a start does not wait for it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from controller.catalogue import search
from controller.catalogue.database import NoCatalogue, damaged, open_catalogue, set_aside, suspect


async def test_a_start_does_not_wait_for_whoever_has_it_locked(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    earlier = await open_catalogue(file)
    assert await search.known_calls(earlier, ["main/1.1"]) == set()  # it was used: whoever reads waits for nobody
    await earlier.close()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    catalogue = await open_catalogue(file)
    assert await search.known_calls(catalogue, ["main/1.1"]) == set()
    assert time.monotonic() - began < 2
    await catalogue.close()
    other.close()


async def test_one_that_is_to_be_changed_waits_and_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.catalogue.database.BUSY_SECONDS", 0.2)
    file = tmp_path / "catalogue.sqlite"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(NoCatalogue, match="locked"):
        await open_catalogue(file)
    other.close()


async def test_damage_is_known_from_a_lock_and_from_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    assert not damaged(file)
    file.touch()
    assert not damaged(file)
    await (await open_catalogue(file)).close()
    assert not damaged(file)
    whole = file.read_bytes()
    file.write_bytes(b"\0" * 100 + whole[100:])
    assert damaged(file)


async def test_damage_behind_the_first_page_is_found_where_it_was_suspected(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    await (await open_catalogue(file)).close()
    whole = bytearray(file.read_bytes())
    whole[8192 : len(whole) - 4096] = b"\xaa" * (len(whole) - 4096 - 8192)
    file.write_bytes(whole)
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    suspect(file)
    assert damaged(file)
    aside = set_aside(file)
    assert aside.exists()
    assert not file.exists()
    assert not damaged(file)  # and the suspicion has gone with it
    await (await open_catalogue(file)).close()
