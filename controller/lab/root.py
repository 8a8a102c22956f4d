"""Where the lab's Asterisk comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Install:
    """An Asterisk that can be started: in a private root folder, or the machine's own (`root` is /)."""

    root: Path
    program: str
    modules: str
    data: str
    version: str
    prefix: tuple[str, ...]
    ground: Path

    def command(self, *words: str) -> list[str]:
        """The command line that runs `asterisk …` there."""
        return [*self.prefix, self.program, *words[1:]]

    def inside(self, host_path: Path) -> str:
        return "/" + str(host_path.relative_to(self.root))

    def outside(self, pbx_path: str) -> Path:
        return self.root / pbx_path.lstrip("/")


def install() -> Install:
    root = Path(__file__).parents[2] / ".lab" / "root"
    return Install(
        root,
        "/usr/sbin/asterisk",
        "/usr/lib/x86_64-linux-gnu/asterisk/modules",
        "/usr/share/asterisk",
        "22",
        ("setpriv", "--pdeathsig", "KILL", "chroot", str(root)),
        root / "srv" / "onrecord",
    )
