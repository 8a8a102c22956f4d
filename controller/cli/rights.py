"""Whose rights a command works with: root's files in the controller's folders would be closed to the controller."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path


def as_owner(folder: Path) -> None:
    """Where we are root and this folder is somebody's: be that user from here on, for good."""
    with suppress(FileNotFoundError):
        owner = folder.stat()
        if os.geteuid() != 0 or owner.st_uid == 0:
            return
        groups = [owner.st_gid]
        with suppress(KeyError):
            user = pwd.getpwuid(owner.st_uid)
            groups = os.getgrouplist(user.pw_name, user.pw_gid)  # Asterisk's is one of them
        os.setgroups(groups)
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
