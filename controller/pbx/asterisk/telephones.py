"""What is told to phones through Asterisk: which keys it may take from them, and what their lamps say.

On 22.10.1 one_touch_record_info looks DYNAMIC_FEATURES up at the very press, and answers 403 where the feature is not
in it (hardware.md B.5, B.6). The names are those of dialplan/asterisk/onrecord_features.conf.
"""

from __future__ import annotations

import re

from controller.core.commands import Allow
from controller.core.lamps import Glow
from hardware.keys import Key

FEATURES = "DYNAMIC_FEATURES"
ON, OFF, CODES = "onrecord_on", "onrecord_off", "onrecord_codes"
PRESSED = {"A": Key.RECORD, "B": Key.STOP}
"""The one-letter codes of those features. From an INFO they end without having begun; a tone from a keypad begins."""

STATES = {Glow.OFF: "NOT_INUSE", Glow.IDLE: "ONHOLD", Glow.ON: "INUSE", Glow.FAILED: "RINGING"}
"""Device states, by which a BLF key is dark, shows hold, is lit, or flashes."""
EXTENSION = re.compile(r"[A-Za-z0-9_.+-]{1,40}")


def features(command: Allow) -> str:
    """The value of DYNAMIC_FEATURES: names with # between them. With none, every press is answered 403."""
    names = [name for name, key in ((ON, Key.RECORD), (OFF, Key.STOP)) if key in command.keys]
    return "#".join([*names, *([CODES] if command.codes else [])])


def lamp(extension: str) -> str:
    """The function that sets an extension's lamp; "" for a number that could not be in a device's name."""
    return f"DEVICE_STATE(Custom:rec-{extension})" if EXTENSION.fullmatch(extension) else ""
