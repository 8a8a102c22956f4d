"""Standing wishes: which extensions want all their calls recorded, kept through restarts (F-068)."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from controller import disk

log = structlog.get_logger("phones")

NAME = "standing.json"


def load(folder: Path) -> frozenset[str]:
    """The extensions. A file that cannot be read is set aside, named in the log, and counts as empty: nobody is
    recorded for a guess."""
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise ValueError("it is no list of extensions")
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        log.error(
            "the standing wishes cannot be read: nobody's calls are recorded by one", file=str(path), why=str(error)
        )
        return frozenset()
    return frozenset(found)


def save(folder: Path, extensions: frozenset[str]) -> None:
    """Written whole, and on the disk when this returns. Raises nothing: a full disk is named in the log."""
    try:
        disk.write(folder / NAME, json.dumps(sorted(extensions)).encode())
    except OSError as error:
        log.error("the standing wishes cannot be written: they are lost at the next start", why=str(error))
