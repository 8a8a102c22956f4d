"""`onrecord receipts`: what was captured, kept by nobody, and destroyed with its key."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from controller.catalogue.receipts import list_receipts
from controller.cli.ending import DEFAULT_CONFIG, AsJson, ConfigPath, configuration, say_json, screen
from controller.cli.records import reading, time_of


def receipts(
    since: Annotated[str, typer.Option(help="Destroyed from then on: a time, or 90m, 24h, 7d ago.")] = "7d",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """What nobody asked to keep (mode on-demand-keep), and when its key was destroyed; the newest first."""
    start = time_of(since)
    found = reading(configuration(config, secrets=False), lambda catalogue: list_receipts(catalogue, start, limit))
    if as_json:
        say_json([asdict(each) for each in found])
        return
    table = Table("destroyed", "recording", "captured", "key", "why", "how")
    for each in found:
        captured = f"{each.began_at.astimezone():%m-%d %H:%M:%S} to {each.ended_at.astimezone():%H:%M:%S}"
        when = each.destroyed_at.astimezone().strftime("%m-%d %H:%M:%S")
        key = each.key or "[dim]none[/]"
        table.add_row(when, escape(each.recording), captured, key, escape(each.why), escape(each.how))
    screen().print(table if found else "No receipts.")
