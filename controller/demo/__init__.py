"""The demo: a private office with real phones and trunks, the controller beside it, and what came of it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from controller.demo.office import Broken, play
from controller.demo.result import judge, show


def main(keep: Path | None = None) -> int:
    """Play the office and show the result. 0: recorded was what should be, and nothing else."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    folder = keep or Path(tempfile.mkdtemp(prefix="onrecord-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(play(folder, lambda text: console.print(f"  {text}")))
    except Broken as error:
        console.print(f"[red]The demo could not be played:[/] {error}")
        return 1
    entries = show(console, folder)
    wrong = judge(entries)
    for each in wrong:
        console.print(f"[red]wrong:[/] {each}")
    config = folder / "onrecord.toml"
    console.print(f"\nEverything is in [bold]{folder}[/]. Try: onrecord list -c {config}")
    console.print(f"     onrecord why -c {config} --from 0301234567 --to 0205550123 --agent 101 --trunk carrier1")
    return 1 if wrong else 0
