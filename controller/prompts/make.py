"""Makes the sounds of the manifest: spoken, trimmed, brought to one level, one file per language and prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
import tomlkit

from controller.prompts.level import Samples, active_level, at_level, trimmed
from controller.prompts.manifest import Made, Manifest
from controller.prompts.speak import spoken
from hardware.resample import Resampler

RATES = {8000: "wav", 16000: "wav16"}
"""Rate in Hz -> how Asterisk wants the file's name to end."""


def resampled(samples: Samples, source: int, target: int) -> Samples:
    """From `source` to `target` Hz; one channel."""
    change = Resampler(source, target)
    first, rest = change.feed(samples[None, :]), change.flush()
    return np.concatenate([first[0], rest[0]])


def made(words: str, sound: Samples, rate: int, target: int) -> Samples:
    """A spoken sound as it is played."""
    if not words.strip():
        raise ValueError("no words")
    # Some voices begin with their first sample, and trimming adds no silence: each prompt is to have the same.
    return at_level(trimmed(resampled(np.pad(sound, round(rate * 0.2)), rate, target), target), target)


def digest(samples: Samples) -> str:
    """SHA-256 of the samples, little-endian: what is heard, whatever the file around it."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def generate(
    manifest: Manifest,
    sounds: Path,
    languages: Iterable[str],
    rate: int = 8000,
    tell: Callable[[str], object] = lambda _line: None,
) -> dict[tuple[str, str], Made]:
    """Speaks every prompt of these languages into `sounds`/<language>/<prompt>.wav (.wav16 at 16 kHz).
    Raises NoVoice, OSError."""
    rows: dict[tuple[str, str], Made] = {}
    for language in languages:
        voice = manifest.voices[language]
        (sounds / language).mkdir(parents=True, exist_ok=True)
        for prompt in manifest.prompts.values():
            words = prompt.words.get(language)
            if words is None:
                continue
            samples = made(words, *spoken(words, voice, prompt.phonemes.get(language, "")), rate)
            file = sounds / language / f"{prompt.id}.{RATES[rate]}"
            write(file, samples, rate)
            seconds, level = round(len(samples) / rate, 3), round(active_level(samples, rate), 1)
            rows[language, prompt.id] = Made(words, voice.name, seconds, level, digest(samples))
            tell(f"{file}: {seconds:.1f} s")
    return rows


def write(file: Path, samples: Samples, rate: int) -> None:
    """As 16-bit WAV, whole or not at all: a PBX may be about to play it."""
    new = file.with_name(f".{file.name}.new")
    soundfile.write(new, samples, rate, subtype="PCM_16", format="WAV")
    new.replace(file)


def note(home: Path, rows: dict[tuple[str, str], Made], old: dict[tuple[str, str], Made]) -> None:
    """Writes made.toml: these rows, and the old ones of other languages."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `onrecord prompt generate`: what each sound in sounds/ says and is."))
    document.add(tomlkit.comment("level: active speech level, dBov (ITU-T P.56). sha256: of the samples."))
    for (language, name), row in sorted({**old, **rows}.items()):
        if language not in document:
            document[language] = tomlkit.table(is_super_table=True)
        document[language][name] = asdict(row)
    (home / "made.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
