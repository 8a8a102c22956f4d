"""Words to sound, by a voice that is installed: flite, Pico, Kokoro, espeak-ng or Piper."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from controller.prompts import kokoro
from controller.prompts.level import Samples
from controller.prompts.manifest import Voice

WAIT = 120.0
"""Seconds for one sentence: a neural voice on a slow machine."""
MODELS = "ONRECORD_VOICES"
"""The folder with what the neural voices need, as an environment variable. Kokoro's: its model, vocab.json and
<voice>.bin; Piper's: <voice>.onnx and <voice>.onnx.json."""
WORDS_A_MINUTE = 150
"""How fast espeak-ng speaks where the manifest does not say it."""


class NoVoice(Exception):
    """The words cannot be spoken here; says what to install."""


def spoken(words: str, voice: Voice, phonemes: str = "") -> tuple[Samples, int]:
    """The words as 16-bit samples and their rate. `phonemes`: the words as Kokoro is to say them; other voices find
    that out by themselves. Raises NoVoice."""
    if voice.engine == "kokoro":
        return _by_kokoro(words, voice, phonemes)
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "words.wav"
        _run(_command(voice, words, wav), words)
        samples, rate = soundfile.read(wav, dtype="int16")
    return np.asarray(samples, np.int16), int(rate)


def _by_kokoro(words: str, voice: Voice, phonemes: str) -> tuple[Samples, int]:
    if not phonemes:
        raise NoVoice(f"Kokoro cannot read: the manifest must have phonemes beside {words!r}")
    try:
        return kokoro.said(phonemes, voice.voice, Path(os.environ.get(MODELS, ".")), voice.speed or 1.0)
    except kokoro.Unsayable as error:
        raise NoVoice(f"{error}; {MODELS} names the folder that `make voices` fills") from error


def _command(voice: Voice, words: str, wav: Path) -> list[str]:
    match voice.engine:
        case "espeak-ng":
            speed = str(round(voice.speed or WORDS_A_MINUTE))
            return [_found("espeak-ng"), "-v", voice.voice, "-s", speed, "--stdin", "-w", str(wav)]
        case "flite":
            # Not by stdin: flite 2.2 leaves out the last word of a text without a line break.
            return [_found("flite"), "-voice", voice.voice, "-t", words, "-o", str(wav)]
        case "pico":
            if importlib.util.find_spec("py_nanotts") is None:
                raise NoVoice("Pico is not installed: pip install py-nanotts")
            pace = ["--speed", f"{voice.speed:g}"] if voice.speed else []
            return [sys.executable, "-m", "py_nanotts", "-v", voice.voice, *pace, "-o", str(wav), "--", words]
        case "piper":
            model = Path(os.environ.get(MODELS, ".")) / f"{voice.voice}.onnx"
            if not model.exists():
                raise NoVoice(f"{model} is missing: {MODELS} must name the folder with Piper's voices")
            # Without its noise the same words give the same sound twice.
            still = ["--noise-scale", "0", "--noise-w-scale", "0"]
            return [_found("piper"), "--model", str(model), *still, "--output_file", str(wav)]
    raise NoVoice(f"there is no engine {voice.engine!r}: flite, pico, kokoro, espeak-ng or piper")


def _found(program: str) -> str:
    where = shutil.which(program)
    if where is None:
        how = "pipx install piper-tts" if program == "piper" else f"sudo apt-get install {program}"
        raise NoVoice(f"{program} is not installed: {how}")
    return where


def _run(command: list[str], words: str) -> None:
    try:
        # No shell; words are the value of an option or come on stdin, so that none is taken for an option.
        done = subprocess.run(command, input=words.encode(), capture_output=True, timeout=WAIT, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoVoice(f"{command[0]}: {error}") from error
    if done.returncode:
        raise NoVoice(f"{command[0]}: {done.stderr.decode(errors='replace').strip()[-300:] or done.returncode}")
