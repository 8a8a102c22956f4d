"""The systemd units as data, and which system calls its filter lets through."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "packaging" / "onrecord.service"
SELFTEST, TIMER = FILE.with_name("onrecord-selftest.service"), FILE.with_name("onrecord-selftest.timer")


def settings(key: str, file: Path = FILE) -> list[str]:
    """All values of a key, in order; systemd merges them or takes the last, as the key says."""
    return re.findall(rf"^{key}=(.*)$", file.read_text(), re.MULTILINE)


def setting(key: str, file: Path = FILE) -> str:
    (value,) = settings(key, file)
    return value


def seconds(key: str) -> float:
    return float(setting(key))


def allowed(file: Path = FILE) -> set[str]:
    """The system calls that SystemCallFilter lets through, as systemd.exec(5) puts the lines together."""
    groups = _groups()
    found: set[str] = set()
    for line in settings("SystemCallFilter", file):
        calls = {call for word in line.lstrip("~").split() for call in _expand(word, groups)}
        found = found - calls if line.startswith("~") else found | calls
    return found


def _groups() -> dict[str, list[str]]:
    told = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    groups: dict[str, list[str]] = {}
    for line in told.splitlines():
        if line.startswith("@"):
            current = groups.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            current.append(line.strip())
    return groups


def _expand(word: str, groups: dict[str, list[str]]) -> set[str]:
    if not word.startswith("@"):
        return {word}
    return {call for each in groups[word] for call in _expand(each, groups)}
