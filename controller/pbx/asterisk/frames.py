"""AMI on the wire, without I/O: bytes become messages, an action becomes bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from controller.pbx.asterisk.link import LinkCounters

END = b"\r\n\r\n"
FRAME_LIMIT = 4 * 1024 * 1024
LINE_LIMIT = 64 * 1024
SENT_LINE_LIMIT = 1022
"""Bytes of one line before its CRLF. From 1023 on Asterisk 22.10.1 answers "line too long", and takes what it did not
read for another action."""
SENT_LINES_LIMIT = 128

Value = str | int | Sequence[str]
Headers = Mapping[str, Value]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
BREAKS = re.compile(r"[\r\n\0]")


class Message:
    """One event or response: headers in the order they came, duplicates kept, names compared without case.

    Values are UTF-8; odd bytes are kept as surrogate escapes, so that encoding them again gives the same bytes.
    One is made per event, so it does what C does fast (a dict of the names as spelled) and the rest when asked for.
    """

    __slots__ = ("_any_case", "_pairs", "_spelled", "raw")

    def __init__(self, pairs: Sequence[tuple[str, str]], raw: Sequence[str] = ()) -> None:
        self.raw = raw  # lines that are no header, as they came
        self._pairs = pairs
        self._spelled = dict(reversed(pairs))
        self._any_case: dict[str, str] | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self._pairs]

    def get(self, name: str, default: str = "") -> str:
        """The first value of that header; one spelled exactly so comes before one in another case."""
        value = self._spelled.get(name)
        return self._folded().get(name.lower(), default) if value is None else value

    def all(self, name: str) -> list[str]:
        """Every value of that header, in order: `Output` lines of a command, `Variable` of a status."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key.lower() == wanted]

    def __contains__(self, name: str) -> bool:
        return name in self._spelled or name.lower() in self._folded()

    @property
    def event(self) -> str:
        """The event's name, or nothing. A response has none: its first header tells, later ones may be a caller's."""
        return self._named("Event")

    @property
    def response(self) -> str:
        """Success, Error, Goodbye …, or nothing for an event."""
        return self._named("Response")

    def _named(self, name: str) -> str:
        first, value = self._pairs[0] if self._pairs else ("", "")
        return value if first == name or first.lower() == name.lower() else ""

    def _folded(self) -> dict[str, str]:
        if self._any_case is None:
            self._any_case = {name.lower(): value for name, value in reversed(self._pairs)}
        return self._any_case

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self.pairs == other.pairs and list(self.raw) == list(other.raw)

    def __hash__(self) -> int:
        return hash(tuple(self.pairs))

    def __repr__(self) -> str:
        return f"<Message {self.event or self.response or 'odd'!r}, {len(self._pairs)} headers>"


def parse(frame: str) -> Message:
    """One frame without its closing blank line. Lines end with CRLF only: a lone LF belongs to the value."""
    lines = frame.split("\r\n")
    try:
        message = Message(cast("list[tuple[str, str]]", [line.split(": ", 1) for line in lines]))
    except ValueError:  # a line without ": " is no pair
        return _parse_odd(lines)
    return _parse_odd(lines) if "" in message._spelled else message


def _parse_odd(lines: list[str]) -> Message:
    pairs, raw = [], []
    for line in filter(None, lines):
        name, colon, value = line.partition(": " if ": " in line else ":")
        if colon and name:
            pairs.append((name, value))
        else:
            raw.append(line)
    return Message(pairs, raw)


class Frames:
    """Cuts a stream into messages, however it was cut into packets. What is too large is dropped and counted."""

    def __init__(self, counters: LinkCounters, frame_limit: int = FRAME_LIMIT, line_limit: int = LINE_LIMIT) -> None:
        self.banner: str | None = None  # the greeting, "Asterisk Call Manager/11.0.0"; None until it came
        self._counters = counters
        self._frame_limit = frame_limit
        self._line_limit = line_limit
        self._small = min(frame_limit, line_limit)  # nothing in a frame of this size can be too long
        self._rest = bytearray()
        self._searched = 0  # no END begins before this: a long frame in small packets is not searched again and again
        self._skipping = False

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes."""
        self._rest += data
        if self.banner is None and not self._greet():
            return []
        if self._rest.find(END, self._searched) < 0:
            self._trim()
            return []
        *frames, tail = bytes(self._rest).split(END)
        self._rest[:] = tail
        if self._skipping:
            del frames[0]
            self._skipping = False
        self._trim()
        messages = [
            parse(frame.decode("utf-8", "surrogateescape"))
            for frame in frames
            if frame and (len(frame) <= self._small or self._fits(frame))
        ]
        for message in messages:
            if message.raw:
                self._counters.malformed += len(message.raw)
        return messages

    def _greet(self) -> bool:
        """Take the greeting off the stream: one line, not a frame. False while it is incomplete."""
        end = self._rest.find(b"\r\n")
        if end < 0 and len(self._rest) <= self._line_limit + 1:
            return False
        self.banner = ""
        if 0 <= end <= self._line_limit and b":" not in self._rest[:end]:
            self.banner = self._rest[:end].decode("utf-8", "surrogateescape")
            del self._rest[: end + 2]
        return True

    def _trim(self) -> None:
        """Forget a frame that can only become too long, but the last bytes: the blank line may be half here."""
        if not self._skipping and len(self._rest) > self._frame_limit + len(END) - 1:
            self._counters.oversized += 1
            self._skipping = True
        if self._skipping:
            del self._rest[: -(len(END) - 1)]
        self._searched = max(0, len(self._rest) - len(END) + 1)

    def _fits(self, frame: bytes) -> bool:
        fits = len(frame) <= self._frame_limit and (
            len(frame) <= self._line_limit or max(map(len, frame.split(b"\r\n"))) <= self._line_limit
        )
        self._counters.oversized += not fits
        return fits


def encode(action: str, action_id: str, headers: Headers) -> bytes:
    """One action as bytes; a sequence of values repeats its header.

    Raises ValueError, naming the header, for anything that Asterisk would read as another header or action: CR, LF
    and NUL, a line or an action that is too long, a name that is no name. The value is not told: it may be a secret.
    """
    lines = [_line("Action", action), _line("ActionID", action_id)]
    for name, value in headers.items():
        if name.lower() in ("action", "actionid"):
            raise ValueError(f"AMI header {name}: set by the connection itself")
        lines.extend(_line(name, one) for one in _values(value))
    if len(lines) > SENT_LINES_LIMIT:
        raise ValueError(f"AMI action {action}: {len(lines)} headers, at most {SENT_LINES_LIMIT} are read")
    return b"\r\n".join(lines) + END


def _values(value: Value) -> Iterable[str]:
    return (str(value),) if isinstance(value, (str, int)) else value


def _line(name: str, value: str) -> bytes:
    if not NAME.fullmatch(name):
        raise ValueError(f"AMI header {name!r}: not a header name")
    if BREAKS.search(value):
        raise ValueError(f"AMI header {name}: CR, LF or NUL in its value")
    try:
        line = f"{name}: {value}".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"AMI header {name}: its value cannot be written as UTF-8") from None
    if len(line) > SENT_LINE_LIMIT:
        raise ValueError(f"AMI header {name}: {len(line)} bytes, at most {SENT_LINE_LIMIT} are read")
    return line
