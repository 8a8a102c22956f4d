"""What a person can ask for with a key, a code, a click or a command: one small vocabulary for all of them."""

from __future__ import annotations

from enum import Enum


class Key(Enum):
    """A request about the recording of a live call, whatever sent it.

    RECORD and STOP are commands, not toggles, so that pressing twice is harmless (hardware.md A.1: a phone
    alternates by its own idea of the state, which can be wrong).
    """

    RECORD = "record"
    STOP = "stop"
    TOGGLE = "toggle"
    PAUSE = "pause"
    RESUME = "resume"
    AGREE = "agree"  # the other side was asked and agrees
    REFUSE = "refuse"  # the other side does not want to be recorded: nothing of it is to be kept
