"""What we push to a Yealink phone: a line of status, a screen, the colour of a key's lamp. One line of XML each.

Sent as an out-of-dialog NOTIFY (`Event: Yealink-xml`) to phones with `push_xml.sip_notify=1` and
`push_xml.block_in_calling=0` (hardware.md A.1). Texts may hold whatever a caller calls himself: they are escaped, and
cut to fit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

LARGEST = 10_000
"""Bytes of one body: what the vendor's guide allows."""
LONGEST_TEXT, LONGEST_TITLE, LONGEST_SESSION = 300, 60, 40
"""Bytes, escapes included: more than a screen shows, and little enough for one line of AMI."""
AMI_PIECE = 950
"""Bytes: a line of AMI with more than 1,024 is refused whole ("line too long", Asterisk 22.10.1)."""
EVENT = "Yealink-xml"
CONTENT_TYPE = "application/xml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
# What XML 1.0 has no way to write (its 2.2), surrogates among it; and what would break a line of AMI.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
SPACE = re.compile(r"[\t\r\n\u2028\u2029]+")
LED = re.compile(r"[A-Z][A-Z0-9-]{0,19}")


class Colour(Enum):
    """Colours of a key's lamp; not every model has all of them."""

    GREEN = "GREEN"
    RED = "RED"
    ORANGE = "ORANGE"


class Glow(Enum):
    ON = "on"
    OFF = "off"
    SLOW = "slowflash"
    FAST = "fastflash"


@dataclass(frozen=True, slots=True)
class Led:
    """The lamp of one key: `LINE3` is that of the third line key. Raises ValueError for what is no such name."""

    name: str
    colour: Colour
    glow: Glow

    def __post_init__(self) -> None:
        if not LED.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no lamp of a Yealink phone; the third line key's is LINE3")


def status(text: str, session: str, *, beep: bool = False, timeout_s: int = 0) -> str:
    """A status line on the idle screen. The same `session` writes over it or takes it away; 0 s means until then."""
    attributes = f'Beep="{_yes(beep)}" Timeout="{max(0, timeout_s)}" SessionID="{escaped(session, LONGEST_SESSION)}"'
    return _document("YealinkIPPhoneStatus", attributes, f"<Message>{escaped(text, LONGEST_TEXT)}</Message>")


def cleared(session: str) -> str:
    """Takes the status line of this session away."""
    return status("", session)


def text_screen(title: str, text: str, *, beep: bool = False, timeout_s: int = 10) -> str:
    """A whole screen, which goes away by itself."""
    attributes = f'Beep="{_yes(beep)}" Timeout="{max(0, timeout_s)}"'
    inside = f"<Title>{escaped(title, LONGEST_TITLE)}</Title><Text>{escaped(text, LONGEST_TEXT)}</Text>"
    return _document("YealinkIPPhoneTextScreen", attributes, inside)


def execute(leds: Sequence[Led], *, beep: bool = False) -> str:
    """Sets lamps. The states besides on and off are from memory of the vendor's guide: try them on your model."""
    items = "".join(f'<ExecuteItem URI="Led:{led.name}_{led.colour.value}={led.glow.value}"/>' for led in leds)
    return _document("YealinkIPPhoneExecute", f'Beep="{_yes(beep)}"', items)


def escaped(text: str, most: int) -> str:
    """The text for XML content or attributes on one line, in at most so many bytes; no escape is cut in two."""
    pieces: list[str] = []
    room = most
    for letter in FORBIDDEN.sub("?", SPACE.sub(" ", text[:most])):
        piece = ENTITIES.get(letter, letter)
        room -= len(piece.encode())
        if room < 0:
            break
        pieces.append(piece)
    return "".join(pieces)


def ami_variables(body: str) -> list[str]:
    """The `Variable` headers of AMI's PJSIPNotify that send this body, one list entry per header.

    Asterisk splits such a header at commas and takes quotes and backslashes out (man_do_variable_value), which would
    leave XML without quotes and cut off at the first comma: so each of them gets a backslash. Long bodies are spread
    over several `Content` variables, between two tags; Asterisk puts a line end between them. Seen on 22.10.1.
    """
    pieces = [""]
    for element in re.split(r"(?<=>)(?=<)", body):
        safe = re.sub(r'([\\",])', r"\\\1", element)
        if len((pieces[-1] + safe).encode()) > AMI_PIECE and pieces[-1]:
            pieces.append("")
        pieces[-1] += safe
    return [f"Event={EVENT}", f"Content-Type={CONTENT_TYPE}", *(f"Content={piece}" for piece in pieces)]


def _document(root: str, attributes: str, inside: str) -> str:
    document = f"{DECLARATION}<{root} {attributes}>{inside}</{root}>"
    if len(document.encode()) > LARGEST:
        raise ValueError(f"{root}: more than {LARGEST} bytes; set fewer lamps at a time")
    return document


def _yes(wanted: bool) -> str:
    return "yes" if wanted else "no"
