"""What Asterisk's texts say: channel names, dial strings, and caller names that anybody can write. Pure."""

from __future__ import annotations

import re

MOST_TEXT = 128
"""Characters kept of a name or number: Asterisk allows 80, a SIP display name can be far longer."""

TECHNICAL = frozenset(
    {
        "Announcer",
        "AsyncGoto",
        "AudioSocket",
        "CBAnn",
        "CBRec",
        "ConfBridgeRecorder",
        "Message",
        "MulticastRTP",
        "OutgoingSpoolFailed",
        "Recorder",
        "Snoop",
        "Surrogate",
        "UnicastRTP",
        "WebSocket",
    }
)
"""Channel drivers behind which nobody sits: announcers and recorders of conferences, snoops, media taps."""

_UNIQUE = re.compile(r"-[0-9a-f]{4,}(;[12])?$")
_NOTHING = frozenset({"", "<unknown>", "(null)"})
_NO_NUMBER = frozenset({"s", "h", "i", "t"})


def clean(text: str) -> str:
    """Text that anybody may have written, safe for one line of a log, a table or a page.

    Control characters, line separators, text-direction overrides and undecodable bytes become U+FFFD.
    """
    if text in _NOTHING:
        return ""
    text = text[:MOST_TEXT]
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text).strip()


def is_technical(channel: str) -> bool:
    """Whether nobody sits behind the channel of this name."""
    return channel.partition("/")[0] in TECHNICAL


def endpoint_of(channel: str) -> str:
    """`PJSIP/carrier1-0000002a` is a channel of "carrier1"; "" for a local channel."""
    technology, _, rest = channel.partition("/")
    if technology == "Local" or not rest:
        return ""
    return clean(_UNIQUE.sub("", rest))


def local_pair(channel: str) -> str:
    """The name that both halves of a local pair share; "" for any other channel."""
    return clean(channel.rpartition(";")[0]) if channel.startswith("Local/") else ""


def extension(exten: str) -> str:
    """The number in an Exten header; "" for the special extensions, which nobody dials."""
    return "" if exten in _NO_NUMBER else clean(exten)


def dialled_number(dial_string: str) -> str:
    """The number in a dial string: Dial's (`0305551234@carrier1`), and the queue's (`PJSIP/110`, `Local/113@in/n`).

    `carrier1/0305551234` (SIP, IAX2, DAHDI groups) has it last, `101/sip:101@192.0.2.1` (PJSIP) has it first.
    """
    dial_string = dial_string.partition("@")[0]  # whatever is behind it, a context, trunk or host, is no number
    technology, slash, rest = dial_string.partition("/")
    if slash and technology.isalnum() and technology[0].isupper():
        dial_string = rest
    first, _, last = dial_string.partition("/")
    number = last if last and not last.startswith(("sip:", "sips:")) else first
    return clean(number.partition(":")[0])
