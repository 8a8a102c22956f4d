"""The compose file as data, for the tests beside this file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
CONFIG = ROOT / "packaging" / "docker" / "config" / "onrecord.toml"


@dataclass(frozen=True, slots=True)
class Mount:
    """`source:target[:ro]`; a source that begins with a dot is a folder of the repository, else a volume."""

    source: str
    target: str
    read_only: bool

    @property
    def is_volume(self) -> bool:
        return not self.source.startswith((".", "/"))


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return parsed


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document()["services"]
    return found


def mounts(service: dict[str, Any]) -> list[Mount]:
    parts = [each.split(":") for each in service.get("volumes", ())]
    return [Mount(part[0], part[1], part[2:] == ["ro"]) for part in parts]


def mount_of(service: dict[str, Any], path: str) -> Mount | None:
    """The mount that a path inside the container lies in, the innermost one."""
    found = [each for each in mounts(service) if Path(path).is_relative_to(each.target)]
    return max(found, key=lambda each: len(each.target), default=None)
