"""What the web server may look at: parts of the running controller, for reading only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from controller.alarms import Alarms
from controller.engine import Engine
from controller.watch.meter import Meter
from controller.watch.oddities import Oddities


@dataclass(frozen=True, slots=True)
class Watched:
    """`jobs` tells how many recordings are being worked on; `folders` are those whose disks must not run full."""

    engine: Engine
    alarms: Alarms
    meter: Meter
    jobs: Callable[[], int] = lambda: 0
    folders: Mapping[str, Path] = field(default_factory=dict)
    started_at: float = 0.0
    oddities: Oddities | None = None


WATCHED = web.AppKey("watched", Watched)
