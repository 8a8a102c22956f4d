"""Whether every prompt is there and is what was made or imported: per language, what is missing or wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from controller.prompts.find import lacking, languages
from controller.prompts.level import active_level
from controller.prompts.make import digest
from controller.prompts.manifest import SOUNDS, Manifest, manifest


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. `language` or `prompt` "": it is about all of them."""

    language: str
    prompt: str
    what: str

    def __str__(self) -> str:
        where = f"{self.language}/{self.prompt}" if self.prompt else self.language
        return f"{where}: {self.what}" if where else self.what


def examine(wanted: Iterable[str] = (), own: Path | None = None) -> list[Trouble]:
    """Of these languages, or of all: what is missing, changed, or cannot be played."""
    told = manifest()
    found: list[Trouble] = []
    for language in tuple(wanted) or languages(own):
        # One word for a language of which there is nothing, and not one for each prompt.
        missing = lacking(language, own)
        if len(missing) == len(told.prompts):
            found.append(Trouble(language, "", "there is no prompt in this language"))
            continue
        found += [Trouble(language, name, "there is no such prompt, not even a sound of ours") for name in missing]
        found += _of_language(told, language, missing, own)
    return found


def remedy(language: str, missing: tuple[str, ...]) -> str:
    """For who reads a policy: that prompts are missing in a language of its, and what to do."""
    there = manifest().languages
    if len(missing) < len(manifest().prompts):
        lead = f"in {language!r} there is no {', '.join(missing)}"
    else:
        plain = language.partition("-")[0]
        near = f"; there are in {plain!r}" if plain in there else f": {', '.join(there)} are there"
        lead = f"there are no prompts in {language!r}{near}"
    return f"{lead}; your own: onrecord prompt import FILE --language {language} --prompt {missing[0]}"


def _of_language(told: Manifest, language: str, missing: tuple[str, ...], own: Path | None) -> Iterator[Trouble]:
    for name, prompt in told.prompts.items():
        if own is not None and (file := own / language / f"{name}.wav").exists():
            if what := _unplayable(file):
                yield Trouble(language, name, f"{file} {what}: ours is played in its place; import it anew")
            continue
        made = told.made.get((language, name))
        file = SOUNDS / language / f"{name}.wav"
        if made is None or name in missing:
            continue
        if what := _unplayable(file):
            yield Trouble(language, name, f"{file} {what}")
        elif digest(soundfile.read(file, dtype="int16")[0]) != made.sha256:
            yield Trouble(language, name, f"{file} is not the sound that was made: onrecord prompt generate")
        elif prompt.words.get(language) != made.words:
            yield Trouble(language, name, "its words were changed since it was spoken: onrecord prompt generate")


def _unplayable(file: Path) -> str:
    """What keeps a PBX from playing it; "" if nothing."""
    try:
        samples, rate = soundfile.read(file, dtype="int16")
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        return f"cannot be read ({error})"
    if samples.ndim != 1 or rate != 8000:
        return f"is not mono at 8000 Hz ({1 if samples.ndim == 1 else samples.shape[1]} channels, {rate} Hz)"
    if not len(samples):
        return "is empty"
    if not np.isfinite(level := active_level(samples, rate)) or level < -45:
        return "is all but silent"
    return ""
