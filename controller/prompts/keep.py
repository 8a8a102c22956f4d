"""Puts a recording among a site's own, and back: what was played before is kept, because evidence cites it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from controller.prompts.find import Found, own_recording
from controller.prompts.make import RATES, digest, write
from controller.prompts.manifest import LANGUAGE, NAME
from controller.prompts.owned import REPLACED, Owned, note, readable, replaced
from controller.prompts.take import Taken, Unfit


@dataclass(frozen=True, slots=True)
class Came:
    """How a recording came: `at` UTC, ISO 8601; `by` the account; `source` the file as it was named."""

    at: str = ""
    by: str = ""
    source: str = ""


def keep(taken: Taken, own: Path, language: str, prompt: str, words: str, came: Came | None = None) -> Found:
    """Puts it among the site's own recordings, with its words for the evidence. Another that was there is kept under
    its number; the same again keeps its number. Raises Unfit, Spoilt, OSError."""
    if not LANGUAGE.fullmatch(language) or not NAME.fullmatch(prompt):
        raise Unfit(f"{language!r} and {prompt!r} must be a language such as de and a prompt such as opt-out")
    readable(own)  # nothing changes that could not be noted
    before, sha256, how = own_recording(prompt, language, own), digest(taken.samples), came or Came()
    if before is not None and before.sha256 == sha256 and before.brought is not None:
        number = before.brought.number
    else:
        if before is not None:
            _save(before, own)
        number = _next(own, language, prompt)
    row = Owned(words, sha256, round(taken.seconds, 3), number, how.at, how.by, how.source)
    file = own / language / f"{prompt}.{RATES[taken.rate]}"
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, taken.samples, taken.rate)
    note(own, language, prompt, row)
    return Found(prompt, language, file, words, row.seconds, sha256, own=True, brought=row)


def put_away(own: Path, language: str, prompt: str) -> Path | None:
    """Takes a recording of one's own out, so that ours is played again; where it is now, None if there was none that
    could be played. Raises Spoilt, OSError."""
    readable(own)
    before = own_recording(prompt, language, own)
    saved = _save(before, own) if before is not None else None
    (own / language / f"{prompt}.wav").unlink(missing_ok=True)
    note(own, language, prompt, None)
    return saved


def _save(before: Found, own: Path) -> Path:
    # One that somebody put there by hand gets the number after all that are known.
    number = before.brought.number if before.brought is not None else _next(own, before.language, before.prompt)
    to = own / REPLACED / before.language / f"{before.prompt}.{number}.wav"
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(before.path, to)
    return to


def _next(own: Path, language: str, prompt: str) -> int:
    here = own_recording(prompt, language, own)
    known = [here.brought.number] if here is not None and here.brought is not None else []
    return max([0, *known, *(number for number, _ in replaced(own, language, prompt))]) + 1
