"""Which file says a prompt in a language: a site's own recording, ours, or the nearest language that has one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import soundfile

from controller.prompts.make import digest
from controller.prompts.manifest import NAME, SOUNDS, manifest
from controller.prompts.owned import REPLACED, Owned, owned


@dataclass(frozen=True, slots=True)
class Found:
    """A prompt that can be played. `words` "" where a site's own file came without; `language`: the one it is in;
    `brought`: what was noted when it was imported, None for ours and for a file that was put there by hand."""

    prompt: str
    language: str
    path: Path
    words: str
    seconds: float
    sha256: str
    own: bool
    brought: Owned | None = None

    @property
    def version(self) -> str:
        """What evidence cites: "recorded/en@1a2b3c4d"; of one's own second "recorded/en.2@5e6f7a8b"."""
        number = f".{self.brought.number}" if self.brought is not None and self.brought.number else ""
        return f"{self.prompt}/{self.language}{number}@{self.sha256[:8]}"


def find(prompt: str, language: str, own: Path | None = None, default: str | None = None) -> Found | None:
    """The file to play for `prompt` in `language` (such as de or pt-BR), else in its plain language (pt), else in
    `default` (the manifest's). At each step the site's `own` folder goes before ours. None: nothing says it."""
    told = manifest()
    tried = dict.fromkeys([language, _plain(language), default or told.default, told.default])
    return next((found for each in tried if (found := _in(prompt, each, own)) is not None), None)


def lacking(language: str, own: Path | None = None) -> tuple[str, ...]:
    """The prompts that are missing in `language` itself, not counting what `find` would play instead; () if none."""
    told = manifest()
    return tuple(name for name in told.prompts if _in(name, language, own) is None)


def languages(own: Path | None = None) -> tuple[str, ...]:
    """Every language that has at least one prompt."""
    theirs = (
        (folder.name for folder in sorted(own.iterdir()) if folder.is_dir() and folder.name != REPLACED)
        if own and own.is_dir()
        else ()
    )
    return tuple(dict.fromkeys([*manifest().languages, *theirs]))


def names(language: str, own: Path | None = None) -> tuple[str, ...]:
    """The prompts of the manifest, and those that only this site has in `language`, for rules that name them."""
    theirs = sorted(each.stem for each in (own / language).glob("*.wav")) if own is not None else []
    return tuple(dict.fromkeys([*manifest().prompts, *(each for each in theirs if NAME.fullmatch(each))]))


def own_recording(prompt: str, language: str, own: Path) -> Found | None:
    """A site's own recording in this very language; None where there is none that a PBX could play."""
    file = own / language / f"{prompt}.wav"
    heard = _heard(file) if file.is_file() else None
    if heard is None:
        return None
    noted = owned(own).get((language, prompt))
    # Somebody may have put another file in its place by hand: what was noted is then of one that is not played.
    brought = noted if noted is not None and noted.sha256 in ("", heard[1]) else None
    return Found(prompt, language, file, brought.words if brought else "", *heard, own=True, brought=brought)


def our_recording(prompt: str, language: str) -> Found | None:
    """The sound that we made of a prompt in this very language; None where there is none."""
    made, file = manifest().made.get((language, prompt)), SOUNDS / language / f"{prompt}.wav"
    if made is None or not file.is_file():
        return None
    return Found(prompt, language, file, made.words, made.seconds, made.sha256, own=False)


def _in(prompt: str, language: str, own: Path | None) -> Found | None:
    theirs = own_recording(prompt, language, own) if own is not None else None
    return theirs or our_recording(prompt, language)


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
