"""SIP messages as values: read them, write them, answer a digest challenge. No I/O (RFC 3261, RFC 2617)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]

COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "r": "refer-to",
}
PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,;]+))')


@dataclass(frozen=True, slots=True)
class Message:
    """One request or response; `start` is the first line without its end."""

    start: str
    headers: Headers
    body: bytes = b""

    @property
    def status(self) -> int | None:
        """The code of a response, None for a request."""
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/2.0 ") else None

    @property
    def method(self) -> str:
        """Of a request its own, of a response that of the request that it answers."""
        if self.start.startswith("SIP/2.0 "):
            return self["cseq"].split()[-1]
        return self.start.split(" ", 1)[0]

    @property
    def target(self) -> str:
        """The request URI."""
        return self.start.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    def get(self, name: str, default: str = "") -> str:
        """The first header of this (lower case) name."""
        return next(iter(self.all(name)), default)

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        if not values:
            raise KeyError(f"no {name} in {self.start}")
        return values[0]

    def encode(self) -> bytes:
        lines = [self.start, *(f"{key}: {value}" for key, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


def parse(data: bytes) -> Message:
    """Raises ValueError for what is no SIP message."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "replace").split("\r\n")
    if "SIP/2.0" not in start:
        raise ValueError(f"not SIP: {start[:60]!r}")
    headers = []
    for line in lines:
        key, _, value = line.partition(":")
        key = key.strip()
        if key.lower() != "content-length":
            headers.append((COMPACT.get(key.lower(), key), value.strip()))
    return Message(start, tuple(headers), body)


def response(
    request: Message, status: int, reason: str, tag: str, *more: tuple[str, str], body: bytes = b""
) -> Message:
    """Answer a request; `tag` is ours for the To header unless there is one already."""
    to = request["to"]
    if "tag=" not in to:
        to = f"{to};tag={tag}"
    headers = [("Via", via) for via in request.all("via")]
    headers += [("Record-Route", route) for route in request.all("record-route")]
    headers += [
        ("From", request["from"]),
        ("To", to),
        ("Call-ID", request["call-id"]),
        ("CSeq", request["cseq"]),
    ]
    return Message(f"SIP/2.0 {status} {reason}", (*headers, *more), body)


def tag_of(header: str) -> str:
    found = re.search(r";tag=([^;>\s]+)", header)
    return found[1] if found else ""


def uri_of(header: str) -> str:
    """The URI inside a name-addr or addr-spec."""
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.split(";")[0].strip()


def user_of(header: str) -> str:
    """The user part of the URI, without parameters."""
    found = re.search(r"sips?:([^@;>]+)@", header)
    return found[1] if found else ""


def authorization(challenge: str, method: str, uri: str, user: str, secret: str, cnonce: str = "") -> str:
    """The Authorization value for a WWW-Authenticate challenge (MD5, with or without qop=auth)."""
    given = {key: quoted or plain for key, quoted, plain in PARAMETER.findall(challenge)}

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    ha1, ha2 = md5(f"{user}:{given['realm']}:{secret}"), md5(f"{method}:{uri}")
    parts = [f'username="{user}"', f'realm="{given["realm"]}"', f'nonce="{given["nonce"]}"', f'uri="{uri}"']
    if "auth" in given.get("qop", ""):
        cnonce = cnonce or secrets.token_hex(4)
        digest = md5(f"{ha1}:{given['nonce']}:00000001:{cnonce}:auth:{ha2}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    else:
        digest = md5(f"{ha1}:{given['nonce']}:{ha2}")
    parts += [f'response="{digest}"', "algorithm=MD5"]
    if "opaque" in given:
        parts.append(f'opaque="{given["opaque"]}"')
    return "Digest " + ", ".join(parts)


def sdp(host: str, port: int, version: int, direction: str = "sendrecv") -> bytes:
    """An offer or answer: PCMU and RFC 4733 events, 20 ms packets."""
    return (
        f"v=0\r\no=lab 1 {version} IN IP4 {host}\r\ns=lab\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        f"a=fmtp:101 0-16\r\na=ptime:20\r\na={direction}\r\n"
    ).encode()


def media_of(body: bytes) -> tuple[str, int] | None:
    """Where the other side wants its audio; None when there is none in this body."""
    text = body.decode("ascii", "replace")
    port = re.search(r"^m=audio (\d+)", text, re.M)
    host = re.search(r"^c=IN IP4 (\S+)", text, re.M)
    return (host[1], int(port[1])) if port and host and int(port[1]) else None
