"""Checks of folders and disks, as the controller's user sees them: rights, room, and what lies on one file system."""

from __future__ import annotations

import os
import pwd
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from controller import ram
from controller.config.load import Config
from controller.config.machinery import Secret
from controller.control import NotRunning, ask
from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.pipeline.space import RAW_BYTES, STORED_BYTES, space
from controller.watch.selftested import read as selftests

USER = "onrecord"
"""Whom the packaged service runs as."""
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "glusterfs", "fuse.glusterfs"})
HOURS_WARN, HOURS_FAIL = 24.0, 1.0
SELFTEST_DAYS = 8.0


@dataclass(frozen=True, slots=True)
class Place:
    """One folder that recordings pass through. `per_second`: bytes written there for each second of a call."""

    what: str
    folder: Path
    per_second: int
    made: bool = True  # whether the controller makes it itself


def places(config: Config) -> list[Place]:
    """Where recordings go, in their order."""
    return [
        *(Place(f"PBX {pbx.name}'s folder", pbx.folder, RAW_BYTES, made=False) for pbx in config.pbxs),
        Place("the spool", config.spool.folder, STORED_BYTES),
        Place("the store", config.store.folder, STORED_BYTES),
        Place("the journal", config.journal.folder, 100),
        Place("the catalogue's folder", config.catalogue.file.parent, 100),
    ]


def running(config: Config) -> dict[str, object] | None:
    """What the running controller says of itself; None where none answers, or not to us."""
    try:
        return ask(config.control.socket, {"do": "status"})
    except NotRunning:
        return None


def service_user(config: Config) -> pwd.struct_passwd:
    """Whose rights count: the running controller's user, else the packaged service's, else our own."""
    status = running(config)
    with suppress(OSError, KeyError, ValueError, TypeError):
        if status is not None:
            return pwd.getpwuid(Path(f"/proc/{int(str(status['pid']))}").stat().st_uid)
    if os.geteuid() == 0:
        with suppress(KeyError):
            return pwd.getpwnam(USER)
    return pwd.getpwuid(os.geteuid())


@contextmanager
def acting_as(user: pwd.struct_passwd) -> Iterator[None]:
    """With that user's rights to files, where root may take them; nothing else may run meanwhile."""
    if os.geteuid() != 0 or user.pw_uid == 0:
        yield
        return
    before = os.getgroups()
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def configuration(config: Config) -> list[Finding]:
    """What the file's reader doubted, and whether strangers may read passwords in it."""
    found = [warn(f"{config.path}: {one}", "correct the line, or leave it if it is meant") for one in config.warnings]
    mode = config.path.stat().st_mode & 0o777 if config.path.exists() else 0
    written = [door for pbx in config.pbxs for door in (pbx.ami, pbx.ari) if door is not None and _in_the_file(door)]
    if mode & 0o004 and written and _reachable(config.path):
        found.append(
            fail(
                f"everybody on this machine can read the passwords in {config.path} (mode {mode:04o})",
                f"chmod 640 {config.path}; or keep them in files of their own with secret_file",
            )
        )
    return found or [ok(f"{config.path} has no doubtful places")]


def _in_the_file(door: Secret) -> bool:
    return door.secret_file is None and not door.secret_env


def folders(config: Config) -> list[Finding]:
    """Whether each folder is there and may be written, tried by writing a file as the controller's user."""
    user = service_user(config)
    found = [one for place in places(config) if (one := _folder(place, user)) is not None]
    who = f"{user.pw_name} writes" if os.geteuid() in (0, user.pw_uid) else "we write"
    if os.geteuid() not in (0, user.pw_uid):
        remedy = f"sudo -u {user.pw_name} onrecord doctor"
        found.append(warn(f"tried as uid {os.geteuid()}, but the controller runs as {user.pw_name}", remedy))
    return found or [ok(f"{who} all {len(places(config))} folders")]


def _folder(place: Place, user: pwd.struct_passwd) -> Finding | None:
    folder = place.folder
    with acting_as(user):
        if not folder.exists() and place.made:
            parent = next((one for one in folder.parents if one.exists()), Path("/"))
            if os.access(parent, os.W_OK | os.X_OK, effective_ids=True) and parent.is_dir():
                return None  # the controller makes it
            return _closed(place, user, f"is not there and cannot be made in {parent}")
        if not folder.is_dir():
            return _closed(place, user, "is not there" if not folder.exists() else "is no folder")
        try:
            with tempfile.NamedTemporaryFile(prefix=".onrecord-doctor-", dir=folder) as file:
                file.write(b"\0" * 4096)
                file.flush()
        except OSError as error:
            return _closed(place, user, f"cannot be written by {user.pw_name}: {error.strerror}")
    return None


def _closed(place: Place, user: pwd.struct_passwd, why: str) -> Finding:
    owner, mode = ("asterisk", "2770") if not place.made else (user.pw_name, "0750")
    group = user.pw_name
    return fail(
        f"{place.what}, {place.folder}, {why}",
        f"install -d -o {owner} -g {group} -m {mode} {place.folder}; in a systemd unit, ReadWritePaths must name it",
        folder=str(place.folder),
    )


def room(config: Config) -> list[Finding]:
    """How long the disks last, one finding for each disk."""
    disks: dict[int, list[Place]] = {}
    for place in places(config):
        disks.setdefault(space(place.folder).disk, []).append(place)
    return [_disk(there) for there in disks.values()]


def _disk(there: list[Place]) -> Finding:
    found = space(there[0].folder)
    # Raw files are there only until they are joined: what stays is what the store gets.
    rate = STORED_BYTES if any(place.what == "the store" for place in there) else max(p.per_second for p in there)
    hours, share = found.hours(rate), found.free / max(found.total, 1)
    names = ", ".join(place.what for place in there)
    what = f"{names}: {found.free / 2**30:.1f} GiB free ({share:.0%}), {hours:,.0f} h of one conversation"
    figures = {"free_bytes": found.free, "total_bytes": found.total, "hours": round(hours, 1), "names": found.names}
    remedy = f"make room on the disk of {there[0].folder}, or move the folder to a larger one"
    if 0 <= found.names < 1000:
        return fail(f"{names}: only {found.names} more files can be made (inodes)", remedy, **figures)
    if hours < HOURS_FAIL:
        return fail(what, remedy, **figures)
    if found.low or hours < HOURS_WARN:
        return warn(what, remedy, **figures)
    return ok(what, **figures)


def disks(config: Config) -> list[Finding]:
    """Which folders share a file system: moving is instant within one, and a full one stops all that is on it."""
    out = []
    spool, store = space(config.spool.folder), space(config.store.folder)
    if spool.disk != store.disk:
        out.append(
            warn(
                "spool and store are on two file systems: each recording is copied, not moved, and for "
                "a while needs its room twice",
                f"put {config.spool.folder} beside {config.store.folder}",
            )
        )
    for pbx in config.pbxs:
        raw = space(pbx.folder)
        if raw.disk != spool.disk:
            kind = f" ({_kind(pbx.folder)})" if _kind(pbx.folder) in NETWORK else ""
            out.append(
                warn(
                    f"PBX {pbx.name}'s folder{kind} and the spool are on two file systems: each raw file is copied",
                    f"put {config.spool.folder} on the file system of {pbx.folder} where you can",
                )
            )
    for place in places(config)[: len(config.pbxs) + 2]:
        kind = _kind(place.folder)
        if kind in ram.KINDS:
            remedy = "put it on a disk: what is in memory is gone after a power cut"
            out.append(fail(f"{place.what}, {place.folder}, is in memory ({kind})", remedy))
        elif kind in NETWORK and place.what == "the spool":
            out.append(
                warn(f"the spool, {place.folder}, is on {kind}", "a local disk: locks and syncs are sure there")
            )
    root = Path("/").stat().st_dev
    shared = [place.what for place in places(config)[: len(config.pbxs) + 2] if space(place.folder).disk == root]
    if shared:
        out.append(
            warn(
                f"{', '.join(shared)}: on the system's own file system: recordings that fill it stop everything",
                "give recordings a file system (a partition, a volume, a quota) of their own",
            )
        )
    return out or [ok("spool, store and the PBX's folder are on one file system, which is not the system's own")]


def _kind(folder: Path) -> str:
    """The type of the file system that the folder is on, or will be: ext4, nfs4 …; "" where nobody tells."""
    return ram.mount_of(folder).kind


def outsiders(config: Config) -> list[Finding]:
    """Whether everybody on this machine may read what is recorded."""
    found = []
    for place in places(config)[: len(config.pbxs) + 2]:
        if place.folder.is_dir() and place.folder.stat().st_mode & 0o005 and _reachable(place.folder):
            mode = place.folder.stat().st_mode & 0o7777
            found.append(
                warn(
                    f"everybody on this machine may look into {place.what}, {place.folder} (mode {mode:04o})",
                    f"chmod o= {place.folder}",
                )
            )
    return found or [ok("recordings are closed to other users of this machine")]


def _reachable(folder: Path) -> bool:
    """Whether others may walk down to it at all."""
    return all(parent.stat().st_mode & 0o001 for parent in folder.resolve().parents)


def controller(config: Config) -> list[Finding]:
    """What the running controller says of its PBXs, and whether it uses this very file."""
    try:
        status = ask(config.control.socket, {"do": "status"})
    except NotRunning as error:
        return [skipped(f"the controller does not run, or not for us: {error}")]
    out = []
    theirs = str(status.get("config", ""))
    if theirs and Path(theirs).absolute() != config.path.absolute():
        out.append(warn(f"the running controller uses {theirs}, not {config.path}", f"--config {theirs}"))
    links = status.get("pbxs", {})
    for name, state in links.items() if isinstance(links, dict) else ():
        if state != "connected":
            out.append(fail(f"the running controller has no link to {name}: {state}", "see the checks of that PBX"))
    out.extend(
        warn(f"the running controller reported: {alarm.get('what')}", str(alarm.get("remedy", "")))
        for alarm in list(status.get("alarms", ()))[-3:]
    )
    return out or [
        ok(f"the controller runs (pid {status.get('pid')}) and is linked to all PBXs", calls=status.get("calls"))
    ]


def selftested(config: Config) -> list[Finding]:
    """When `onrecord selftest` last passed on each PBX."""
    outcomes, out = selftests(config.journal.folder), []
    for name, one in ((pbx.name, outcomes.get(pbx.name)) for pbx in config.pbxs):
        if one is None:
            out.append(skipped(f"{name}: no self-test was ever made", "docs/guides/selftest.md"))
            continue
        days = (time.time() - one.at) / 86_400
        if not one.passed:
            out.append(fail(f"{name}: the self-test failed at {one.step}: {one.what}", one.remedy))
        elif days > SELFTEST_DAYS:
            out.append(warn(f"{name}: the last self-test was {days:.0f} days ago", "enable onrecord-selftest.timer"))
        else:
            out.append(ok(f"{name}: the self-test passed", days_ago=round(days, 1)))
    return out
