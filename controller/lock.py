"""One controller at a time: two on the same folders would record everything twice and stop each other's recorders."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from controller import disk

FILE = "controller.lock"
IDENTITY = "controller.id"


class AnotherRuns(OSError):
    """Another controller has these folders; the text says which."""


class Lock:
    """Held from the moment it is made to release(), or to the end of the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Raises AnotherRuns, and OSError where the folder cannot be written to."""
        disk.make_folder(folder)
        self._folder = folder
        self._file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise AnotherRuns(
                f"another controller (process {who}) works with {folder}: stop it first, or give this one a "
                "configuration with folders and a PBX of its own"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    @property
    def token(self) -> str:
        """A name that this folder's controllers have had from the first one on, as no other has."""
        path = self._folder / IDENTITY
        if not path.exists():
            path.write_text(f"{secrets.token_hex(8)}\n")
        return path.read_text().strip()

    def release(self) -> None:
        """Let another one begin."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
