"""`onrecord doctor`: what keeps calls from being recorded, or will, and how to mend it."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from controller.cli.ending import (
    BAD_USE,
    DEFAULT_CONFIG,
    FOUND,
    UNREACHABLE,
    AsJson,
    ConfigPath,
    Ending,
    configuration,
    say_json,
    screen,
)
from controller.config.load import Config
from controller.doctor import NAMES, Examination, Finding, Status

MARKS = {
    Status.OK: "[green]ok  [/]",
    Status.WARN: "[yellow]warn[/]",
    Status.FAIL: "[bold red]FAIL[/]",
    Status.SKIPPED: "[dim]skip[/]",
}


def doctor(
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help=f"Only these: {', '.join(NAMES)}.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Examine the PBXs, folders and policy; changes nothing. A tone is recorded on a channel of its own.

    Exit codes: 0 no check failed (warnings may have been given); 1 a check failed; 2 wrong use or configuration;
    3 a PBX cannot be reached.
    """
    loaded = configuration(config)
    strange = [name for name in only or () if name not in NAMES]
    if strange:
        raise Ending(f"there is no check {strange[0]!r}; there are {', '.join(NAMES)}", BAD_USE)
    findings = asyncio.run(_examine(loaded, only or (), quiet=as_json or not sys.stderr.isatty()))
    if as_json:
        say_json(findings)
    else:
        show(findings)
    if code := ending(findings):
        raise typer.Exit(code)


async def _examine(config: Config, only: Sequence[str], quiet: bool) -> list[Finding]:
    total = len(only) or len(NAMES)
    columns = (BarColumn(20), TextColumn("{task.description}"))
    with Progress(*columns, transient=True, disable=quiet, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total * max(len(config.pbxs), 1))
        return await Examination(
            config, only, lambda check, where: bar.update(task, advance=1, description=f"{where}: {check}")
        ).run()


def show(findings: Sequence[Finding]) -> None:
    """A line for each finding, the remedy under it; what is not well is counted at the end."""
    console = screen()
    where = ""
    for finding in findings:
        if finding.where != where:
            where = finding.where
            console.print(f"[bold]{escape(where)}[/]")
        console.print(_lines(finding), soft_wrap=not console.is_terminal)
    counted = Counter(finding.status for finding in findings)
    parts = [f"{counted[status]} {status.value}" for status in Status if counted[status]]
    console.print(", ".join(parts) or "nothing was looked at")


def _lines(finding: Finding) -> Table | str:
    """In columns for a reader; one line each for a file, so that it can be searched."""
    mark, what = MARKS[finding.status], escape(finding.what)
    remedy = f"[cyan]→ {escape(finding.remedy)}[/]" if finding.remedy and finding.status is not Status.OK else ""
    if not sys.stdout.isatty():
        return f"  {mark} {finding.check:14} {what}" + (f"\n{'':22}{remedy}" if remedy else "")
    table = Table.grid(padding=(0, 1))
    for width in (1, 4, 14):
        table.add_column(width=width)
    table.add_row("", mark, finding.check, what)
    if remedy:
        table.add_row("", "", "", remedy)
    return table


def ending(findings: Sequence[Finding]) -> int:
    """0 well; 1 something failed; 3 a PBX cannot be reached."""
    if any(finding.unreachable for finding in findings):
        return UNREACHABLE
    return FOUND if any(finding.status is Status.FAIL for finding in findings) else 0
