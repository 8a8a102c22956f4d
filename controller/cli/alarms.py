"""`onrecord alarms`: what stands in the way of recording now, and what did, each with its remedy."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from controller.alarms import Standing, read
from controller.cli.ending import (
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
from controller.control import NotAllowed, NotRunning, ask

MOST_SHOWN = 50


def alarms(
    config: ConfigPath = DEFAULT_CONFIG,
    past: Annotated[bool, typer.Option("--all", help="Also those that are over, the newest 50.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is wrong now, with cause and remedy. Exit code 1 where there is anything."""
    found = configuration(config, secrets=False)
    try:
        written = read(found.journal.folder)
    except PermissionError:
        raise
    except OSError as error:
        raise Ending(f"{found.journal.folder} cannot be read: {error.strerror}") from error
    try:
        ask(found.control.socket, {"do": "status"})
        runs = True
    except NotAllowed as error:
        raise Ending(str(error), UNREACHABLE) from error
    except NotRunning:
        runs = False
    active = [each for each in written if each.until is None]
    shown = [*active, *([each for each in written if each.until is not None][-MOST_SHOWN:] if past else [])]
    if as_json:
        say_json([asdict(each) for each in shown])
    else:
        _print(shown, runs)
    if not runs:
        raise Ending("no controller runs, so nothing is recorded: start it with `onrecord run`", FOUND)
    if active:
        raise typer.Exit(FOUND)


def _print(shown: list[Standing], runs: bool) -> None:
    console = screen()
    if not shown:
        console.print("No alarm." if runs else "No alarm was left.")
        return
    table = Table("since", "until", "what", "what to do", "times")
    for each in shown:
        until = "" if each.until is None else _clock(each.until)
        table.add_row(_clock(each.since), until, escape(each.what), escape(each.remedy), str(each.count))
    console.print(table)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%d %b %H:%M:%S")
