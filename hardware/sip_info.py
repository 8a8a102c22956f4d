"""What a SIP message says about a key: a Record press, a digit, a transfer to a code, and how the phone was answered.

Pure: bytes in, one frozen record out. The Record header is that of Yealink, Snom and Fanvil (hardware.md A): `Record:
on` or `Record: off` in an INFO without a body. Anything else in it is no command and must be refused, never guessed.
Cisco's SIPINFO mode has no published syntax; until a capture shows it, such an INFO is read as any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardware import sip_message
from hardware.sip_message import Head, Message, NotSip

KEYS = "0123456789*#ABCD"
FLASH = "!"
RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
NORTEL = "application/vnd.nortelnetworks.digits"
USUAL_MS = 100
"""What a digit without a duration lasts: Asterisk's own default (res_pjsip_dtmf_info)."""
LONGEST_MS = 8_000
"""More is a mistake: an RFC 4733 event at 8 kHz holds 65,535 samples, which is 8.2 s."""
LINE = re.compile(r"^[ \t]*(signal|duration|d)[ \t]*=[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RecordPress:
    """The Record key. `digit` is one in the same request: some PBXs take that and ignore the header (B.4, case 5)."""

    head: Head
    on: bool
    digit: str = ""


@dataclass(frozen=True, slots=True)
class UnclearPress:
    """A Record header that says neither on nor off, or both. To be refused; some PBXs answer 200 (B.4, case 2)."""

    head: Head
    value: str


@dataclass(frozen=True, slots=True)
class DtmfInfo:
    """One digit (`0`-`9`, `*`, `#`, `A`-`D`, or `!` for a hook flash), and how long it was held."""

    head: Head
    digit: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; its head names the request that it answers."""

    head: Head
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refer:
    """A transfer that the sender asks for. Attended ones name the dialog that they replace."""

    head: Head
    target: str  # the user of the URI, escapes undone: what was dialled
    attended: bool


@dataclass(frozen=True, slots=True)
class TransferNotice:
    """How a transfer gets on (RFC 3515). `refer` is the CSeq number of the REFER, 0 where the PBX leaves it out.

    Asterisk 22 leaves it out always, also for the second REFER of a dialog, where RFC 3515 2.4.6 demands it.
    """

    head: Head
    status: int
    over: bool
    refer: int


@dataclass(frozen=True, slots=True)
class Other:
    """A sound SIP message that is none of our business."""

    head: Head


@dataclass(frozen=True, slots=True)
class Odd:
    """Not a message that we could act on; `why` quotes nothing of it."""

    why: str


Heard = RecordPress | UnclearPress | DtmfInfo | Reply | Refer | TransferNotice | Other | Odd


def read(data: bytes) -> Heard:
    """What this message means to us. Never raises."""
    try:
        message = sip_message.read(data)
    except NotSip as refusal:
        return Odd(str(refusal))
    if message.status:
        return Reply(message.head, message.status, message.reason)
    match message.head.method:
        case "INFO":
            return _info(message)
        case "REFER":
            return _refer(message)
        case "NOTIFY":
            return _notify(message)
        case _:
            return Other(message.head)


def _info(message: Message) -> Heard:
    digit = _digit(message)
    pressed = {value.strip().casefold() for value in message.all("record")}
    if not pressed:
        return digit or Other(message.head)
    if pressed == {"on"} or pressed == {"off"}:
        held = digit.digit if isinstance(digit, DtmfInfo) else ""
        return RecordPress(message.head, pressed == {"on"}, held)
    return UnclearPress(message.head, ", ".join(sorted(pressed))[:40])


def _digit(message: Message) -> DtmfInfo | Odd | None:
    """The digit in the body; None when the body is none of ours, Odd when it should be a digit and is not."""
    kind = message.get("content-type").partition(";")[0].strip().lower()
    if kind not in (RELAY, PLAIN, NORTEL):
        return None
    fields = {name.lower(): value.strip() for name, value in LINE.findall(message.body[:1_000])}
    # Some phones put the lines of dtmf-relay under the plain type.
    sign = fields.get("d" if kind == NORTEL else "signal", message.body.strip() if kind == PLAIN else "")
    key = key_of(sign)
    if not key:
        return Odd(f"no digit in a body of type {kind}")
    lasted = sip_message.number_of(fields.get("duration", ""), 2**31)
    return DtmfInfo(message.head, key, min(lasted, LONGEST_MS) if lasted else USUAL_MS)


def key_of(sign: str) -> str:
    """The key behind `5`, `*`, `a`, `11` (which is #) or `16` (a hook flash); "" for what is none."""
    if len(sign) == 1:
        return sign.upper() if sign.upper() in KEYS or sign == FLASH else ""
    event = sip_message.number_of(sign, 16)
    return "" if event is None or len(sign) > 2 else (KEYS + FLASH)[event]


def _refer(message: Message) -> Heard:
    targets = message.all("refer-to")
    if len(targets) != 1:
        return Odd(f"{'several' if targets else 'no'} Refer-To headers")
    uri = sip_message.address(targets[0])
    return Refer(message.head, sip_message.user(uri), "replaces=" in uri.partition("?")[2].lower())


def _notify(message: Message) -> Heard:
    event, _, parameters = message.get("event").partition(";")
    kind = message.get("content-type").partition(";")[0].strip().lower()
    if event.strip().lower() != "refer" or kind != "message/sipfrag":
        return Other(message.head)
    words = message.body.split(None, 2)
    status = sip_message.number_of(words[1], 699) if len(words) > 1 and words[0] == "SIP/2.0" else None
    if not status or status < 100:
        return Odd("no status in a transfer's notice")
    over = message.get("subscription-state").strip().lower().startswith("terminated")
    named = re.search(r"(?:^|;)\s*id\s*=\s*(\d{1,10})(?:\s*;|\s*$)", parameters, re.ASCII)
    return TransferNotice(message.head, status, over, int(named[1]) if named else 0)
