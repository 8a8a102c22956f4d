"""`onrecord why`, `explain` and `replay`: why a call is, was or would be recorded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from controller import telling
from controller.cli import regional
from controller.cli.ending import (
    BAD_USE,
    DEFAULT_CONFIG,
    FOUND,
    AsJson,
    ConfigPath,
    Ending,
    configuration,
    progress,
    say_json,
    screen,
)
from controller.core.decision import Decision
from controller.journal import Entry, read


def why(
    caller: Annotated[str, typer.Option("--from", help="Who calls: an extension, or an outside number.")],
    to: Annotated[str, typer.Option("--to", help="What is dialled: an extension, a DDI, an outside number.")],
    trunk: Annotated[str, typer.Option(help="The trunk that it comes in by or goes out by.")] = "",
    agent: Annotated[str, typer.Option(help="The extension that answers; left out: the one dialled.")] = "",
    queue: Annotated[str, typer.Option(help="The queue that the caller waits in.")] = "",
    group: Annotated[str, typer.Option(help="The ring group that was called.")] = "",
    conference: Annotated[str, typer.Option(help="The conference that both are in.")] = "",
    attribute: Annotated[list[str] | None, typer.Option(help="What the dialplan says: name=value.")] = None,
    at: Annotated[str, typer.Option(help="When: 2026-11-21T09:00; left out: now.")] = "",
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """A dry run: would such a call be recorded, and why? Nothing is called."""
    loaded = configuration(config, secrets=False)
    try:
        moment = datetime.fromisoformat(at).astimezone().timestamp() if at else time.time()
        attributes = dict(each.split("=", 1) for each in attribute or [])
    except ValueError as error:
        raise Ending(f"{error}: --at takes 2026-11-21T09:00, --attribute takes name=value", BAD_USE) from error
    told = telling.Situation(caller, to, trunk, agent, queue, group, conference, attributes, moment)
    decision = telling.decide(told, loaded.policy)
    known = [each.name for each in loaded.policy.roster.trunks]
    if trunk and trunk not in known:
        listed = f"it has {', '.join(known)}" if known else "it has none"
        beware = f"beware: the policy has no [[trunk]] {trunk!r} ({listed}), so it is taken for an extension"
        print(f"onrecord: {beware}", file=sys.stderr)
    wanted = regional.asked(told, decision, loaded.policy)
    if as_json:
        say_json({**{each.name: getattr(decision, each.name) for each in fields(decision)}, "regions": wanted})
        return
    _print(decision)
    if wanted is not None:
        screen().print()
        for line in regional.lines(told, decision, loaded.policy, wanted):
            screen().print(f"  {escape(line)}")


def explain(
    call: Annotated[str, typer.Argument(help="A call's or recording's id, or a part that fits only one.")],
    since: Annotated[float, typer.Option(help="Look so many days back.")] = 30,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """The story of one call: what happened, what was decided and by which rule, and what was asked of the PBX."""
    folder = configuration(config, secrets=False).journal.folder
    with progress("reading the journal", as_json) as tell:
        found = telling.find(_watched(read(folder, time.time() - since * 86_400), since * 86_400, tell), call)
    if not found:
        raise Ending(f"the journal in {folder} has no call {call!r} in the last {since:g} days", FOUND)
    if len(found) > 1:
        raise Ending(f"{call!r} fits {len(found)} calls: {', '.join(sorted(found)[:5])}; give the whole id", BAD_USE)
    ((_, entries),) = found.items()
    if as_json:
        say_json(entries)
        return
    console = screen()
    for entry in entries:
        moment = datetime.fromtimestamp(entry.at).astimezone()
        console.print(f"[dim]{moment:%H:%M:%S.%f}[/] {escape(telling.sentence(entry.event))}")
        if entry.decision is not None:
            console.print(f"                [bold]{escape(entry.decision.reason)}[/]")
        for command in entry.commands:
            console.print(f"                → {escape(telling.sentence(command))}")
    decision = telling.weightiest(entries)
    if decision is not None:
        console.print()
        _print(decision)


def replay(
    policy: Annotated[Path, typer.Option(help="The draft to try.")],
    days: Annotated[float, typer.Option(help="How many days back.")] = 1,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Which calls of the journal would be treated differently under another policy. Exit code 1 if any would."""
    if not policy.exists():
        raise Ending(f"--policy {policy}: there is no such file", BAD_USE)
    loaded, draft = configuration(config, secrets=False), configuration(policy, secrets=False)
    odd: list[str] = []
    entries = read(loaded.journal.folder, time.time() - days * 86_400, odd)
    console = screen()
    with progress("replaying the journal", as_json) as tell:
        outcomes = telling.replay(_watched(entries, days * 86_400, tell), loaded.policy, draft.policy)
    changed = [each for each in outcomes if each.differs]
    if as_json:
        say_json({"calls": len(outcomes), "unreadable_lines": odd, "different": changed})
    else:
        table = Table("call", "now", "with the draft", "why")
        for each in changed:
            table.add_row(escape(each.call), each.before.mode.value, each.after.mode.value, escape(each.after.reason))
        if changed:
            console.print(table)
        console.print(f"{len(outcomes)} calls replayed, {len(changed)} would be treated differently")
        if odd:
            console.print(f"{len(odd)} lines of the journal could not be read, the first: {escape(odd[0])}")
    if changed:
        raise typer.Exit(FOUND)


def _watched(entries: Iterable[Entry], span: float, tell: Callable[[float, float], None]) -> Iterator[Entry]:
    """The same entries of the last `span` seconds; how far they reach is the progress."""
    began = time.time() - span
    for number, entry in enumerate(entries):
        if number % 200 == 0:
            tell(min(span, max(0.0, entry.at - began)), span)
        yield entry


def _print(decision: Decision) -> None:
    console = screen()
    console.print(f"[bold]{escape(decision.reason)}[/]")
    if decision.hidden:
        console.print("such a call is never recorded and never listed")
    table = Table("rule", "about", "outcome", "because")
    for each in decision.considered:
        table.add_row(escape(each.rule), escape(str(each.subject or "")), each.outcome, escape(each.because))
    if decision.considered:
        console.print(table)
    for name, value in decision.facts:
        console.print(f"  {escape(name)}: {escape(value)}")
