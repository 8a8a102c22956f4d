"""Hears every prompt that is shipped and notes in prompts/heard.toml what was understood of it.

`python -m controller.lab.heard` does it; it needs what `make voices` brings. Who changes a sound hears it anew: the
tests want a row with the hash of each, and nothing wrong in it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import soundfile
import tomlkit

from controller.lab.polyglot import Polyglot, errors
from controller.lab.sounds import Samples
from controller.prompts.make import digest
from controller.prompts.manifest import HOME, SOUNDS, manifest

FILE = HOME / "heard.toml"
MOST = 0.25
"""Share of letters that may be wrong: a cut-off end or another prompt has more, figures for words have less."""
ACCENTED = {"nl"}
"""Spoken by a voice that was made for another language: its words are understood, its accent is often taken for
German. All others must be taken for their language: asked for English, it translates a Spanish sentence."""
CLEAR = 0.1
"""An accented sound with no more wrong letters than that is in its language."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was understood of a sound; `language` is what it was taken for, `wrong` the share of wrong letters."""

    text: str
    language: str
    sure: float
    wrong: float
    sha256: str


def row(ears: Polyglot, samples: Samples, language: str, name: str, rate: int = 8000) -> Row:
    heard = ears.hear(samples, rate, language)
    wrong = errors(heard.text, _words(language)[name])
    return Row(heard.text, heard.language, heard.sure, round(wrong, 3), digest(samples))


def doubts(one: Row, language: str, name: str) -> Iterator[str]:
    """Why this is not the prompt that it should be; nothing where all is well."""
    nearest = min(_words(language), key=lambda other: errors(one.text, _words(language)[other]))
    if nearest != name:
        yield f"understood as {nearest}: {one.text}"
    if one.wrong > MOST:
        yield f"{one.wrong:.0%} of its letters are not understood: {one.text}"
    if one.language != language and (language not in ACCENTED or one.wrong > CLEAR):
        yield f"taken for {one.language}: {one.text}"


def noted() -> dict[tuple[str, str], Row]:
    """What is in prompts/heard.toml."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {(language, name): Row(**each) for language, part in told.items() for name, each in part.items()}


def main() -> int:
    """Exit code 1 if anything is doubtful."""
    ears, document, bad = Polyglot(), tomlkit.document(), 0
    document.add(tomlkit.comment("Written by `python -m controller.lab.heard`: what Whisper base understood."))
    for language in manifest().languages:
        document[language] = part = tomlkit.table(is_super_table=True)
        for name in manifest().prompts:
            samples, _ = soundfile.read(SOUNDS / language / f"{name}.wav", dtype="int16")
            part[name] = asdict(found := row(ears, np.asarray(samples, np.int16), language, name))
            for doubt in doubts(found, language, name):
                print(f"{language}/{name}: {doubt}", file=sys.stderr)
                bad += 1
    FILE.write_text(tomlkit.dumps(document), encoding="utf-8")
    for language, wrong, right in _figures(noted()):
        of = f"{right} of {len(manifest().prompts)}"
        print(f"{language}: {wrong:.1%} of the letters wrong; taken for its language: {of}")
    return 1 if bad else 0


def _figures(rows: Mapping[tuple[str, str], Row]) -> Iterator[tuple[str, float, int]]:
    for language in manifest().languages:
        of = [(name, each) for (tongue, name), each in rows.items() if tongue == language]
        sizes = {name: len(_words(language)[name]) for name, _ in of}
        wrong = sum(each.wrong * sizes[name] for name, each in of) / sum(sizes.values())
        yield language, wrong, sum(each.language == language for _, each in of)


def _words(language: str) -> dict[str, str]:
    return {name: prompt.words[language] for name, prompt in manifest().prompts.items()}


if __name__ == "__main__":
    sys.exit(main())
