"""What is said in a sound, in which language, by an offline recogniser of many: Whisper base (MIT). For checks."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from controller.lab.sounds import Samples

FOLDER = "ONRECORD_EARS"
"""The folder with model.bin, config.json, tokenizer.json and vocabulary.json, as an environment variable: what
`make voices` fills."""
RATE, SECONDS, BANDS, SIZE, HOP = 16000, 30, 80, 400, 160
PROMPT = {"zh": "以下是普通话的句子,用简体字写。"}
"""What is told to have been said before: here, so that it writes simplified characters and not traditional ones."""
LOUD = 0.1
"""Root mean square to which a sound is brought before it is heard."""


class Deaf(Exception):
    """The recogniser or its model is missing; says which."""


@dataclass(frozen=True, slots=True)
class Heard:
    """`text` as understood in the language asked for; `language`: the likeliest of all that it knows, with how `sure`
    it is (0 to 1)."""

    text: str
    language: str
    sure: float


class Polyglot:
    """Loads the model once, and hears sounds of up to 30 seconds. Raises Deaf."""

    def __init__(self, folder: Path | None = None) -> None:
        home = folder or Path(os.environ.get(FOLDER, "."))
        if not (home / "model.bin").is_file():
            raise Deaf(f"{home / 'model.bin'} is missing: {FOLDER} names the folder that `make voices` fills")
        try:
            import ctranslate2
            import tokenizers
        except ImportError as error:
            raise Deaf(f"{error.name} is not installed: pip install ctranslate2 tokenizers") from error
        self._views: Any = ctranslate2.StorageView
        self._model = ctranslate2.models.Whisper(str(home), device="cpu", compute_type="int8")
        self._tokens = tokenizers.Tokenizer.from_file(str(home / "tokenizer.json"))

    def hear(self, samples: Samples, rate: int, language: str) -> Heard:
        """As a speaker of `language` would, and which language it is taken for."""
        wide = soxr.resample(samples.astype(np.float64) / 32768, rate, RATE)
        loud = wide * LOUD / max(float(np.sqrt((wide**2).mean())), 1e-9)
        view = self._views.from_array(_features(np.concatenate([np.zeros(RATE // 5), loud])))
        encoded = self._model.encode(view)
        (likeliest, sure), *_ = self._model.detect_language(encoded)[0]
        asked = ("<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>")
        start = [*self._before(language), *(self._tokens.token_to_id(each) for each in asked)]
        said = self._model.generate(encoded, [start], beam_size=5, max_length=120)[0]
        return Heard(str(self._tokens.decode(said.sequences_ids[0])).strip(), likeliest.strip("<|>"), round(sure, 2))

    def _before(self, language: str) -> list[int]:
        if language not in PROMPT:
            return []
        words = self._tokens.encode(" " + PROMPT[language], add_special_tokens=False).ids
        return [*self._tokens.encode("<|startofprev|>", add_special_tokens=False).ids, *words]


def errors(heard: str, spoken: str) -> float:
    """Letters to insert, delete or replace, as a share of those that were to be said; case, accents, commas and
    spaces do not count."""
    one, other = _letters(heard), _letters(spoken)
    row = list(range(len(other) + 1))
    for n, letter in enumerate(one, 1):
        diagonal, row[0] = row[0], n
        for m, wanted in enumerate(other, 1):
            diagonal, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, diagonal + (letter != wanted))
    return row[-1] / max(1, len(other))


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(each for each in plain if each.isalnum())


def _features(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Log-mel spectrogram, shape (1, 80, 3000), as Whisper was trained on."""
    whole = np.concatenate([x, np.zeros(RATE * SECONDS)])[: RATE * SECONDS]
    padded = np.pad(whole, SIZE // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP][: RATE * SECONDS // HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(SIZE + 1)[:-1], axis=1)) ** 2
    logs = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    return np.ascontiguousarray(((np.maximum(logs, logs.max() - 8) + 4) / 4)[None], np.float32)


def _filters() -> NDArray[np.float64]:
    """Slaney's mel filters: linear below 1 kHz, logarithmic above, each of the same area."""
    step, knee = np.log(6.4) / 27, 15.0
    top = knee + np.log(RATE / 2 / 1000) / step
    mel = np.linspace(0, top, BANDS + 2)
    edges = np.where(mel < knee, mel * 200 / 3, 1000 * np.exp(step * (mel - knee)))
    at = np.linspace(0, RATE / 2, SIZE // 2 + 1)
    away = edges[:, None] - at[None]
    rise, fall = -away[:-2] / np.diff(edges)[:-1, None], away[2:] / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None])
