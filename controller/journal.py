"""The journal: append-only, a JSON line per event: what happened, what was decided and by which rule, what we asked.

A line is written before the commands in it are carried out. Replay and explain read it; nothing is ever rewritten.
Calls with a helpline leave no line: see Journal.append.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from controller import disk
from controller.core import commands, decision, events, notices
from controller.core.commands import CallId, Command
from controller.core.decision import Decision
from controller.core.events import Event

MOST_HELD = 200
"""Lines held back for one call before it is answered; a call that does more than this is written at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the event, what it led to, and the decision where it changed."""

    at: float
    call: CallId
    event: Event
    commands: tuple[Command, ...] = ()
    decision: Decision | None = None


class Journal:
    """The journal's writing end. One file per day (UTC) in `folder`.

    The lines of a call are held in memory until something must be remembered (a command, an answer, its end), so that
    a call which turns out to concern a helpline can be forgotten without a trace (F-014).
    """

    def __init__(self, folder: Path) -> None:
        disk.make_folder(folder)
        self.folder = folder
        self.written = 0
        self.failed = 0
        self._held: dict[CallId, list[bytes]] = {}
        self._day = ""
        self._file = -1

    def append(self, entry: Entry, remember: bool) -> None:
        """Add an entry; `remember` writes it and all that was held of its call. Raises OSError when the disk says no;
        the lines stay held and go out with the next entry."""
        held = self._held.setdefault(entry.call, [])
        held.append(to_line(entry))
        if remember or len(held) > MOST_HELD:
            self._write(b"".join(held), entry.at)
            self.written += len(held)
            del self._held[entry.call]

    def end(self) -> Place:
        """Where the next line will be written, or a place before it. Raises OSError."""
        day = self._day or datetime.now(UTC).strftime("%Y-%m-%d")
        path = self.folder / f"{day}.jsonl"
        return Place(day, path.stat().st_size if path.exists() else 0)

    def forget(self, call: CallId) -> None:
        """Drop what is held of this call, unwritten."""
        self._held.pop(call, None)

    def close(self) -> None:
        """Write what is held, and close the file."""
        for call, held in list(self._held.items()):
            self._write(b"".join(held), datetime.now(UTC).timestamp())
            del self._held[call]
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _write(self, lines: bytes, at: float) -> None:
        day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
        if day != self._day or self._file < 0:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1
            try:
                self._file = _opened(self.folder / f"{day}.jsonl")
            except OSError:
                self.failed += 1
                raise
            self._day = day
        try:
            written = os.write(self._file, lines)
            if written < len(lines):
                # The part goes again: what is held is written once more, whole, when there is room.
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(errno.ENOSPC, "the journal's disk is full")
        except OSError:
            self.failed += 1
            raise


def _opened(path: Path) -> int:
    """The day's file, at its end; a line that a power cut left unfinished is ended first."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
    return file


def read(folder: Path, since: float = 0.0, odd: list[str] | None = None) -> Iterator[Entry]:
    """The entries at or after `since` (Unix seconds), oldest first. Lines that cannot be read (cut off by a crash, or
    written by another version) are skipped, and named in `odd`. Raises OSError."""
    first = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d")
    for path in _days(folder):
        if path.stem < first:
            continue
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    entry = from_line(line)
                except (ValueError, KeyError, TypeError) as error:
                    if odd is not None:
                        odd.append(f"{path.name}:{number}: {error}")
                    continue
                if entry.at >= since:
                    yield entry


def _days(folder: Path) -> list[Path]:
    """The files of a journal, oldest first; none where it is not there. To glob would be to see none, too, where we
    may not look."""
    if not disk.is_there(folder):
        return []
    return sorted(path for path in folder.iterdir() if fnmatch(path.name, "????-??-??.jsonl"))


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a journal: a byte of a day's file."""

    day: str
    offset: int


@dataclass(frozen=True, slots=True)
class Outline:
    """Which calls a journal tells of. `open`: not handed over. `handed`: their recordings, none for a call that was
    not recorded. `merged`: calls that went on inside another. `damaged`: lines that tell of nothing."""

    open: frozenset[CallId]
    handed: Mapping[CallId, tuple[str, ...]]
    merged: Mapping[CallId, CallId]
    damaged: int = 0


def outline(folder: Path, start: Place) -> Outline:
    """A quick look at every line from this place on: only few are read in full."""
    seen: set[CallId] = set()
    handed: dict[CallId, tuple[str, ...]] = {}
    merged: dict[CallId, CallId] = {}
    damaged = 0
    for line in _lines(folder, start):
        call = _call_of(line)
        damaged += (call is None or not line.endswith(END)) and not line.isspace()
        if call is None:
            continue
        seen.add(call)
        if b'"is":"CallsMerged"' in line or b'"is":"HandOver"' in line:
            entry = _entry(line)
            if entry is None:
                damaged += line.endswith(END)
                continue
            if isinstance(entry.event, events.CallsMerged):
                merged[entry.event.other] = call
            over = [command for command in entry.commands if isinstance(command, commands.HandOver)]
            if over:
                handed[call] = tuple(each.recording for each in over if each.recording is not None)
    return Outline(frozenset(seen - handed.keys() - merged.keys()), handed, merged, damaged)


def stories(folder: Path, start: Place, calls: Collection[CallId]) -> Iterator[Entry]:
    """The entries of these calls from this place on, in the order in which they were written."""
    for line in _lines(folder, start):
        if _call_of(line) in calls:
            entry = _entry(line)
            if entry is not None:
                yield entry


def _lines(folder: Path, start: Place) -> Iterator[bytes]:
    for path in _days(folder):
        if path.stem >= start.day:
            with path.open("rb") as lines:
                lines.seek(start.offset if path.stem == start.day else 0)
                yield from lines


END = b"}\n"
"""How a whole line ends; one that a power cut tore does not."""
_CALL = re.compile(rb'\{"at":[0-9.e+]{1,32},"call":("(?:[^"\\]|\\.){1,300}")')


def _call_of(line: bytes) -> CallId | None:
    """The call of a line, without reading all of it; None for what is no line of ours."""
    found = _CALL.match(line)
    return CallId(json.loads(found[1])) if found else None


def _entry(line: bytes) -> Entry | None:
    try:
        return from_line(line)
    except (ValueError, KeyError, TypeError):
        return None  # cut off by a crash, or written by another version


def to_line(entry: Entry) -> bytes:
    """One JSON line, with the line feed."""
    row: dict[str, Any] = {"at": entry.at, "call": entry.call, "event": _plain(entry.event)}
    if entry.commands:
        row["commands"] = [_plain(command) for command in entry.commands]
    if entry.decision is not None:
        row["decision"] = _plain(entry.decision)
    return json.dumps(row, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def from_line(line: bytes) -> Entry:
    """The entry of one line. Raises ValueError, KeyError or TypeError for what is not one."""
    row = json.loads(line)
    return Entry(
        at=float(row["at"]),
        call=CallId(row["call"]),
        event=_built(row["event"]),
        commands=tuple(_built(command) for command in row.get("commands", ())),
        decision=_built(row["decision"]) if "decision" in row else None,
    )


_CLASSES = {
    each.__name__: each
    for module in (events, notices, commands, decision)
    for each in vars(module).values()
    if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.__name__
}
_FIELDS = {
    name: tuple(field.name for field in fields(each) if not field.metadata.get(events.UNWRITTEN))
    for name, each in _CLASSES.items()
}
_HINTS: dict[str, dict[str, Any]] = {}
_SCALARS = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    """A record as plain JSON values, with its class's name under "is"."""
    kind = value.__class__
    if kind in _SCALARS:  # nearly all of them: subclasses take the long way below
        return value
    if isinstance(value, str | int | float | bool) or value is None:
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    row: dict[str, Any] = {"is": kind.__name__}
    for field in _FIELDS[kind.__name__]:
        item = getattr(value, field)
        row[field] = item if item.__class__ in _SCALARS else _plain(item)
    return row


def _built(row: Mapping[str, Any]) -> Any:
    """The record that _plain wrote."""
    each = _CLASSES[row["is"]]
    hints = _HINTS.get(each.__name__)
    if hints is None:
        hints = _HINTS[each.__name__] = get_type_hints(each)
    known = {name: _typed(row[name], hints[name]) for name in _FIELDS[each.__name__] if name in row}
    return each(**known)


def _typed(value: Any, hint: Any) -> Any:
    if isinstance(value, dict) and "is" in value:
        return _built(value)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return None if value is None else _typed(value, next(a for a in get_args(hint) if a is not type(None)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if origin is tuple:
        inner = get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_typed(item, inner[0]) for item in value)
        return tuple(_typed(item, kind) for item, kind in zip(value, inner, strict=True))
    if origin is frozenset:
        return frozenset(_typed(item, get_args(hint)[0]) for item in value)
    return value
