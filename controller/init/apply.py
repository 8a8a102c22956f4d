"""Puts edits on the disk, each file whole or not at all, with a backup; and takes them back to the byte."""

from __future__ import annotations

import grp
import hashlib
import json
import os
import pwd
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from controller.init.conf import OURS, NotReadable, bytes_of
from controller.init.edits import Edit, is_our_name, without_ours

BACKUPS = "onrecord-backup"
"""Folder in the PBX's configuration; one folder per run in it."""
EDITED = "removed; it was changed since, and a copy is in the backup"
_LIST, _UNDONE = "changes.json", "undone"


class NotWritten(Exception):
    """A file could not be written; the message names it, the cause and the remedy. What was written before stays."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a file is, and who may read it."""

    uid: int
    gid: int
    mode: int


def apply(etc: Path, edits: Sequence[Edit], runs_as: str = "", now: float | None = None) -> Path:
    """Back up, then write. Returns the backup's folder. Raises NotWritten, NotReadable (a file changed meanwhile)."""
    for edit in edits:
        if (bytes_of(edit.path) if edit.path.exists() else None) != edit.before:
            raise NotWritten(f"{edit.path} was changed by somebody just now: run it again")
    folder = _back_up(etc, edits, time.time() if now is None else now)
    # Files of ours first: a line that names a file that is not there keeps Asterisk from loading the other one.
    for edit in sorted(edits, key=lambda one: not is_our_name(one.path)):
        write(edit.path, edit.after, owner_of(edit, runs_as))
    return folder


def undo(etc: Path) -> list[tuple[Path, str]]:
    """Take back all that `apply` did. Returns (file, what was done).

    A file that nobody changed since comes back to the byte. Of one that somebody changed, our lines go and the rest
    stays. Raises NotWritten, NotReadable.
    """
    runs = [one for one in sorted((etc / BACKUPS).glob("*/"), reverse=True) if not (one / _UNDONE).exists()]
    changes = [(run, change) for run in runs for change in _changes(run)]
    touched = dict.fromkeys([*(Path(change["file"]) for _, change in changes), *_marked(etc)])
    plan = [(path, *_original(path, changes)) for path in touched if path.exists()]
    done = []
    # Lines first, files of ours last: the other way round there would be a moment with a line that names nothing.
    for path, data, how in sorted(plan, key=lambda one: is_our_name(one[0])):
        if data is None:
            if how == EDITED and runs:
                write(runs[0] / f"{path.name}.removed", bytes_of(path), None)
            _delete(path)
            done.append((path, how))
        elif data != bytes_of(path):
            write(path, data, _owner(path))
            done.append((path, how))
    for run in runs:
        write(run / _UNDONE, b"", None)
    return done


def write(path: Path, data: bytes, owner: Owner | None) -> None:
    """Write a file whole or not at all. Raises NotWritten."""
    part = path.with_name(f".{path.name}.onrecord-{os.getpid()}")
    try:
        path = path.resolve()
        part = path.with_name(part.name)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if owner is not None:
                _give(file.fileno(), owner)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def make_folder(path: Path, owner: Owner) -> None:
    """Make a folder and what it stands in. Raises NotWritten."""
    if path.is_dir():
        return
    make_folder(path.parent, Owner(owner.uid, owner.gid, 0o755))
    try:
        path.mkdir(mode=owner.mode)
        os.chown(path, *_allowed(owner))
        path.chmod(owner.mode)
    except OSError as error:
        raise _not_written(path, error) from error


def owner_of(edit: Edit, runs_as: str = "") -> Owner:
    """As the file is; a new one as its example, and where it holds a password not for everybody to read."""
    if edit.path.exists():
        return _owner(edit.path)
    like = _owner(edit.like) if edit.like.exists() else replace(_owner(edit.path.parent), mode=0o640)
    mode = like.mode & 0o666 | 0o600
    if not edit.secrets:
        return Owner(like.uid, like.gid, mode)
    user = _user(runs_as)
    if mode & 0o004 and user is not None and user.pw_uid not in (0, like.uid):
        # Asterisk read the example as one of everybody: it needs another way in.
        return Owner(like.uid, user.pw_gid, 0o640)
    return Owner(like.uid, like.gid, mode & 0o640)


def group_of(name: str) -> int | None:
    """The number of a Unix group, None where there is none of this name."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name) if name else None
    except KeyError:
        return None


def _back_up(etc: Path, edits: Sequence[Edit], now: float) -> Path:
    like = _owner(etc)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    folder = etc / BACKUPS / stamp
    number = 1
    while folder.exists():
        number += 1
        folder = etc / BACKUPS / f"{stamp}-{number}"
    make_folder(folder, Owner(like.uid, like.gid, 0o700))
    changes = []
    for number, edit in enumerate(edits, 1):
        copy = ""
        if edit.before is not None:
            copy = f"{number:02d}-{edit.path.name}.before"
            write(folder / copy, edit.before, None)
        changes.append(
            {
                "file": str(edit.path),
                "copy": copy,
                "before": _hash(edit.before) if edit.before is not None else "",
                "after": _hash(edit.after),
            }
        )
    write(folder / _LIST, json.dumps(changes, indent=1).encode(), None)
    return folder


def _changes(run: Path) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = json.loads((run / _LIST).read_text())
    except (OSError, ValueError):
        return []  # the run was cut off before it changed anything
    return found


def _marked(etc: Path) -> Iterable[Path]:
    """Files that hold a line of ours, whatever became of the backups."""
    for path in sorted(etc.rglob("*.conf")):
        if BACKUPS not in path.parts and path.is_file():
            data = bytes_of(path)
            if without_ours(data) != data or (is_our_name(path) and data.startswith(OURS.encode())):
                yield path


def _original(path: Path, changes: list[tuple[Path, dict[str, str]]]) -> tuple[bytes | None, str]:
    """What the file was before us: from the backups as far as they fit, newest first; else without our lines."""
    data: bytes | None = bytes_of(path)
    for run, change in changes:
        if data is not None and change["file"] == str(path) and _hash(data) == change["after"]:
            data = (run / change["copy"]).read_bytes() if change["copy"] else None
    if data is None:
        return None, "removed"
    if is_our_name(path) and data.startswith(OURS.encode()):
        return None, EDITED
    rest = without_ours(data)
    if rest == data:
        return data, "as it was before"
    return rest, "our lines taken out; it was changed since, and the rest was left as it is"


def _delete(path: Path) -> None:
    try:
        path.unlink()
        _sync(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error


def _give(descriptor: int, owner: Owner) -> None:
    os.fchown(descriptor, *_allowed(owner))
    os.fchmod(descriptor, owner.mode)


def _allowed(owner: Owner) -> tuple[int, int]:
    """Only root gives files away; others may name a group of their own."""
    if os.geteuid() == 0:
        return owner.uid, owner.gid
    mine = owner.gid in (os.getegid(), *os.getgroups())
    return -1, owner.gid if mine else -1


def _owner(path: Path) -> Owner:
    try:
        status = path.stat()
    except OSError as error:
        raise NotReadable(f"{path} cannot be seen: {error.strerror}: run this with sudo") from error
    return Owner(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _not_written(path: Path, error: OSError) -> NotWritten:
    remedy = ": run this with sudo" if isinstance(error, PermissionError) and os.geteuid() != 0 else ""
    return NotWritten(f"{path} cannot be written: {error.strerror}{remedy}")
