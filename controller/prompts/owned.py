"""What a site noted of its own recordings: their words, who brought each and when, and which one it is by now."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

FILE = "own.toml"
"""In the folder of a site's own recordings."""
REPLACED = "replaced"
"""The folder in it with those that were played before, as <language>/<prompt>.<number>.wav: evidence cites them."""


class Spoilt(Exception):
    """The file cannot be read or written on; says what to do."""


@dataclass(frozen=True, slots=True)
class Owned:
    """One recording as it was imported. `number` counts from 1 up with each other recording of the same prompt and
    language; `at`: UTC, ISO 8601; `by`: the account that brought it; `source`: the file as it was named."""

    words: str = ""
    sha256: str = ""
    seconds: float = 0.0
    number: int = 0
    at: str = ""
    by: str = ""
    source: str = ""


def owned(own: Path) -> dict[tuple[str, str], Owned]:
    """By language and prompt, as far as it was noted."""
    try:
        noted = tomllib.loads((own / FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # it is a help to people: that it is unreadable stops no call
    return {
        (language, name): _row(row)
        for language, part in noted.items()
        for name, row in (part.items() if isinstance(part, dict) else ())
        if isinstance(row, dict)
    }


def readable(own: Path) -> None:
    """Raises Spoilt where `note` would."""
    _document(own / FILE)


def note(own: Path, language: str, prompt: str, row: Owned | None) -> None:
    """Writes one row anew; None takes it out. Raises Spoilt, OSError."""
    path = own / FILE
    document = _document(path)
    part = document.setdefault(language, tomlkit.table(is_super_table=True))
    if row is not None:
        part[prompt] = asdict(row)
    elif prompt in part:
        del part[prompt]
    new = path.with_name(f".{path.name}.new")
    new.write_text(tomlkit.dumps(document), encoding="utf-8")
    new.replace(path)


def replaced(own: Path, language: str, prompt: str) -> list[tuple[int, Path]]:
    """The recordings that were played before, with their numbers, oldest first."""
    found = (own / REPLACED / language).glob(f"{prompt}.*.wav")
    numbered = [(each.name.split(".")[-2], each) for each in found]
    return sorted((int(number), path) for number, path in numbered if number.isdigit())


def _document(path: Path) -> TOMLDocument:
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise Spoilt(f"{path} is spoilt ({error}): mend it, or move it away and import all anew") from error
    if not all(isinstance(part, Table) for part in document.values()):
        raise Spoilt(
            f"{path} is spoilt (not a table for each language): mend it, or move it away and import all anew"
        )
    return document


def _row(row: Mapping[str, Any]) -> Owned:
    """What somebody wrote by hand and nobody can mean is left out; a row from before recordings were counted is 1."""
    texts = {name: row[name] for name in ("words", "sha256", "at", "by", "source") if isinstance(row.get(name), str)}
    number, seconds = row.get("number"), row.get("seconds")
    counted = number if isinstance(number, int) and number > 0 else 1
    return Owned(**texts, number=counted, seconds=float(seconds) if isinstance(seconds, int | float) else 0.0)
