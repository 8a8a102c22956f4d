"""Kokoro-82M: a neural voice that says phonemes, from its model and styles in one folder (Apache-2.0, both)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from controller.prompts.level import Samples

MODEL, VOCABULARY = "kokoro-v1.0.int8.onnx", "vocab.json"
RATE = 24000
REST = 0.15
"""Seconds of quiet after a sentence: each is said by itself, and the model leaves some of its own."""
STYLE = 256
"""Numbers in a style; a voice has one for each count of phonemes."""
SEED = 1


class Unsayable(Exception):
    """The model, the voice or a phoneme is missing; says which."""


def said(phonemes: str, voice: str, folder: Path, speed: float = 1.0) -> tuple[Samples, int]:
    """16-bit samples and their rate. The same every time on one kind of processor; another rounds the model's small
    integers in another way. Raises Unsayable."""
    session, symbols = _model(folder), _symbols(folder)
    styles = _styles(folder / f"{voice}.bin")
    rest = np.zeros(round(RATE * REST), np.float32)
    parts: list[np.ndarray[Any, Any]] = []
    for sentence in filter(None, re.split(r"(?<=[.!?])\s+", phonemes.strip())):
        if strange := sorted(set(sentence) - set(symbols)):
            raise Unsayable(f"Kokoro has no phoneme {' '.join(strange)}")
        ids = [symbols[each] for each in sentence]
        given = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": styles[min(len(ids), len(styles)) - 1][None],
            "speed": np.array([speed], np.float32),
        }
        parts += [np.asarray(session.run(None, given)[0], np.float32).ravel(), rest]
    sound = np.concatenate(parts)
    return np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16), RATE


def _model(folder: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise Unsayable("onnxruntime is not installed") from error
    if not (folder / MODEL).is_file():
        raise Unsayable(f"{folder / MODEL} is missing")
    # Before each sound anew: the model's breath is noise, which must not depend on what was said before.
    onnxruntime.set_seed(SEED)
    return onnxruntime.InferenceSession(str(folder / MODEL), providers=["CPUExecutionProvider"])


def _symbols(folder: Path) -> dict[str, int]:
    try:
        return {
            str(each): int(n) for each, n in json.loads((folder / VOCABULARY).read_text("utf-8"))["vocab"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unsayable(f"{folder / VOCABULARY}: {error}") from error


def _styles(file: Path) -> np.ndarray[Any, Any]:
    try:
        numbers = np.fromfile(file, np.float32)
    except OSError as error:
        raise Unsayable(f"{file}: {error.strerror}") from error
    if not len(numbers) or len(numbers) % STYLE:
        raise Unsayable(f"{file} is no voice of Kokoro's")
    return numbers.reshape(-1, STYLE)
