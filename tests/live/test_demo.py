"""The demo, as a newcomer runs it: it must end well, and would not if a recording were missing or one too many."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from controller.catalogue.database import read_catalogue
from controller.catalogue.search import list_calls
from controller.cli.ending import FOUND
from controller.demo.result import judge

DRY = ["--from", "0301234567", "--to", "0205550100", "--agent", "100", "--trunk", "carrier1"]


async def test_the_demo_shows_the_product_doing_its_job(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from controller.cli import main; main()"]
    process = await asyncio.create_subprocess_exec(
        *program,
        *("demo", "--keep", str(tmp_path), "--picture", str(tmp_path / "demo.svg")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 150)
    said = output.decode()
    assert process.returncode == 0, said
    assert "good morning how can i help you" in said
    assert "credit card" not in said  # the pause was pressed before it was said
    assert "116123" not in said
    assert "paused from" in said
    _drawn(tmp_path / "demo.svg")
    config = str(tmp_path / "onrecord.toml")
    for arguments, code, words in (
        (["list", "--config", config], 0, "sales queue"),
        (
            [
                "why",
                "-c",
                config,
                "--from",
                "0301234567",
                "--to",
                "0205550100",
                "--agent",
                "100",
                "--trunk",
                "carrier1",
            ],
            0,
            "Alice",
        ),
        (["replay", "-c", config, "--policy", config], 0, "0 would be treated differently"),
        (["call", "list", "-c", config], 3, "onrecord run"),
        (["show", "no-such-call", "-c", config], FOUND, "no-such-call"),
        (["list", "-c", str(tmp_path / "missing.toml")], 2, "missing.toml"),
    ):
        process = await asyncio.create_subprocess_exec(
            *program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert (process.returncode, words in output.decode()) == (code, True), output.decode()
    await _judged(tmp_path)


def _drawn(picture: Path) -> None:
    """A picture of all that was printed, which asks nobody on the web for anything."""
    root = ElementTree.parse(picture).getroot()  # noqa: S314 we wrote it ourselves
    words = " ".join("".join(root.itertext()).replace("\xa0", " ").split())
    assert "good morning how can i help you" in words
    assert "url(http" not in picture.read_text()


async def _judged(folder: Path) -> None:
    """The demo's own judgement is no rubber stamp."""
    catalogue = await read_catalogue(folder / "catalogue.sqlite")
    entries = await list_calls(catalogue)
    await catalogue.close()
    assert judge(entries) == []
    assert judge(tuple(entry for entry in entries if entry.queue != "sales"))
    assert judge(tuple(replace(entry, rule="something else") if entry.recorded else entry for entry in entries))
