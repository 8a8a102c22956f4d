"""The demo: a private office with real phones and trunks, the controller beside it, and what came of it."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.terminal_theme import SVG_EXPORT_THEME

from controller.demo.office import TROUBLE, play
from controller.demo.result import judge, show
from controller.lab import LabNotSetUp

PAGE, PICTURE = 150, 120
"""How many columns wide: what goes to a file or another program, and a picture of the terminal."""


def main(keep: Path | None = None, picture: Path | None = None) -> int:
    """Play the office and show the result. 0: recorded was what should be, and nothing else.

    `picture`: an SVG of all that was printed.
    """
    width = PICTURE if picture else None if sys.stdout.isatty() else PAGE
    console = Console(highlight=False, width=width, record=picture is not None)
    code = _main(console, keep)
    if picture is not None:
        drawn = console.export_svg(title="make demo", theme=SVG_EXPORT_THEME)
        # Without rich's fonts from the web: whoever looks at the picture asks nobody else for anything.
        picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))
    return code


def _main(console: Console, keep: Path | None) -> int:
    folder = keep or Path(tempfile.mkdtemp(prefix="onrecord-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(play(folder, lambda text: console.print(f"  {text}")))
    except (LabNotSetUp, *TROUBLE) as error:
        console.print(
            "[red]The demo could not be played:[/]", escape(str(error) or type(error).__name__), soft_wrap=True
        )
        return 1
    entries = show(console, folder)
    wrong = judge(entries)
    for each in wrong:
        console.print(f"[red]wrong:[/] {each}")
    console.print(f"\nEverything is in [bold]{folder}[/]. Try:")
    asked = "why --from 0301234567 --to 0205550123 --agent 101 --trunk carrier1"
    for line in (
        f"export ONRECORD_CONFIG={shlex.quote(str(folder / 'onrecord.toml'))}",
        *(f"{_program()} {command}" for command in ("list", asked)),
    ):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    return 1 if wrong else 0


def _program() -> str:
    """How the person who looks at this can call us: by name only where the shell would find it."""
    found, here = shutil.which("onrecord"), Path(sys.argv[0])
    if here.name != "onrecord" or (found is not None and Path(found).samefile(here)):
        return "onrecord"
    return str(here)
