"""The manifest: which prompts there are, their words in each language, and what was made of them."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[2] / "prompts"
"""The same folder in the source tree and in what is installed."""
SOUNDS = HOME / "sounds"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
"""As in the configuration: it becomes part of a path on the PBX."""


class BadManifest(Exception):
    """A manifest of ours that cannot be used; names the file and the key."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What speaks a language: the engine, its voice, how fast (words a minute for espeak-ng, a factor for Kokoro and
    Pico; 0: as it does by itself), and under which licence."""

    engine: str
    voice: str
    speed: float = 0
    licence: str = ""

    @property
    def name(self) -> str:
        return f"{self.engine} {self.voice}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing to be said; `words` by language, and `phonemes` for a voice that cannot read."""

    id: str
    meaning: str
    words: Mapping[str, str]
    phonemes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Made:
    """What a sound was when it was made. `level`: active speech level, dBov. `sha256`: of its samples at 8 kHz."""

    words: str
    voice: str
    seconds: float
    level: float
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`made` by language and prompt; a prompt that was never generated is not in it."""

    default: str
    voices: Mapping[str, Voice]
    prompts: Mapping[str, Prompt]
    made: Mapping[tuple[str, str], Made]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.voices)


@functools.cache
def manifest(home: Path = HOME) -> Manifest:
    """What is in prompts/manifest.toml and prompts/made.toml. Raises BadManifest."""
    told, made = _toml(home / "manifest.toml"), _toml(home / "made.toml") if (home / "made.toml").exists() else {}
    try:
        voices = {language: Voice(**voice) for language, voice in told["voice"].items()}
        prompts = {name: _prompt(name, told["prompt"][name], voices) for name in told["prompt"]}
        rows = {(language, name): Made(**row) for language, part in made.items() for name, row in part.items()}
        default = str(told["default"])
    except (KeyError, TypeError, AttributeError) as error:
        raise BadManifest(f"{home / 'manifest.toml'}: {error!r}") from error
    if default not in voices:
        raise BadManifest(f"{home / 'manifest.toml'}: default: there is no voice for {default!r}")
    return Manifest(default, voices, prompts, rows)


def _prompt(name: str, row: dict[str, Any], voices: Mapping[str, Voice]) -> Prompt:
    words = {language: str(row[language]["words"]) for language in row if language != "meaning"}
    if not NAME.fullmatch(name):
        raise BadManifest(f"prompt.{name}: a name is lower-case words joined by hyphens")
    if strange := sorted(set(words) - set(voices)):
        raise BadManifest(f"prompt.{name}: no voice speaks {', '.join(strange)}")
    phonemes = {language: str(row[language].get("phonemes", "")) for language in words}
    return Prompt(name, str(row["meaning"]), words, phonemes)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadManifest(f"{path}: {error}") from error
