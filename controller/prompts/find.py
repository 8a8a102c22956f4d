"""Which file says a prompt in a language: a site's own recording, ours, or the nearest language that has one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from controller.prompts.make import digest
from controller.prompts.manifest import SOUNDS, Manifest, manifest

OWN = "own.toml"
"""In the folder of a site's own recordings: what `onrecord prompt import` noted of each."""


@dataclass(frozen=True, slots=True)
class Found:
    """A prompt that can be played. `words` "" where a site's own file came without; `language`: the one it is in."""

    prompt: str
    language: str
    path: Path
    words: str
    seconds: float
    sha256: str
    own: bool

    @property
    def version(self) -> str:
        """What evidence cites: "recorded/en@1a2b3c4d"."""
        return f"{self.prompt}/{self.language}@{self.sha256[:8]}"


def find(prompt: str, language: str, own: Path | None = None, default: str | None = None) -> Found | None:
    """The file to play for `prompt` in `language` (such as de or pt-BR), else in its plain language (pt), else in
    `default` (the manifest's). At each step the site's `own` folder goes before ours. None: nothing says it."""
    told = manifest()
    tried = dict.fromkeys([language, _plain(language), default or told.default, told.default])
    return next((found for each in tried if (found := _in(told, prompt, each, own)) is not None), None)


def lacking(language: str, own: Path | None = None) -> tuple[str, ...]:
    """The prompts that are missing in `language` itself, not counting what `find` would play instead; () if none."""
    told = manifest()
    return tuple(name for name in told.prompts if _in(told, name, language, own) is None)


def languages(own: Path | None = None) -> tuple[str, ...]:
    """Every language that has at least one prompt."""
    theirs = (folder.name for folder in sorted(own.iterdir()) if folder.is_dir()) if own and own.is_dir() else ()
    return tuple(dict.fromkeys([*manifest().languages, *theirs]))


def owned(own: Path) -> dict[tuple[str, str], str]:
    """The words of a site's own recordings, by language and prompt, as far as they were noted."""
    try:
        noted = tomllib.loads((own / OWN).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # the words are a help to people: that they are unreadable stops no call
    return {(language, name): words for language, name, words in _rows(noted)}


def _rows(noted: dict[str, object]) -> Iterator[tuple[str, str, str]]:
    for language, part in noted.items():
        for name, row in part.items() if isinstance(part, dict) else ():
            if isinstance(row, dict) and isinstance(words := row.get("words", ""), str):
                yield language, name, words


def _in(told: Manifest, prompt: str, language: str, own: Path | None) -> Found | None:
    if own is not None and (file := own / language / f"{prompt}.wav").is_file():
        heard = _heard(file)
        if heard is not None:
            return Found(prompt, language, file, owned(own).get((language, prompt), ""), *heard, own=True)
    made = told.made.get((language, prompt))
    file = SOUNDS / language / f"{prompt}.wav"
    if made is None or not file.is_file():
        return None
    return Found(prompt, language, file, made.words, made.seconds, made.sha256, own=False)


def _heard(file: Path) -> tuple[float, str] | None:
    """Seconds and digest; None where it is no sound that the PBX could play."""
    try:
        samples, rate = soundfile.read(file, dtype="int16")
    except (soundfile.LibsndfileError, OSError):
        return None
    if rate != 8000 or samples.ndim != 1 or not len(samples):
        return None
    return round(len(samples) / rate, 3), digest(samples)


def _plain(language: str) -> str:
    return language.replace("_", "-").partition("-")[0]
