"""How to reach one Asterisk, and where it writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_FOLDER = re.compile(r"/[A-Za-z0-9._/-]*")
_FORMAT = re.compile(r"wav|wav16|sln|sln16|alaw|ulaw|gsm")


@dataclass(frozen=True, slots=True)
class AsteriskSettings:
    """One PBX. Raises ValueError, naming the field, for what could not work.

    `monitor_dir` is the folder as Asterisk calls it, `spool_dir` the same folder as this process sees it. `ari_url`
    is `http://host:8088`; "" leaves ARI out. Times are in seconds.
    """

    name: str
    host: str
    ami_user: str
    ami_secret: str = field(repr=False)
    monitor_dir: str
    spool_dir: Path
    ami_port: int = 5038
    ari_url: str = ""
    ari_user: str = ""
    ari_secret: str = field(default="", repr=False)
    app: str = "onrecord"
    format: str = "wav"
    token: str = ""  # names this controller over its restarts; "": nobody asks who else works on this PBX
    who: str = "unknown"  # the same for people: machine and process
    provisional_dir: str = ""  # in memory, for what nobody has asked to keep yet; "": that goes to monitor_dir
    provisional_folder: Path = Path("/nowhere")  # the same folder as this process sees it
    context: str = ""  # where its phones dial, for a destination that names none
    prompts_dir: str = "/var/lib/asterisk/sounds/onrecord"  # as the PBX calls it; <language>/<prompt>.wav below
    sounds: Mapping[str, str] = field(default_factory=dict)  # name of a notice -> what ARI is to play, "sound:beep"
    attributes: tuple[str, ...] = ("group", "kind")  # names of ONRECORD_… variables to ask for in a snapshot
    action_seconds: float = 5.0  # until an action's answer, and the event that confirms it
    proof_seconds: float = 1.0  # until the files of a started recorder are there
    ping_seconds: float = 1.5  # silence on a link after which it is asked for a sign of life
    grace_seconds: float = 2.0  # how long AMI may lag behind ARI in telling that a channel ended

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r} must be letters, digits, - and _ (it begins every call's id)")
        # A comma would split MixMonitor's File into options and a shell command; a bracket would end r(…) early.
        for name, folder in (("monitor_dir", self.monitor_dir), ("provisional_dir", self.provisional_dir or "/")):
            if not _FOLDER.fullmatch(folder) or "/../" in f"{folder}/":
                raise ValueError(f"{name}: {folder!r} must be absolute, of letters, digits, . _ - and / only")
        for name in self.attributes:
            if not _NAME.fullmatch(name):
                raise ValueError(f"attributes: {name!r} is not the end of a variable's name")
        if not _FORMAT.fullmatch(self.format):
            raise ValueError(f"format: {self.format!r} cannot be recorded with two sides and repaired after a crash")

    @property
    def folders(self) -> dict[str, bool]:
        """Where recorders of ours write, as Asterisk calls it: whether that is what nobody has asked to keep yet."""
        return {self.monitor_dir: False} | ({self.provisional_dir: True} if self.provisional_dir else {})
