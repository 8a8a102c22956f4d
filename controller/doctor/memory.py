"""Checks of the folder in memory for what nobody has asked to keep yet: whether it is one, and has room."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from controller import ram
from controller.config.load import Config
from controller.config.memory import captures_unasked
from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.doctor.places import acting_as, service_user
from controller.pipeline.sealed import CHUNK, LEFT
from controller.pipeline.space import space

SWAPS = Path("/proc/swaps")
PER_CALL = 3 * (CHUNK + LEFT + 2 * 32_768)
"""Bytes of one call: three files, each with what waits to be sealed and what Asterisk writes at a time."""
FEW_CALLS = 100


def memory(config: Config) -> list[Finding]:
    """One finding or more for each PBX."""
    if not captures_unasked(config.policy):
        return [skipped("no rule is on-demand-keep")]
    found: list[Finding] = []
    for pbx in config.pbxs:
        if pbx.memory is None:
            found.append(
                warn(
                    f"{pbx.name}: what nobody asks to keep is written to {pbx.monitor_dir} in the clear",
                    "set [[pbx]] provisional_dir to a folder in memory, where PBX and controller share a machine",
                )
            )
        else:
            found += _folder(pbx.name, pbx.memory, config)
    return found


def _folder(pbx: str, folder: Path, config: Config) -> list[Finding]:
    user = service_user(config)
    with acting_as(user):
        why = ram.trouble(folder)
    if why:
        return [fail(f"{pbx}: {why}", ram.remedy(folder), folder=str(folder))]
    found = [*_swapped(folder), *_rights(folder)]
    room = space(folder)
    calls = room.free // PER_CALL
    if calls < FEW_CALLS:
        what = f"{folder} has room for {calls} calls at a time ({room.free / 2**20:.0f} MB)"
        found.append(warn(what, f"mount -o remount,size=1g {folder}, and the same in /etc/fstab", calls=calls))
    return found or [ok(f"{folder} is in memory, and has room for {calls:,} calls at a time", calls=calls)]


def _swapped(folder: Path) -> list[Finding]:
    """A page of memory that is swapped out is on a disk, and stays there in the clear."""
    if not ram.mount_of(folder).may_be_swapped or not swaps():
        return []
    what = f"{folder} may be swapped to {', '.join(swaps())}: the newest seconds of calls could come to a disk"
    remedy = "mount it with noswap (Linux 6.4 or later), encrypt the swap space, or switch it off"
    return [warn(what, remedy, swaps=swaps())]


def _rights(folder: Path) -> list[Finding]:
    status = folder.stat()
    remedy = f"chown onrecord:asterisk {folder}; chmod 2770 {folder}"
    found = []
    if status.st_mode & 0o007:
        found.append(fail(f"everybody on this machine may look into {folder}", remedy))
    if status.st_mode & stat.S_ISVTX:
        # fs.protected_regular: who does not own a file there may not open it with O_CREAT, as Asterisk does.
        found.append(fail(f"{folder} has the sticky bit: Linux keeps Asterisk from files that we made there", remedy))
    shared = status.st_mode & stat.S_ISGID and status.st_mode & 0o070 == 0o070
    if not shared and os.geteuid() == 0 and status.st_uid != 0:
        found.append(
            warn(f"files in {folder} are not made for its group (mode {status.st_mode & 0o7777:04o})", remedy)
        )
    return found


def swaps() -> list[str]:
    """The swap devices in use."""
    with suppress(OSError):
        return [line.split()[0] for line in SWAPS.read_text().splitlines()[1:] if line.strip()]
    return []
