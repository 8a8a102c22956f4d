"""Screens of Yealink phones: a line that says what becomes of the recording, pushed whenever its lamp changes."""

from __future__ import annotations

from controller.core.lamps import Glow
from controller.core.roster import Extension
from hardware import push

SESSION = "onrecord"
TEXTS = {Glow.ON: "Recording", Glow.IDLE: "Recording paused", Glow.FAILED: "NOT RECORDED: tell your administrator"}
REFUSED_SECONDS = 8


def status(glow: Glow) -> str:
    """The XML for this state; of a call that is not recorded nothing is said."""
    return push.cleared(SESSION) if glow is Glow.OFF else push.status(TEXTS[glow], SESSION, beep=glow is Glow.FAILED)


def refused(why: str) -> str:
    """The XML that tells a person why the press did nothing (F-070)."""
    return push.text_screen("Recording", f"Not allowed: {why}", beep=True, timeout_s=REFUSED_SECONDS)


def endpoints(extension: Extension, pbx: str) -> list[str]:
    """Of this extension on this PBX, where its phones have such screens."""
    if extension.phone != "yealink":
        return []
    named = [endpoint.rpartition("/") for endpoint in extension.endpoints or (extension.number,)]
    return [name for where, _, name in named if where in ("", pbx)]
