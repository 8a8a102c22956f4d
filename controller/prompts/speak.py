"""Words to sound, by a voice that is installed: flite, espeak-ng, or Piper with a model."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from controller.prompts.level import Samples
from controller.prompts.manifest import Voice

WAIT = 120.0
"""Seconds for one sentence: a neural voice on a slow machine."""
MODELS = "ONRECORD_VOICES"
"""The folder with Piper's models, as an environment variable: <voice>.onnx and <voice>.onnx.json."""


class NoVoice(Exception):
    """The words cannot be spoken here; says what to install."""


def spoken(words: str, voice: Voice) -> tuple[Samples, int]:
    """The words as 16-bit samples and their rate. Raises NoVoice."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "words.wav"
        _run(_command(voice, words, wav), words)
        samples, rate = soundfile.read(wav, dtype="int16")
    return np.asarray(samples, np.int16), int(rate)


def _command(voice: Voice, words: str, wav: Path) -> list[str]:
    match voice.engine:
        case "espeak-ng":
            return [_found("espeak-ng"), "-v", voice.voice, "-s", str(voice.speed), "--stdin", "-w", str(wav)]
        case "flite":
            # Not by stdin: flite 2.2 leaves out the last word of a text without a line break.
            return [_found("flite"), "-voice", voice.voice, "-t", words, "-o", str(wav)]
        case "piper":
            model = Path(os.environ.get(MODELS, ".")) / f"{voice.voice}.onnx"
            if not model.exists():
                raise NoVoice(f"{model} is missing: {MODELS} must name the folder with Piper's voices")
            # Without its noise the same words give the same sound twice.
            still = ["--noise-scale", "0", "--noise-w-scale", "0"]
            return [_found("piper"), "--model", str(model), *still, "--output_file", str(wav)]
    raise NoVoice(f"there is no engine {voice.engine!r}: flite, espeak-ng or piper")


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
