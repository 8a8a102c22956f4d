"""From copied SIP messages to key presses: joins each press with what the phone was told, and transfers to a code.

The press is in one message and the answer in another, and only both together are the truth: `Record: on` answered
403 lights no lamp, and answered 200 it may still record nothing (hardware.md B.4). Pure: `hear` takes one packet in
the order of arrival, `tick` the time; nothing here waits or reads a clock.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from hardware import hep, sip_info
from hardware.hep import Hep
from hardware.keys import Key
from hardware.sip_info import Odd, RecordPress, Refer, Reply, TransferNotice, UnclearPress
from hardware.sip_message import Head
from hardware.sip_stream import Whole

PATIENCE_S = 32.0
"""Until a request without an answer counts as never answered (RFC 3261 timer F: 64 times T1)."""
TRANSFER_PATIENCE_S = 60.0
"""Until a transfer to a code without a final notice is forgotten."""
MOST_PENDING = 4_096
"""Beyond this the oldest are forgotten and counted: whoever floods the listener must not fill the memory."""


class How(Enum):
    INFO = "info"
    TRANSFER = "transfer"  # "frustrated": the transfer to the code failed, and the talk goes on


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed a key, and this is what his phone was told.

    `channel` is the PBX's name of his channel where the packets carry it ("" otherwise: find it by `call_id`).
    `status` is that of the reply or of the transfer's last notice; 0 means that there was none. `at` is when the
    press was heard, `answered_at` when the answer was (both as the caller's clock has it).
    """

    how: How
    key: Key
    channel: str
    call_id: str
    user: str  # of the From address: a claim, not a proof
    source: tuple[str, int]
    status: int
    at: float
    answered_at: float

    @property
    def accepted(self) -> bool:
        """Whether the phone believes that its press was obeyed."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Unclear:
    """A Record header that is no command, and whether the phone was told so (`status`; 2xx is a lie of the PBX)."""

    value: str
    channel: str
    call_id: str
    source: tuple[str, int]
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class Strayed:
    """A transfer to a code *succeeded*: the dialplan knows the code, and the caller was sent away to it."""

    target: str
    channel: str
    call_id: str
    at: float


Seen = Press | Unclear | Strayed

Identity = tuple[str, int, str, str]
"""Call-ID, CSeq number, method and From tag: what a request and its reply have in common."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits for its answer; answered ones stay until they are old, to know their repetitions."""

    what: RecordPress | UnclearPress | Refer
    channel: str
    source: tuple[str, int]
    at: float
    answered: bool = False


class Presses:
    """The open requests of one listener. `counts` tells what was odd, by reason.

    `codes` are the numbers that nobody can be transferred to because they are commands: `{"*44": Key.TOGGLE}`.
    """

    def __init__(self, codes: Mapping[str, Key] | None = None, counts: Counter[str] | None = None) -> None:
        """`counts`: a counter that others use as well."""
        self.codes = dict(codes or {})
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._asked: OrderedDict[Identity, _Asked] = OrderedDict()
        self._whole = Whole(self.counts)

    def hear(self, packet: Hep, at: float) -> list[Seen]:
        """Take in one copied message. `at` is the caller's clock: the packet's own time may lie (see Hep)."""
        if packet.protocol != hep.SIP:
            return []
        return [seen for message in self._whole.messages(packet) for seen in self._read(message, packet, at)]

    def _read(self, message: bytes, packet: Hep, at: float) -> list[Seen]:
        heard = sip_info.read(message)
        match heard:
            case RecordPress() | UnclearPress():
                self._ask(heard, packet, at)
            case Refer() if not heard.attended and heard.target.lstrip(",") in self.codes:
                # Some phones put a pause (a comma) before a code.
                self._ask(heard, packet, at)
            case Reply():
                return self._answer(heard, at)
            case TransferNotice():
                return self._notice(heard, at)
            case Odd():
                self.counts[heard.why] += 1
            case _:
                pass
        return []

    def tick(self, at: float) -> list[Seen]:
        """What was never answered until now. Call it every second or so."""
        old = [(key, asked) for key, asked in self._asked.items() if at - asked.at >= _patience(asked)]
        for key, _ in old:
            del self._asked[key]
        return [seen for _, asked in old if not asked.answered for seen in self._seen(asked, 0, at)]

    def _ask(self, what: RecordPress | UnclearPress | Refer, packet: Hep, at: float) -> None:
        key = _identity(what.head)
        if key in self._asked:
            self.counts["a request heard again"] += 1  # repeated by the phone, or passed on by a proxy
            return
        if len(self._asked) >= MOST_PENDING:
            self._asked.popitem(last=False)
            self.counts["forgotten: too many open requests"] += 1
        channel = "" if packet.correlation == what.head.call_id else packet.correlation
        self._asked[key] = _Asked(what, channel, (packet.source, packet.source_port), at)

    def _answer(self, reply: Reply, at: float) -> list[Seen]:
        key = _identity(reply.head)
        asked = self._asked.get(key)
        if asked is None or asked.answered or reply.status < 200:
            return []
        accepted_transfer = isinstance(asked.what, Refer) and reply.status < 300
        if accepted_transfer:
            return []  # 202 says only that it will be tried; the notices tell how it ended
        self._asked[key] = replace(asked, answered=True)
        # 401 and 407 ask for a password: the phone sends the same press again with its answer.
        return [] if reply.status in (401, 407) else self._seen(asked, reply.status, at)

    def _notice(self, notice: TransferNotice, at: float) -> list[Seen]:
        """A final notice belongs to the REFER that it names, or else to the dialog's last one."""
        if notice.status < 200:
            return []
        for key, asked in reversed(self._asked.items()):
            head = asked.what.head
            ours = isinstance(asked.what, Refer) and head.call_id == notice.head.call_id
            if ours and head.from_tag == notice.head.to_tag and notice.refer in (0, head.number):
                if asked.answered:
                    return []
                self._asked[key] = replace(asked, answered=True)
                return self._seen(asked, notice.status, at)
        return []

    def _seen(self, asked: _Asked, status: int, at: float) -> list[Seen]:
        what, head = asked.what, asked.what.head
        match what:
            case RecordPress():
                key, how = Key.RECORD if what.on else Key.STOP, How.INFO
            case UnclearPress():
                return [Unclear(what.value, asked.channel, head.call_id, asked.source, status, asked.at)]
            case Refer() if 200 <= status < 300:
                return [Strayed(what.target, asked.channel, head.call_id, at)]
            case Refer() if status == 0:
                self.counts["a transfer to a code without an end"] += 1
                return []
            case Refer():
                key, how = self.codes[what.target.lstrip(",")], How.TRANSFER
        return [Press(how, key, asked.channel, head.call_id, head.user, asked.source, status, asked.at, at)]


def _identity(head: Head) -> Identity:
    return head.call_id, head.number, head.method, head.from_tag


def _patience(asked: _Asked) -> float:
    return TRANSFER_PATIENCE_S if isinstance(asked.what, Refer) else PATIENCE_S
