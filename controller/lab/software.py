"""Finds the Asterisk that the lab runs, or makes one: configured, installed, or in a private root folder."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from controller.lab import programs, root
from controller.lab.programs import LabNotSetUp, Say

OLDEST = 20
"""The oldest major version that the product supports."""

BESIDE_PATH = ":/usr/sbin:/usr/local/sbin"
"""Where an Asterisk lies that an ordinary user's PATH does not reach."""
MODULES = ("usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules")
DATA = ("usr/share/asterisk", "var/lib/asterisk")


@dataclass(frozen=True, slots=True)
class Install:
    """An Asterisk that can be started. Paths with `root` before them are ours, the others the PBX's own."""

    root: Path
    program: str
    modules: str
    data: str
    version: str
    ground: Path
    """Our path of the folder that instances live in."""

    def command(self, *words: str) -> list[str]:
        """The command line that runs Asterisk with these arguments; the process dies with ours."""
        if self.root == Path("/"):
            return [*root.WITH_US, self.program, *words]
        return [*root.entrance(self.root), self.program, *words]

    def inside(self, host_path: Path) -> str:
        """Our path -> the PBX's. Raises ValueError for a place that it cannot see."""
        return "/" + str(host_path.relative_to(self.root))

    def outside(self, pbx_path: str) -> Path:
        """The PBX's path -> ours."""
        return self.root / pbx_path.lstrip("/")


def _path() -> str:
    return os.environ.get("PATH", "") + BESIDE_PATH


def home() -> Path:
    """The lab's own folder: ONRECORD_LAB; else .lab in the project, or in the user's cache where there is none."""
    if chosen := os.environ.get("ONRECORD_LAB"):
        return Path(chosen).resolve()
    project = Path(__file__).resolve().parents[2]
    if (project / "pyproject.toml").exists():
        return project / ".lab"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onrecord" / "lab"


def install(say: Say = print) -> Install:
    """Find or make the Asterisk to use; at once when it is there already. Raises LabNotSetUp saying what to do."""
    if chosen := os.environ.get("ONRECORD_ASTERISK"):
        return _installed(chosen)
    if (found := shutil.which("asterisk", path=_path())) and _major(found) >= OLDEST:
        return _installed(found)
    place = home() / "root"
    if not root.marker(place):
        if programs.os_release().get("ID") == "ubuntu":
            return _ubuntu(say)
        with _alone():
            if not root.marker(place):
                root.make(place, say)
    return _private(place)


def phones(say: Say = print) -> None:
    """See that sipp, baresip and flite are there. Raises LabNotSetUp."""
    programs.ensure(programs.PHONES, say)


def _private(place: Path) -> Install:
    version = root.marker(place)["asterisk"]
    return Install(place, "/usr/sbin/asterisk", *_folders(place), version, place / root.GROUND)


def _installed(program: str) -> Install:
    version = _version(program)
    if _major(program) < OLDEST:
        raise LabNotSetUp(f"{program} is Asterisk {version}; the lab needs {OLDEST} or later")
    return Install(Path("/"), program, *_folders(Path("/")), version, home() / "pbx")


def _ubuntu(say: Say) -> Install:
    """Ubuntu's own package."""
    programs.mask("asterisk", Path("/etc/asterisk"), say)
    programs.ensure(["asterisk"], say)
    return _installed(shutil.which("asterisk", path=_path()) or "asterisk")


def _version(program: str) -> str:
    try:
        printed = subprocess.run([program, "-V"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabNotSetUp(f"{program} does not run: {error}") from error
    return printed.split()[-1] if printed.split() else ""


def _major(program: str) -> int:
    found = re.match(r"(?:certified[/-])?(\d+)", _version(program))
    return int(found[1]) if found else 0


def _folders(place: Path) -> tuple[str, str]:
    """Where modules and shared data lie, as the PBX calls them."""
    modules = next((path for pattern in MODULES for path in place.glob(f"{pattern}/app_mixmonitor.so")), None)
    data = next((path for name in DATA if (path := place / name / "documentation").is_dir()), None)
    if modules is None or data is None:
        raise LabNotSetUp(f"no complete Asterisk in {place}: app_mixmonitor.so or its documentation is missing")
    return f"/{modules.parent.relative_to(place)}", f"/{data.parent.relative_to(place)}"


@contextmanager
def _alone() -> Iterator[None]:
    """Only one process at a time sets the lab up; the others wait and find it done."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
