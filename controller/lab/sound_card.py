"""A virtual sound card: a private PulseAudio whose loudspeaker is heard at its line input, for a real PortAudio."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from controller.lab import programs
from controller.lab.programs import LabNotSetUp, Say
from controller.lab.root import WITH_US

INPUT = "line"
"""The device that hears what is played on `OUTPUT`."""
OUTPUT = "default"
RATE = 8000
READY_S = 15.0

ALSA = """\
pcm.!default {{ type pulse server "{server}" device "line" hint {{ show on description "loudspeaker" }} }}
ctl.!default {{ type pulse server "{server}" }}
pcm.line {{ type pulse server "{server}" device "line.monitor" hint {{ show on description "line in" }} }}
"""
"""PortAudio (Debian's) speaks ALSA, whose plugin speaks to PulseAudio. No card of the machine is in here."""


@dataclass(frozen=True, slots=True)
class SoundCard:
    """A card that is running."""

    environment: dict[str, str]
    """For the programs that are to see it, and no other card."""
    process: subprocess.Popen[bytes]

    def unplug(self) -> None:
        """It goes, as a USB card does, in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()


def ensure(say: Say = print) -> None:
    """See that all of it is there. Raises LabNotSetUp."""
    plugin = any(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so"))
    wanted = {
        "pulseaudio": shutil.which("pulseaudio"),
        "libportaudio2": ctypes.util.find_library("portaudio"),
        "libasound2-plugins": plugin,
    }
    programs.install([package for package, there in wanted.items() if not there], say)


@contextmanager
def sound_card() -> Iterator[SoundCard]:
    """A card of its own, gone at the end. Raises LabNotSetUp."""
    with tempfile.TemporaryDirectory(prefix="onrecord-sound-") as name:
        folder = Path(name)
        server = folder / "server"
        process = _started(folder, server)
        try:
            _wait(server, process, folder / "log")
            yield SoundCard(_environment(folder, server), process)
        finally:
            process.kill()
            process.wait()


def _environment(folder: Path, server: Path) -> dict[str, str]:
    alsa = folder / "alsa.conf"
    alsa.write_text(ALSA.format(server=f"unix:{server}"))
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PULSE_", "XDG_"))},
        "ALSA_CONFIG_PATH": str(alsa),
        "XDG_RUNTIME_DIR": str(folder),
        "HOME": str(folder),
        "PULSE_LATENCY_MSEC": "500",  # a busy machine does not stutter; left alone it would be 2 s
    }


def _started(folder: Path, server: Path) -> subprocess.Popen[bytes]:
    command = [
        *WITH_US,
        "pulseaudio",
        "-n",  # nothing of the machine's own configuration
        "--daemonize=no",
        "--use-pid-file=no",
        "--exit-idle-time=-1",
        "--disable-shm=yes",
        f"--load=module-native-protocol-unix socket={server} auth-anonymous=1",
        f"--load=module-null-sink sink_name=line rate={RATE} channels=2 format=s16le",
    ]
    home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, env={**os.environ, **home}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait(server: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(server))
            return
        time.sleep(0.05)
    raise LabNotSetUp(f"PulseAudio does not start: {log.read_text(errors='replace')[-500:]}")
