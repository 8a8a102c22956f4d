"""Puts the prompts where a PBX plays them: of each the site's own recording, else ours; and the beeps."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from controller.prompts.beeps import FOLDER
from controller.prompts.find import find, languages, names
from controller.prompts.manifest import SOUNDS


def place(to: Path, own: Path | None = None, wanted: Iterable[str] = ()) -> list[Path]:
    """Fills `to` with <language>/<prompt>.wav and beep/<region>.wav, readable by all; gives those new or changed.
    Each appears whole, so that a PBX that is about to play it is not disturbed. Raises OSError."""
    changed = []
    for language in tuple(wanted) or languages(own):
        for prompt in names(language, own):
            found = find(prompt, language, own)
            # In another language than asked for it would be evidence of words that nobody heard.
            if found is not None and found.language == language and _put(found.path, to / language / f"{prompt}.wav"):
                changed.append(to / language / f"{prompt}.wav")
    for beep in sorted((SOUNDS / FOLDER).glob("*.wav")):
        if _put(beep, to / FOLDER / beep.name):
            changed.append(to / FOLDER / beep.name)
    return changed


def _put(source: Path, target: Path) -> bool:
    if target.exists() and target.read_bytes() == source.read_bytes():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, new)
    new.chmod(0o644)
    new.replace(target)
    return True
