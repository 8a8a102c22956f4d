"""Real AMI traces as messages, and core events as lines of text that a person can review."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from controller.core.events import Event
from controller.pbx.asterisk.frames import Message, parse
from controller.pbx.asterisk.translate import Translation

FOLDER = Path(__file__).parents[1] / "traces" / "asterisk"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ami"))

_UNIQUEID = re.compile(r"\b[\w-]+-\d{10}\.(\d+)")
_BRIDGE = re.compile(r"\b([0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def load(name: str) -> list[Message]:
    """Every message of a trace, in order."""
    text = (FOLDER / f"{name}.ami").read_text("utf-8", "surrogateescape")
    return [parse(block.replace("\n", "\r\n")) for block in text.split("\n\n") if block.strip()]


def heard(messages: Iterable[Message], translation: Translation | None = None) -> list[Event]:
    """The core events of these messages."""
    translation = translation or Translation("main")
    return [event for message in messages for event in translation.hear(message, 0.0)]


def render(event: Event) -> str:
    """One line: what differs from the default, ids cut to what tells them apart within a trace."""
    words = [type(event).__name__]
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if field.name == "at" or value == field.default:
            continue
        words.append(f"{field.name}={value.value if isinstance(value, Enum) else value}")
    return _BRIDGE.sub(r"\1", _UNIQUEID.sub(r"\1", " ".join(words)))


def story(name: str) -> str:
    """A whole trace as reviewed text."""
    return "".join(f"{render(event)}\n" for event in heard(load(name)))


def told(name: str) -> Path:
    """Where the reviewed text is kept."""
    return FOLDER / f"{name}.events"


if __name__ == "__main__":
    for each in NAMES:
        told(each).write_text(story(each))
