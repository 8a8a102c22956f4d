"""Sealed files: the first part of a growing file, moved to the disk under a key that may yet be thrown away.

docs/durability.md has the format. A chunk's nonce is drawn at random, and not counted as in STREAM: a controller that
was killed seals its last chunk again, perhaps with other content, and a counter would then be used twice.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 64 * 1024
"""Bytes of audio that are sealed at a time: 4.1 s of a WAV at 8 kHz."""
LEFT = 64 * 1024
"""Bytes at the end of a growing file that stay as they are: the watch over recorders listens to the newest block."""
PAGE = 4096
"""What stays of the beginning: the PBX writes the lengths into the header at the end."""
MAGIC = b"onrecord sealed\x01"
KEY_ID, SECRET, NONCE, TAG = 16, 32, 12, 16
_SIZE = 4

_LIBC = ctypes.CDLL(None, use_errno=True)
_KEEP_SIZE, _PUNCH_HOLE = 1, 2


class KeyGone(Exception):
    """There is a sealed file, and no key to it any more: nobody can read it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A throw-away key: what it is called, and the secret itself (AES-256)."""

    id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Key:
        return cls(secrets.token_bytes(KEY_ID), secrets.token_bytes(SECRET))

    @classmethod
    def read(cls, path: Path) -> Key | None:
        """None where there is none, or only a part of one."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        return cls(data[:KEY_ID], data[KEY_ID:]) if len(data) == KEY_ID + SECRET else None

    @property
    def plain(self) -> bytes:
        return self.id + self.secret


def fingerprint(key_id: bytes) -> str:
    """What a receipt says of a key: made of its name, so that it tells nothing of the secret."""
    return sha256(key_id).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed file. Everything here blocks, and raises OSError."""

    path: Path

    def header(self) -> tuple[bytes, int] | None:
        """The key's id and the chunk's size; None where there is no file, or only the beginning of its header."""
        try:
            with self.path.open("rb") as file:
                head = file.read(_HEADER)
        except FileNotFoundError:
            return None
        if len(head) < _HEADER or not head.startswith(MAGIC):
            return None
        return head[len(MAGIC) : len(MAGIC) + KEY_ID], int.from_bytes(head[-_SIZE:], "big")

    def follow(self, source: Path, key: Key, chunk: int = CHUNK, left: int = LEFT) -> int:
        """Seal what is new of `source` but for its end, then free it there. Returns the bytes sealed just now.

        Safe to repeat, also after a crash at any place: what was not whole is sealed again, what was not freed is.
        """
        known = self.header()
        chunk = known[1] if known is not None else chunk
        with source.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if known is None and size < chunk + left:
                return 0
            done = before = self._begin(key, chunk) if known is None else self.chunks(chunk)
            if size - (done + 1) * chunk >= left:
                done = self._append(file.fileno(), key, chunk, done, (size - left) // chunk)
            _free(file.fileno(), PAGE, done * chunk)
        return (done - before) * chunk

    def chunks(self, chunk: int) -> int:
        """How many are whole; the rest of one that is not is cut off when the next is sealed."""
        return (self.path.stat().st_size - _HEADER) // (NONCE + chunk + TAG)

    def opened(self, key: Key) -> Iterator[tuple[int, int, bytes | None]]:
        """Each chunk's offset, size and content; None for one that is damaged. Raises KeyGone for another's key."""
        known = self.header()
        if known is None:
            return
        if known[0] != key.id:
            raise KeyGone(f"{self.path} was sealed under another key")
        chunk, cipher = known[1], AESGCM(key.secret)
        with self.path.open("rb") as file:
            file.seek(_HEADER)
            for index in range(self.chunks(chunk)):
                record = file.read(NONCE + chunk + TAG)
                plain: bytes | None = None
                with suppress(InvalidTag):
                    plain = cipher.decrypt(record[:NONCE], record[NONCE:], self._bound(key, index))
                yield index * chunk, chunk, plain

    def _begin(self, key: Key, chunk: int) -> int:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(MAGIC + key.id + chunk.to_bytes(_SIZE, "big"))
        return 0

    def _append(self, source: int, key: Key, chunk: int, done: int, until: int) -> int:
        cipher = AESGCM(key.secret)
        with self.path.open("r+b") as file:
            file.truncate(_HEADER + done * (NONCE + chunk + TAG))
            file.seek(0, os.SEEK_END)
            for index in range(done, until):
                plain = os.pread(source, chunk, index * chunk)
                nonce = secrets.token_bytes(NONCE)
                file.write(nonce + cipher.encrypt(nonce, plain, self._bound(key, index)))
        return until

    def _bound(self, key: Key, index: int) -> bytes:
        """So that no chunk can be put in another's place, or into another file."""
        return MAGIC + key.id + self.path.name.encode() + index.to_bytes(8, "big")


_HEADER = len(MAGIC) + KEY_ID + _SIZE


def _free(descriptor: int, start: int, end: int) -> None:
    """Give the memory of a stretch back, whose bytes read as zeros from here on; the file stays as long as it is."""
    if end <= start:
        return
    flags = _KEEP_SIZE | _PUNCH_HOLE
    if _LIBC.fallocate(descriptor, flags, ctypes.c_long(start), ctypes.c_long(end - start)):
        code = ctypes.get_errno()
        if code not in (errno.ENOSYS, errno.EOPNOTSUPP):  # ramfs cannot: it keeps all until the call is over
            raise OSError(code, os.strerror(code))
