"""`onrecord list`, `show`, `export` and `check`: what is in the catalogue and the store."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from controller.catalogue import search
from controller.catalogue.database import Catalogue, NoCatalogue, open_catalogue, read_catalogue
from controller.catalogue.entries import CallEntry, CallStory, RecordingEntry, Status
from controller.cli.ending import (
    BAD_USE,
    DEFAULT_CONFIG,
    FOUND,
    UNREACHABLE,
    AsJson,
    ConfigPath,
    Ending,
    configuration,
    progress,
    say_json,
    screen,
)
from controller.cli.rights import as_owner
from controller.cli.talks import consents_of, lines_of
from controller.config.load import Config
from controller.control import NotRunning, ask
from controller.core.finished import Part
from controller.pipeline import check as checking
from controller.pipeline.export import NotExported
from controller.pipeline.export import export as copy
from controller.pipeline.provisional import Provisional
from controller.spool import Spool

T = TypeVar("T")


def reading(config: Config, work: Callable[[Catalogue], Awaitable[T]], repair: bool = False) -> T:
    """Open for reading, which disturbs nobody; to repair is to write, beside the controller if it runs."""

    async def opened() -> T:
        catalogue = await (open_catalogue if repair else read_catalogue)(config.catalogue.file)
        try:
            return await work(catalogue)
        finally:
            await catalogue.close()

    try:
        return asyncio.run(opened())
    except (NoCatalogue, OSError) as error:
        raise Ending(str(error), UNREACHABLE) from error


def time_of(text: str) -> datetime | None:
    """An ISO 8601 time, or so long ago: 90m, 24h, 7d."""
    if not text:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[-1] in units and text[:-1].isdigit():
        return datetime.now().astimezone() - timedelta(**{units[text[-1]]: int(text[:-1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise Ending(
            f"{text!r} is no time: write 2026-11-21T09:00, or 90m, 24h, 7d for so long ago", BAD_USE
        ) from error


def list_(
    since: Annotated[str, typer.Option(help="From then on: a time, or 90m, 24h, 7d ago.")] = "7d",
    until: Annotated[str, typer.Option(help="Until then.")] = "",
    number: Annotated[str, typer.Option(help="With this number on either side.")] = "",
    extension: Annotated[str, typer.Option(help="With this extension on it.")] = "",
    subject: Annotated[str, typer.Option(help="Of this queue, trunk, conference …")] = "",
    recorded: Annotated[bool | None, typer.Option("--recorded/--not-recorded", help="Only these.")] = None,
    text: Annotated[str, typer.Option(help="Anything that is written of it.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """The calls of the last seven days: what was recorded, what was not, and why."""
    query = search.Query(time_of(since), time_of(until), number, extension, subject, recorded, text, limit)
    found = reading(configuration(config, secrets=False), lambda catalogue: search.list_calls(catalogue, query))
    if as_json:
        say_json([{**asdict(entry), "recorded": entry.recorded, "why": entry.why} for entry in found])
    elif not found:
        print("no such call in that time; --since looks further back")
    else:
        screen().print(table_of(found))
    if len(found) == limit:
        print(f"onrecord: only the newest {limit}: --limit shows more", file=sys.stderr)


def table_of(entries: tuple[CallEntry, ...]) -> Table:
    """The calls as a table; what comes from outside is text, never markup."""
    table = Table("when", "from", "to", "recorded", "length", "why", "id")
    for entry in entries:
        parties = [one for one in entry.parties if one.joined_at is not None] or list(entry.parties)
        first = parties[0].number or parties[0].endpoint if parties else ""
        kept = [one for one in entry.recordings if one.status.value in ("kept", "working")]
        done = [one.length for one in kept if one.status is not Status.WORKING]
        length = f"{sum(done):.1f} s" if done else "not yet" if kept else ""
        identity = kept[0].id if kept else entry.call
        mark = "[green]yes[/]" if entry.recorded else "[dim]no[/]"
        when = entry.began_at.astimezone().strftime("%m-%d %H:%M:%S")
        table.add_row(when, escape(first), escape(entry.dialled), mark, length, escape(entry.why), escape(identity))
    return table


def show(
    identity: Annotated[str, typer.Argument(help="A call's or a recording's id.")],
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """All that is known of a call or a recording."""
    stories = reading(configuration(config, secrets=False), lambda catalogue: search.show(catalogue, identity))
    if not stories:
        raise Ending(f"nothing in the catalogue is called {identity!r}; `onrecord list` shows what there is", FOUND)
    if as_json:
        say_json(stories)
        return
    for story in stories:
        _show(story, configuration(config, secrets=False).store.folder)


def _show(story: CallStory, store: Path) -> None:
    console, call = screen(), story.call
    console.print(f"[bold]{escape(call.call)}[/] {call.began_at.astimezone():%Y-%m-%d %H:%M:%S} {call.direction}")
    console.print(f"  {escape(call.why)}")
    for party in call.parties:
        console.print(f"  {party.party:9} {escape(party.subject or party.endpoint)} {escape(party.number)}")
    for recording in story.recordings:
        entry = recording.recording
        part = "" if entry.part == Part.CONVERSATION.value else f" [yellow]{entry.part}, for few ears[/]"
        console.print(f"  [bold]{entry.id}[/] {entry.status.value} {entry.length:.2f} s{part} {escape(entry.why)}")
        if entry.folder:
            console.print(f"    {escape(str(store / entry.folder))}  sha256 {entry.sha256}")
        for level in entry.levels:
            console.print(
                f"    {level.side}: {level.rms:.0f} dB, silent {level.silent:.0%}, clipped {level.clipped:.1%}"
            )
        for flag in entry.flags:
            console.print(f"    [yellow]{escape(flag)}[/]")
        if entry.regions:
            console.print(f"    regions {', '.join(entry.regions)}: {_keeping(entry)}")
        for piece in recording.segments:
            at = f"{piece.offset:7.2f} s" if piece.offset is not None else "         "
            console.print(f"    {at} segment {piece.number}: {escape(piece.label or '?')} {escape(piece.note)}")
        for mark in recording.marks:
            at = f"{mark.offset:7.2f} s" if mark.offset is not None else "         "
            console.print(f"    {at} {mark.kind} {escape(mark.by)} {escape(mark.note)}")
    for line in consents_of(story):
        console.print(f"  consent: {escape(line)}")
    lines = lines_of(story)
    if lines:
        console.print("  who talked when (seconds since the recording began)")
        for line in lines:
            console.print(f"    {escape(line)}")


def _keeping(entry: RecordingEntry) -> str:
    """What the regions of its parties ask for about keeping it."""
    most = entry.retention_days
    days = f"kept {most} days at most" if most else "no limit of days that we could cite"
    return f"{days}, within {' and '.join(entry.residency)}" if entry.residency else days


def export(
    identities: Annotated[list[str] | None, typer.Argument(help="Ids of recordings or calls.")] = None,
    to: Annotated[Path, typer.Option("--to", help="The folder for WAV, picture and JSON.")] = Path(),
    since: Annotated[str, typer.Option(help="All from then on: a time, or 90m, 24h, 7d ago.")] = "",
    until: Annotated[str, typer.Option(help="All until then.")] = "",
    number: Annotated[str, typer.Option(help="All with this number on either side.")] = "",
    extension: Annotated[str, typer.Option(help="All with this extension.")] = "",
    subject: Annotated[str, typer.Option(help="All of this queue, trunk, conference …")] = "",
    consultations: Annotated[
        bool,
        typer.Option("--consultations", help="Consultations too: what people of the house said among themselves."),
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Copy recordings with their picture and story; each copy is checked against the stored hash.

    One that cannot be copied does not keep the others back; exit code 1 then.
    """
    if bool(identities) is any((since, until, number, extension, subject)):
        raise Ending("name recordings, or say which by --since, --until, --number, --extension, --subject", BAD_USE)
    loaded = configuration(config, secrets=False)
    query = search.Query(time_of(since), time_of(until), number, extension, subject, recorded=True)
    chosen = reading(loaded, lambda catalogue: _chosen(catalogue, identities or [], query))
    if not consultations:
        # One that is asked for by its own name is refused with a reason; one of a call's is no mistake.
        kept = [one for one in chosen if one.part == Part.CONVERSATION.value or one.id in (identities or [])]
        if len(kept) < len(chosen):
            print(f"{len(chosen) - len(kept)} left out: add --consultations to export those too", file=sys.stderr)
        chosen = kept
    made, failed = [], []
    with progress("exporting", as_json) as tell:
        for done, entry in enumerate(chosen):
            tell(done, len(chosen))
            try:
                made.append(copy(entry, loaded.store.folder, to, consultations))
            except (NotExported, OSError) as error:
                failed.append(str(error))
    if as_json:
        say_json(made)
    else:
        for each in made:
            print(each.audio)
    if failed:
        more = f"{len(failed)} of {len(chosen)} could not be exported:\n" if len(chosen) > 1 else ""
        raise Ending(more + "\n".join(failed), FOUND)


async def _chosen(catalogue: Catalogue, identities: list[str], query: search.Query) -> list[RecordingEntry]:
    """The recordings of these names, or of the calls that match, each once. Raises Ending for a name of nothing."""
    found: dict[str, RecordingEntry] = {}
    for identity in identities:
        stories = await search.show(catalogue, identity)
        entries = [one.recording for story in stories for one in story.recordings]
        entries = [entry for entry in entries if entry.id == identity] or entries
        if not entries:
            raise Ending(f"no recording is called {identity!r}, and no call of that id has one", FOUND)
        found.update((entry.id, entry) for entry in entries)
    while not identities:
        page = await search.list_calls(catalogue, query)
        found.update((entry.id, entry) for call in page for entry in call.recordings if entry.status is Status.KEPT)
        if len(page) < query.limit:
            break
        query = replace(query, offset=query.offset + query.limit)
    return list(found.values())


def check(
    full: Annotated[bool, typer.Option("--full", help="Read and hash every stored file.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended safely.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Whether everything recorded is there, whole and known; what is not, and how to mend it."""
    loaded = configuration(config, secrets=False)
    as_owner(loaded.spool.folder)
    try:
        calls = ask(loaded.control.socket, {"do": "list"}).get("calls")
        live = {call["recording"] for call in calls if call["recording"]} if calls is not None else None
    except NotRunning:
        live = None
    monitors = {pbx.name: pbx.folder for pbx in loaded.pbxs}
    memory = frozenset(pbx.memory for pbx in loaded.pbxs if pbx.memory is not None)
    depth = checking.Depth.FULL if full else checking.Depth.QUICK

    async def work(catalogue: Catalogue) -> list[checking.Finding]:
        spool = Spool(loaded.spool.folder)
        captures = Provisional(memory, spool.folder)
        places = checking.Places(catalogue, spool, loaded.store.folder, monitors, live, captures)
        with progress("checking recordings", as_json) as tell:
            return await checking.check(places, depth, repair, tell)

    findings = reading(loaded, work, repair)
    if as_json:
        say_json(findings)
    else:
        for finding in findings:
            print(f"{finding.where}: {finding.what}\n  {finding.repaired or finding.remedy}")
        count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
        print(count if findings else "everything is there, whole and known")
    if any(not finding.repaired for finding in findings):
        raise typer.Exit(FOUND)
