"""Asterisk configurations to look at: small folders of .conf files, and the command run on them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controller.cli import main

GENERAL = "[general]\nenabled = yes\nport = 5038\nbindaddr = 127.0.0.1\n"
MANAGER = GENERAL + "\n[admin]\nsecret = hunter2\nread = all\nwrite = all\n"
HTTP = "[general]\nenabled = no\n"
ARI = "[general]\nenabled = yes\n"
BARE = {"asterisk": "", "manager": MANAGER, "http": HTTP, "ari": ARI, "extensions": "", "features": ""}


@contextmanager
def nobody(folder: Path) -> Iterator[None]:
    """Without root's rights, where the tests have them; `folder` may be entered by everybody meanwhile."""
    mine = os.geteuid()
    if mine != 0:
        yield
        return
    for path in (folder, *folder.parents):
        if path == Path(tempfile.gettempdir()):
            break
        path.chmod(path.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told

    def change(self, name: str) -> str:
        """The diff of the one file of this name."""
        (found,) = [one for one in self.json["changes"] if Path(one["file"]).name == name]
        return "\n".join(found["diff"])


class Office:
    """A folder like /etc/asterisk, and the folder for our own configuration beside it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], **files: str | bytes) -> None:
        self.etc, self.config, self._capsys = folder / "asterisk", folder / "onrecord" / "onrecord.toml", capsys
        self.etc.mkdir()
        self.config.parent.mkdir()
        for name, text in (BARE | files).items():
            self.write(f"{name}.conf", text)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name: str) -> str:
        return (self.etc / name).read_text()

    def init(self, *options: str, json: bool = True) -> Told:
        """Run `onrecord init`."""
        given = ["init", "--asterisk", str(self.etc), "--config", str(self.config), *options]
        code = 0
        try:
            main([*given, "--json"] if json and "--undo" not in options else given)
        except SystemExit as ending:
            code = int(ending.code or 0)
        return Told(code, *self._capsys.readouterr())

    def files(self) -> dict[str, bytes]:
        """Everything there, without our backups."""
        found = (one for one in self.etc.rglob("*") if one.is_file() and "onrecord-backup" not in one.parts)
        return {str(one.relative_to(self.etc)): one.read_bytes() for one in found}
