"""Puts SIP messages together again that came over a TCP or TLS connection and were copied as they came.

Asterisk and Kamailio copy whole messages. FreeSWITCH copies what one read of its socket gave (seen: 1.10.12 with
sofia-sip 1.13.17; its later versions copy whole messages): the end of one message, a whole one and the beginning of
the next may be one packet. No I/O, and no meaning: what comes out is for `sip_message.read`.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from hardware.hep import Hep
from hardware.sip_message import LARGEST

UDP = 17
MOST_CONNECTIONS = 256
"""Beyond this the one that was silent the longest loses what it had begun."""
# RFC 3261 25.1: a request line or a status line, at the very beginning.
BEGINS = re.compile(rb"(?:SIP/2\.0 \d{3} [^\r\n]*|[A-Z]{1,32} [^\s]{1,2048} SIP/2\.0)\r?\n")
AFRESH = re.compile(
    rb"(?:SIP/2\.0 \d{3} [^\r\n]*|(?:ACK|BYE|CANCEL|INFO|INVITE|MESSAGE|NOTIFY|OPTIONS|PRACK|PUBLISH|REFER|REGISTER|"
    rb"SUBSCRIBE|UPDATE) [^\s]{1,2048} SIP/2\.0)\r?\n"
)
"""The same with the methods that there are: in the middle of a body something may look like a line of that form."""
LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,5})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
END = b"\r\n\r\n"

Connection = tuple[str, int, str, int]


@dataclass(slots=True)
class Whole:
    """The messages of any number of connections. `counts` tells what was thrown away, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    _held: OrderedDict[Connection, bytes] = field(default_factory=OrderedDict, repr=False)

    def messages(self, packet: Hep) -> list[bytes]:
        """The messages that are whole with this packet; a datagram is one, whatever is in it."""
        if packet.transport == UDP:
            return [packet.payload]
        connection = (packet.source, packet.source_port, packet.destination, packet.destination_port)
        held = self._held.pop(connection, b"")
        if b"\n" in held and AFRESH.match(packet.payload):
            # Whoever copies whole messages never ends one later: a rest would only spoil what follows it. (A line
            # that has only begun is another matter: `I` and `NFO sip:…` are one.)
            self.counts["a message without its end"] += 1
            held = b""
        found, rest = self._cut(held + packet.payload)
        if rest:
            self._hold(connection, rest)
        return found

    def _cut(self, data: bytes) -> tuple[list[bytes], bytes]:
        found: list[bytes] = []
        while data := data.lstrip(b"\r\n"):  # between messages they keep the connection alive (RFC 5626 3.5.1)
            if not BEGINS.match(data):
                if b"\n" in data or len(data) > LARGEST:
                    self.counts["a message without its beginning"] += 1
                    return found, b""
                return found, data
            end = data.find(END)
            length = LENGTH.search(data, 0, end + 2) if end >= 0 else None
            if end >= 0 and length is None:
                return [*found, data], b""  # it has to end with the packet: nothing says where else
            whole = end + len(END) + int(length[1]) if length else 0
            if not length or len(data) < whole:
                if len(data) <= LARGEST and whole <= LARGEST:
                    return found, data
                self.counts["a message that is too long"] += 1
                return found, b""
            found.append(data[:whole])
            data = data[whole:]
        return found, b""

    def _hold(self, connection: Connection, rest: bytes) -> None:
        if len(self._held) >= MOST_CONNECTIONS:
            self._held.popitem(last=False)
            self.counts["a message without its end"] += 1
        self._held[connection] = rest
