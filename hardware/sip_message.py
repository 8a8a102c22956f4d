"""Reads one SIP message as text: start line, headers, body. No I/O, no meaning; any bytes are survived (RFC 3261)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LARGEST = 65_535
"""Bytes of one message: what fits into a datagram."""
LONGEST_LINE = 8_192
"""Characters of one header, folds included."""
MOST_HEADERS = 200

# RFC 3261 7.3.3, and RFC 3515 (r), RFC 6665 (o), RFC 3892 (b). Only what somebody here asks for.
COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "t": "to",
    "v": "via",
}
TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
CALL_ID = re.compile(r"[!-~]{1,255}")
# Each alternative also ends at the end of the text, so that a missing quote costs one pass and not n squared.
ASIDE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?$)|<[^>]*+(?:>|$)', re.DOTALL)
TAG = re.compile(r";\s*tag\s*=\s*([^;\s,]+)", re.IGNORECASE)
ADDRESS = re.compile(r"<([^<>]*)>")


class NotSip(ValueError):
    """These bytes are no SIP message that we could act on; the text says why, and quotes nothing of them."""


@dataclass(frozen=True, slots=True)
class Head:
    """What names a message within its dialog; a request and its replies have all but `to_tag` in common.

    `number` and `method` are the CSeq. Each side of a dialog counts for itself, so only the From tag tells the third
    INFO of the phone from the third INFO of the PBX.
    """

    method: str
    number: int
    call_id: str
    from_tag: str
    to_tag: str
    user: str = ""  # of the From address: whom the sender says he is


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `status` is 0 for a request. Header names are in lower case and in their long form."""

    head: Head
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # hold credentials
    body: str = field(repr=False)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        """The first of this name; "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")


def read(data: bytes) -> Message:
    """The message in these bytes. Raises NotSip, and nothing else.

    Lines may end in a bare LF. A bare CR is refused: PJSIP takes it for a line's end and others do not, so the PBX
    might have read another message than we.
    """
    if len(data) > LARGEST:
        raise NotSip("longer than a datagram")
    head, found, body = _halves(data)
    if not found:
        raise NotSip("no end of the headers")
    # Escapes instead of replacement marks: two different Call-IDs must stay different, and logs printable.
    lines = head.decode("utf-8", "backslashreplace").replace("\r\n", "\n").split("\n")
    if any("\r" in line or "\0" in line for line in lines):
        raise NotSip("a bare CR or a NUL in the headers")
    status, reason, method = _start(lines[0])
    headers = _headers(lines[1:])
    named = _head(headers)
    if method and method != named.method:
        raise NotSip("the request's method is not that of its CSeq")
    return Message(named, status, reason, headers, _body(headers, body))


def number_of(text: str, most: int) -> int | None:
    """A number as SIP writes it, up to `most`; None for whatever else int() would take (signs, _, other digits)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return number if (number := int(text)) <= most else None


def address(value: str) -> str:
    """The URI in a From, To or Refer-To value; "" when there is none."""
    quoted = re.sub(r'"(?:[^"\\]|\\.)*+(?:"|\\?$)', "", value, flags=re.DOTALL)
    inside = ADDRESS.search(quoted)
    return inside[1].strip() if inside else quoted.partition(";")[0].strip()


def user(uri: str) -> str:
    """The user of a sip: or sips: URI or the number of a tel: URI, escapes undone, without parameters; "" if none."""
    scheme, colon, rest = uri.partition(":")
    kind = scheme.lower() if colon else ""
    if kind in ("sip", "sips"):
        rest, at, _ = rest.rpartition("@")
        if not at:
            return ""
    elif kind != "tel":
        return ""
    name = rest.partition(";")[0].partition("?")[0] if kind == "tel" else rest.partition(":")[0].partition(";")[0]
    return unescape(name)


def unescape(text: str) -> str:
    """Undo %2A and the like, for ASCII only; what is no escape stays as it is."""
    return re.sub("%([2-7][0-9A-Fa-f])", lambda found: chr(int(found[1], 16)), text)


def _halves(data: bytes) -> tuple[bytes, bool, bytes]:
    """Headers, whether their end was found, body: the end is the first empty line, whichever way lines end."""
    # A keep-alive or a repeated line end may precede the start line (RFC 3261 7.5).
    data = data.lstrip(b"\r\n")
    ends = [(data.find(end), len(end)) for end in (b"\r\n\r\n", b"\n\n", b"\n\r\n")]
    place, length = min(((at, size) for at, size in ends if at >= 0), default=(-1, 0))
    return (data, False, b"") if place < 0 else (data[:place], True, data[place + length :])


def _start(line: str) -> tuple[int, str, str]:
    """Status and reason of a response, or the method of a request."""
    words = line.split(" ", 2)
    if words[0] == "SIP/2.0" and len(words) >= 2:
        status = number_of(words[1], 699)
        if status is None or status < 100:
            raise NotSip("no status in a response")
        return status, words[2][:80] if len(words) == 3 else "", ""
    if len(words) != 3 or words[2].rstrip() != "SIP/2.0" or not TOKEN.fullmatch(words[0]):
        raise NotSip("no SIP start line")
    return 0, "", words[0].upper()


def _headers(lines: list[str]) -> tuple[tuple[str, str], ...]:
    """Names in lower case and long form, values trimmed, folded lines joined by one space."""
    if len(lines) > MOST_HEADERS:
        raise NotSip("too many headers")
    joined: list[str] = []
    for line in lines:
        if line[:1] not in (" ", "\t"):
            joined.append(line)
        elif joined:
            joined[-1] += " " + line.strip(" \t")
        else:
            raise NotSip("the first header is a continuation")
    if any(len(line) > LONGEST_LINE for line in joined):
        raise NotSip("a header is too long")
    pairs = []
    for line in joined:
        name, colon, value = line.partition(":")
        if not colon:
            raise NotSip("a header without a colon")
        key = name.strip(" \t").lower()
        pairs.append((COMPACT.get(key, key), value.strip(" \t")))
    return tuple(pairs)


def _head(headers: tuple[tuple[str, str], ...]) -> Head:
    only: dict[str, str] = {}
    for name in ("call-id", "cseq", "from", "to"):
        values = [value for key, value in headers if key == name]
        if len(values) != 1:
            raise NotSip(f"{'several' if values else 'no'} {name} headers")
        only[name] = values[0]
    number, _, method = only["cseq"].partition(" ")
    counted = number_of(number, 2**32 - 1)
    if counted is None or not TOKEN.fullmatch(method.strip(" \t")):
        raise NotSip("no number and method in CSeq")
    if not CALL_ID.fullmatch(only["call-id"]):
        raise NotSip("no Call-ID")
    return Head(
        method.strip(" \t").upper(),
        counted,
        only["call-id"],
        _tag(only["from"]),
        _tag(only["to"]),
        user(address(only["from"])),
    )


def _tag(value: str) -> str:
    """The tag parameter of the header, not one inside the URI or the display name."""
    found = TAG.search(ASIDE.sub("", value))
    return found[1] if found else ""


def _body(headers: tuple[tuple[str, str], ...], data: bytes) -> str:
    """As much as Content-Length says; all there is where it is missing: a datagram ends by itself (RFC 3261 18.3)."""
    lengths = {value for key, value in headers if key == "content-length"}
    if lengths:
        length = number_of(lengths.pop(), LARGEST)
        if length is None or lengths:
            raise NotSip("no length in Content-Length")
        if length > len(data):
            raise NotSip("shorter than its Content-Length")
        data = data[:length]
    return data.decode("utf-8", "backslashreplace")
