"""Makes sure that the programs the lab runs are there: installs them as root, else names the command that does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

Say = Callable[[str], None]
"""Takes one line about what is going on."""

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "newuidmap": "uidmap",
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "flite": "flite",
    "asterisk": "asterisk",
    "ffmpeg": "ffmpeg",
    "kamailio": "kamailio",
}
"""Program -> the Debian and Ubuntu package that brings it."""

PHONES = ("sipp", "baresip", "flite")


class LabNotSetUp(Exception):
    """Something that the lab needs is not here, and we may not or cannot get it; the message says what to do."""


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """The fields of os-release(5); empty where there is none."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def missing(programs: Iterable[str]) -> list[str]:
    # Debian keeps some of them where an ordinary user's PATH does not look.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [program for program in programs if shutil.which(program, path=path) is None]


def ensure(programs: Iterable[str], say: Say) -> None:
    """Install by apt-get what is missing. Raises LabNotSetUp with the exact command where we may not."""
    install([PACKAGES[program] for program in missing(programs)], say)


def install(wanted: list[str], say: Say) -> None:
    """Install these packages by apt-get. Raises LabNotSetUp with the exact command where we may not."""
    if not wanted:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *wanted]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabNotSetUp(
            f"needed and not found: {' '.join(wanted)}. On Debian or Ubuntu:\n    sudo {' '.join(command)}"
        )
    say(f"installing {', '.join(wanted)} (apt-get)")
    if _run(command).returncode:
        # A fresh machine has no package lists yet, or old ones.
        _run(["apt-get", "update"])
        done = _run(command)
        if done.returncode:
            raise LabNotSetUp(f"`{' '.join(command)}` failed:\n{done.stdout[-2000:]}")


def mask(service: str, configured: Path, say: Say) -> None:
    """Before a package that brings a service: a program that the user did not ask for must not be started.

    One whose configuration is there already is the user's own, and is left alone.
    """
    if os.geteuid() == 0 and shutil.which("systemctl") and not configured.exists():
        say(f"masking {service}.service, so that installing it starts nothing (undo: systemctl unmask {service})")
        subprocess.run(["systemctl", "mask", service], check=False, capture_output=True)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
