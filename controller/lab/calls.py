"""One call of the lab's own phone: speaks, listens, holds, transfers, presses keys, hangs up."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from controller.lab import sip
from controller.lab.media import MEDIA, Audio, Line
from controller.lab.sip import Message
from controller.lab.sounds import Samples

if TYPE_CHECKING:
    from controller.lab.phones import Phone

REASONS = {
    180: "Ringing",
    183: "Progress",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    404: "Not Found",
}
REASONS |= {405: "Method Not Allowed", 480: "Temporarily Unavailable", 481: "No Such Call", 486: "Busy Here"}
REASONS |= {487: "Request Terminated", 503: "Service Unavailable", 603: "Decline"}


class CallRefused(Exception):
    """The other side did not want the call; `status` is its SIP code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


class Call:
    """One dialog of a phone, with its audio. Made by `Phone.dial` or `Phone.rings`."""

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, target: str) -> None:
        self.phone = phone
        self.call_id = call_id
        self.number = ""
        """What was dialled."""
        self.caller = ""
        """Who calls, as the From header has it."""
        self.line = Line(phone.host)
        self.status = 0
        """The final SIP status of the INVITE; 0 as long as there is none."""
        self.provisional: list[int] = []
        self.notified: list[str] = []
        """The sipfrag lines that the other side sent about our REFER."""
        self.invite: Message | None = None
        """The INVITE that made this call, with all its headers."""
        self.local, self.remote, self.target = local, remote, target
        self.routes: list[str] = []
        # In steps of two: the number between belongs to the same request sent again with a digest.
        self._sequence = itertools.count(1, 2)
        self._version = itertools.count(1)
        self._direction = "sendrecv"
        self._answered = asyncio.Event()
        self._ended = asyncio.Event()
        self._progress = asyncio.Condition()
        self.acked = asyncio.Event()

    # -- what a test does ----------------------------------------------------------------------------------------

    def say(self, samples: Samples, *, loop: bool = False) -> None:
        """Speak from the next packet on; once, then silence, or again and again."""
        self.line.say(samples, loop=loop)

    def heard(self) -> Audio:
        """Everything that this party heard, with the time of every 20 ms."""
        return self.line.heard()

    def sent(self) -> Audio:
        """Everything that this party said."""
        return self.line.sent()

    async def answered(self, deadline: float = 10) -> Call:
        """Wait for the answer. Raises CallRefused or TimeoutError."""
        async with asyncio.timeout(deadline):
            await self._answered.wait()
        if self.status >= 300:
            raise CallRefused(self.status, REASONS.get(self.status, ""))
        return self

    async def ringing(self, deadline: float = 10) -> None:
        """Wait until the other side rings (or answers)."""
        async with asyncio.timeout(deadline), self._progress:
            while not any(100 < code < 300 for code in self.provisional) and not self._answered.is_set():
                await self._progress.wait()

    async def ended(self, deadline: float = 10) -> None:
        """Wait until somebody has hung up. Raises TimeoutError."""
        async with asyncio.timeout(deadline):
            await self._ended.wait()

    @property
    def up(self) -> bool:
        return self._answered.is_set() and self.status == 200 and not self._ended.is_set()

    async def answer(self, say: Samples | None = None, *, loop: bool = False) -> Call:
        """Accept an incoming call, and speak from its first packet on."""
        invite = self._incoming()
        if say is not None:
            self.say(say, loop=loop)
        self.connect(invite)
        self.phone.reply(invite, 200, self.contact(), SDP, body=self.offer())
        self.went_up(200)
        async with asyncio.timeout(5):
            await self.acked.wait()
        return self

    def refuse(self, status: int = 486, **headers: str) -> None:
        """Refuse an incoming call; 302 with `Contact` sends it elsewhere."""
        self.phone.reply(self._incoming(), status, *headers.items())
        self.is_over(status)

    async def hangup(self) -> None:
        """BYE, or CANCEL while it rings. Nothing happens if it is over already."""
        if self._ended.is_set():
            return
        if not self._answered.is_set():
            self.phone.cancel(self)
            await self.ended()
            return
        self.is_over(self.status)
        await self.request("BYE")

    async def press(self, digits: str, milliseconds: int = 160, gap: float = 0.1) -> None:
        """Press keys (RFC 4733), and come back when the last has been sent."""
        for digit in digits:
            self.line.dial(digit, milliseconds)
            await asyncio.sleep(milliseconds / 1000 + gap)

    async def info(self, headers: dict[str, str], body: bytes = b"") -> int:
        """An INFO in the dialog with these headers (`{"Record": "on"}`); returns the status of the answer."""
        return (await self.request("INFO", *headers.items(), body=body)).status or 0

    async def hold(self) -> None:
        """Put the other side on hold (re-INVITE, sendonly) and stop sending."""
        await self._reinvite("sendonly")
        self.line.sending = False

    async def resume(self) -> None:
        await self._reinvite("sendrecv")
        self.line.sending = True

    async def transfer(self, to: str) -> int:
        """Blind transfer (REFER) of the other side to a number; returns the status of the answer."""
        return await self._refer(f"<sip:{to}@{self.phone.server}>")

    async def transfer_to(self, other: Call) -> int:
        """Attended transfer (REFER with Replaces): the other side of this call meets that of `other`."""
        replaces = f"{other.call_id};to-tag={sip.tag_of(other.remote)};from-tag={sip.tag_of(other.local)}"
        quoted = replaces.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
        return await self._refer(f"<{sip.uri_of(other.remote)}?Replaces={quoted}>")

    async def request(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> Message:
        """Any request in this dialog; returns the final response."""
        return await self.phone.request(self.draft(method, *headers, body=body))

    # -- between call and phone ----------------------------------------------------------------------------------

    def _incoming(self) -> Message:
        if self.invite is None or self.status:
            raise RuntimeError("only an incoming call that still rings can be answered or refused")
        return self.invite

    def contact(self) -> tuple[str, str]:
        return ("Contact", f"<sip:{self.phone.user}@{self.phone.host}:{self.phone.port}>")

    def offer(self) -> bytes:
        return sip.sdp(self.line.host, self.line.port, next(self._version), self._direction)

    def draft(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> Message:
        routes = [("Route", route) for route in self.routes]
        return Message(
            f"{method} {self.target} SIP/2.0",
            (
                ("Via", self.phone.wire.via()),
                ("Max-Forwards", "70"),
                *routes,
                ("From", self.local),
                ("To", self.remote),
                ("Call-ID", self.call_id),
                ("CSeq", f"{next(self._sequence)} {method}"),
                self.contact(),
                *headers,
            ),
            body,
        )

    async def _refer(self, to: str) -> int:
        local = ("Referred-By", f"<{sip.uri_of(self.local)}>")
        return (await self.request("REFER", ("Refer-To", to), local)).status or 0

    async def _reinvite(self, direction: str) -> None:
        self._direction = direction
        answer = await self.phone.invite(self, self.draft("INVITE", SDP, body=self.offer()))
        if answer.status != 200:
            raise CallRefused(answer.status or 0, "re-INVITE")
        self.connect(answer)

    def connect(self, message: Message) -> None:
        self.line.remote = sip.media_of(message.body) or self.line.remote

    def went_up(self, status: int) -> None:
        self.status = status
        MEDIA.add(self.line)
        self._answered.set()

    def is_over(self, status: int) -> None:
        self.status = status
        self.line.close()
        self._answered.set()
        self._ended.set()

    async def progressed(self, status: int) -> None:
        async with self._progress:
            self.provisional.append(status)
            self._progress.notify_all()


SDP = ("Content-Type", "application/sdp")
