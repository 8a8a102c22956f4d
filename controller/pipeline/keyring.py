"""Throw-away keys: one for each capture that nobody has asked to keep yet, in memory only until somebody does."""

from __future__ import annotations

import ctypes
import mmap
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from controller import disk
from controller.pipeline.sealed import Key

log = structlog.get_logger("keys")

FOLDER = "keys"
"""Below the folder in memory, closed to all but the controller."""
ENDING = ".key"

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class Keyring:
    """`kept`: the folder on the disk for keys of captures that somebody asked to keep. Blocks, and raises OSError.

    A key is a file of 48 bytes in memory, so that a controller that was killed finds it again; it is locked there
    (mlock), so that it is not swapped out, as far as the process may."""

    kept: Path
    unlocked: int = 0  # keys that could not be locked
    _pinned: dict[Path, mmap.mmap] = field(default_factory=dict)

    def of(self, folder: Path, recording: str) -> Key | None:
        """The key of this capture, in memory or kept; `folder` is the one in memory."""
        path = self._path(folder, recording)
        key = Key.read(path) or Key.read(self.kept / f"{recording}{ENDING}")
        if key is not None and path not in self._pinned and path.exists():
            self._pin(path)  # an earlier life made it
        return key

    def make(self, folder: Path, recording: str) -> Key:
        """A new one, unless there is one."""
        known = self.of(folder, recording)
        if known is not None:
            return known
        path, key = self._path(folder, recording), Key.new()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)  # a part of one, from a crash: nothing was sealed under it
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, key.plain)
        finally:
            os.close(descriptor)
        self._pin(path)
        return key

    def keep(self, folder: Path, recording: str) -> None:
        """Somebody asked for it: the key goes to the disk as well, and what it sealed outlives a power cut."""
        target = self.kept / f"{recording}{ENDING}"
        key = Key.read(self._path(folder, recording))
        if key is None or Key.read(target) == key:
            return
        part = target.with_name(target.name + disk.PART)
        disk.before(f"write {part.name}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.plain)
            file.flush()
            os.fsync(file.fileno())
        disk.keep(part, target)

    def is_kept(self, recording: str) -> bool:
        return (self.kept / f"{recording}{ENDING}").exists()

    def destroy(self, folder: Path, recording: str) -> None:
        """Overwrite and remove every copy that there is."""
        memory, kept = self._path(folder, recording), self.kept / f"{recording}{ENDING}"
        for path in (memory, kept, kept.with_name(kept.name + disk.PART)):
            with suppress(FileNotFoundError):
                _overwrite(path)
                disk.remove(path)
        pinned = self._pinned.pop(memory, None)
        if pinned is not None:
            pinned.close()

    def _path(self, folder: Path, recording: str) -> Path:
        return folder / FOLDER / f"{recording}{ENDING}"

    def _pin(self, path: Path) -> None:
        """A page of a file in memory that is mapped and locked is not swapped, whoever reads it."""
        with path.open("r+b") as file:
            pinned = mmap.mmap(file.fileno(), 0)
        address = ctypes.addressof(ctypes.c_char.from_buffer(pinned))
        if _LIBC.mlock(ctypes.c_void_p(address), ctypes.c_size_t(len(pinned))):
            self.unlocked += 1
            if self.unlocked == 1:
                log.warning("a key cannot be locked in memory: raise LimitMEMLOCK, or mount the folder noswap")
        self._pinned[path] = pinned


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(secrets.token_bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
