"""What a driver is: the few things that the engine asks of a PBX, whichever it is, and the two ways they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from controller.core.commands import Allow, Beep, Divert, LegId, Open, RecorderCommand, Start, Tell
from controller.core.events import Event
from controller.core.lamps import Glow


class PbxRefused(Exception):
    """The PBX answered and said no; the text is its own, as far as it gave one."""


class PbxGone(Exception):
    """No answer: the link is lost, or the deadline passed. What the PBX did meanwhile is unknown."""


@dataclass(frozen=True, slots=True)
class SegmentFiles:
    """Where the PBX writes one segment, as paths that this process can open.

    `anchor` holds what the anchor leg says, `others` what it hears, `mixed` both. Any may be missing on disk.
    """

    mixed: Path
    anchor: Path | None = None
    others: Path | None = None


@dataclass(slots=True)
class Counters:
    """What went through a driver, and what was strange: for whoever looks after it."""

    events: int = 0
    ignored: int = 0
    malformed: int = 0
    dropped: int = 0
    commands: int = 0
    refused: int = 0
    reconnects: int = 0
    odd: dict[str, int] = field(default_factory=dict)  # kind of strange input -> how often


@dataclass(frozen=True, slots=True)
class Health:
    """Of one recorder: whether the PBX still has it, and how many packets of sound its leg has had so far, both ways
    (None: nobody can tell)."""

    running: bool
    packets: int | None = None


class Driver(Protocol):
    """One PBX. Every RecorderCommand given to `do` ends in exactly one Done or Failed, heard by `hear`."""

    name: str
    counters: Counters

    async def run(self, hear: Callable[[Event], None], up: Callable[[bool, str], None]) -> None:
        """Stay connected until cancelled. `hear` gets each event in order, the snapshot's first after each connect;
        `up(True, "")` tells that the snapshot is complete, `up(False, why)` that the link is lost."""
        ...

    async def do(self, command: RecorderCommand) -> Event:
        """Carry out one command; returns its Done or Failed. Never raises PbxRefused or PbxGone."""
        ...

    async def allow(self, command: Allow) -> None:
        """Have the PBX refuse what we would refuse, as far as it can. Never raises; what failed is counted."""
        ...

    async def show(self, extension: str, glow: Glow, lamp: str = "rec") -> None:
        """Set a lamp of this extension, which phones subscribe to as `<lamp>-<extension>`. Never raises; what failed
        is counted."""
        ...

    async def open(self, command: Open) -> None:
        """Give a leg that waits in the gate its word. Never raises; a gate that is not opened opens itself."""
        ...

    async def divert(self, command: Divert) -> bool:
        """Send the leg to that place of the dialplan; whether it went. False where there is no such place. Never
        raises; what failed is counted."""
        ...

    async def answer(self, leg: LegId, name: str, value: str) -> None:
        """Set a variable that the dialplan waits for, both our own words. Never raises; what failed is counted."""
        ...

    async def find(self, channel: str, sip_call: str, user: str) -> LegId | None:
        """The live leg of this name, or of this SIP Call-ID and user where the name is "". Never raises."""
        ...

    async def push(self, endpoint: str, body: str) -> None:
        """Send an XML screen to the phones of this endpoint. Never raises; what failed is counted."""
        ...

    async def tell(self, command: Tell) -> bool:
        """Let people hear a notice, and hang up where it says so. Returns, when it is over, whether it was heard
        whole. Never raises; what failed is counted."""
        ...

    async def beep(self, command: Beep) -> bool:
        """Begin or end the beeps on a leg, and say whether they have begun. Beeps that end unasked are heard of as
        Beeped. Never raises."""
        ...

    async def health(self, start: Start) -> Health | None:
        """How the recorder of this start is; None while the PBX cannot be asked. Never raises."""
        ...

    def files(self, command: RecorderCommand) -> SegmentFiles:
        """Where the segment of this command is written. Ask by its Start: it says whether it is provisional."""
        ...
