"""The lab's own SIP phone and carrier: registers, calls, is called; precise where sipp and baresip are not."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from controller.lab import sip
from controller.lab.asterisk import Asterisk
from controller.lab.calls import REASONS, SDP, Call, CallRefused
from controller.lab.sip import Message
from controller.lab.sounds import Samples
from controller.lab.wire import Wire

__all__ = ["Call", "CallRefused", "MakePhone", "Phone", "carrier", "phone", "until"]

MakePhone = Callable[[str], Awaitable["Phone"]]
"""What the test fixtures `phone` and `carrier` are: give an extension or a trunk's name, get a Phone."""


class Phone:
    """One SIP user agent on a UDP port of its own. Open it with `phone(pbx, "100")` or `carrier(pbx, "carrier1")`."""

    def __init__(self, host: str, server: str, user: str, secret: str = "") -> None:
        self.host, self.server, self.user, self.secret = host, server, user, secret
        self.wire = Wire(host, server, user, secret, self._requested, self._acknowledge_again)
        self.calls: dict[str, Call] = {}
        self.answering: Callable[[Call], Awaitable[object]] | None = None
        """What happens to a new call; None: it rings until a test takes it with `rings`."""
        self.states: dict[str, list[str]] = {}
        """What each watched extension was said to be: terminated (dark), confirmed (lit), early (flashing)."""
        self.pushed: list[bytes] = []
        """Bodies of NOTIFY outside of any dialog: what a Yealink phone would show."""
        self._watched: dict[str, list[str]] = {}
        self._ringing: asyncio.Queue[Call] = asyncio.Queue()
        self._tasks: set[asyncio.Task[object]] = set()

    # -- what a test does ----------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self.wire.port

    async def open(self, port: int = 0) -> None:
        await self.wire.open(port)

    async def register(self, expires: int = 3600) -> None:
        """REGISTER at the server; 0 takes it back. Raises CallRefused."""
        answer = await self.request(self._register(expires))
        if answer.status != 200:
            raise CallRefused(answer.status or 0, "REGISTER")

    async def watch(self, extension: str, expires: int = 600) -> None:
        """SUBSCRIBE to an extension's state, as a BLF key does; `states[extension]` grows with every NOTIFY.

        Raises CallRefused.
        """
        me, target = f"<sip:{self.user}@{self.server}>", f"sip:{extension}@{self.server}"
        call_id = f"{secrets.token_hex(8)}@{self.host}"
        headers = (
            ("Via", self.wire.via()),
            ("Max-Forwards", "70"),
            ("From", f"{me};tag={secrets.token_hex(4)}"),
            ("To", f"<{target}>"),
            ("Call-ID", call_id),
            ("CSeq", "1 SUBSCRIBE"),
            ("Contact", f"<sip:{self.user}@{self.host}:{self.port}>"),
            ("Event", "dialog"),
            ("Accept", "application/dialog-info+xml"),
            ("Expires", str(expires)),
        )
        self._watched[call_id] = self.states[extension] = []
        answer = await self.request(Message(f"SUBSCRIBE {target} SIP/2.0", headers))
        if answer.status not in (200, 202):
            raise CallRefused(answer.status or 0, "SUBSCRIBE")

    async def dial(
        self,
        number: str,
        *,
        caller: str | None = None,
        name: str = "",
        say: Samples | None = None,
        loop: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Call:
        """Send an INVITE and return at once; `await call.answered()` waits. `caller` is the From user (carriers)."""
        user = caller or self.user
        local = f'"{name}" <sip:{user}@{self.host}>' if name else f"<sip:{user}@{self.host}>"
        target = f"sip:{number}@{self.server}"
        call = Call(
            self,
            f"{secrets.token_hex(8)}@{self.host}",
            f"{local};tag={secrets.token_hex(4)}",
            f"<{target}>",
            target,
        )
        call.number, call.caller = number, user
        if say is not None:
            call.say(say, loop=loop)
        self.calls[call.call_id] = call
        message = call.draft("INVITE", SDP, *(headers or {}).items(), body=call.offer())
        self._spawn(self._first_invite(call, message))
        return call

    async def call(
        self,
        number: str,
        *,
        caller: str | None = None,
        name: str = "",
        say: Samples | None = None,
        loop: bool = False,
        headers: dict[str, str] | None = None,
        deadline: float = 10,
    ) -> Call:
        """Dial and wait for the answer. Raises CallRefused or TimeoutError."""
        call = await self.dial(number, caller=caller, name=name, say=say, loop=loop, headers=headers)
        return await call.answered(deadline)

    async def rings(self, deadline: float = 10) -> Call:
        """The next incoming call that nobody took yet; it rings (180) already. Raises TimeoutError."""
        async with asyncio.timeout(deadline):
            return await self._ringing.get()

    def auto(self, say: Samples | None = None, *, loop: bool = False, after: float = 0.0) -> None:
        """From now on answer every call by itself, `after` seconds of ringing, and say this."""

        async def answer(call: Call) -> None:
            await asyncio.sleep(after)
            if not call.status:
                await call.answer(say, loop=loop)

        self.answering = answer

    async def close(self) -> None:
        """Hang up everything and leave the network."""
        async with asyncio.timeout(10):
            await asyncio.gather(*(call.hangup() for call in self.calls.values()), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.wire.close()

    # -- requests ------------------------------------------------------------------------------------------------

    async def request(self, message: Message) -> Message:
        """Send any request but INVITE, with digest if asked; returns the final response. Raises TimeoutError."""
        answer = await self.wire.exchange(message)
        if answer.status in (401, 407):
            answer = await self.wire.exchange(self.wire.authorized(message, answer))
        return answer

    async def invite(self, call: Call, message: Message) -> Message:
        """Send an INVITE, acknowledge the final response, and return it."""
        call.invite = message
        answer = await self.wire.exchange(message, call.progressed)
        if answer.status in (401, 407):
            self._acknowledge(call, message, answer)
            call.invite = message = self.wire.authorized(message, answer)
            answer = await self.wire.exchange(message, call.progressed)
        if answer.status == 200:
            call.remote = answer["to"]
            call.target = sip.uri_of(answer["contact"])
            call.routes = list(reversed(answer.all("record-route")))
        self._acknowledge(call, message, answer)
        return answer

    def cancel(self, call: Call) -> None:
        """CANCEL the INVITE that is still ringing."""
        if call.invite is None:
            raise RuntimeError("nothing to cancel")
        kept = [(k, v) for k, v in call.invite.headers if k in ("Via", "From", "To", "Call-ID", "Max-Forwards")]
        number = call.invite["cseq"].split()[0]
        self.wire.send(Message(f"CANCEL {call.invite.target} SIP/2.0", (*kept, ("CSeq", f"{number} CANCEL"))))

    def reply(self, request: Message, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        """Answer a request; the answer is kept, so that a repeated request gets the same one."""
        call = self.calls.get(request["call-id"])
        tag = sip.tag_of(call.local) if call else secrets.token_hex(4)
        response = sip.response(request, status, REASONS.get(status, "Unknown"), tag, *headers, body=body)
        self.wire.reply(request, response)

    # -- inside --------------------------------------------------------------------------------------------------

    def _register(self, expires: int) -> Message:
        me = f"<sip:{self.user}@{self.server}>"
        headers = (
            ("Via", self.wire.via()),
            ("Max-Forwards", "70"),
            ("From", f"{me};tag={secrets.token_hex(4)}"),
            ("To", me),
            ("Call-ID", f"{secrets.token_hex(8)}@{self.host}"),
            ("CSeq", "1 REGISTER"),
            ("Contact", f"<sip:{self.user}@{self.host}:{self.port}>"),
            ("Expires", str(expires)),
        )
        return Message(f"REGISTER sip:{self.server} SIP/2.0", headers)

    async def _first_invite(self, call: Call, message: Message) -> None:
        try:
            answer = await self.invite(call, message)
        except TimeoutError:
            call.is_over(408)
            return
        if answer.status == 200:
            call.connect(answer)
            call.went_up(200)
        else:
            call.is_over(answer.status or 0)

    def _acknowledge(self, call: Call, invite: Message, answer: Message) -> None:
        """ACK: in the INVITE's own transaction for a refusal, in a new one for 200."""
        accepted = answer.status == 200
        headers = (
            ("Via", self.wire.via() if accepted else invite["via"]),
            ("Max-Forwards", "70"),
            *((("Route", route)) for route in (call.routes if accepted else ())),
            ("From", invite["from"]),
            ("To", answer["to"]),
            ("Call-ID", call.call_id),
            ("CSeq", f"{invite['cseq'].split()[0]} ACK"),
        )
        self.wire.send(Message(f"ACK {call.target if accepted else invite.target} SIP/2.0", headers))

    def _spawn(self, work: Awaitable[object]) -> None:
        task: asyncio.Task[object] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what comes in -------------------------------------------------------------------------------------------

    def _acknowledge_again(self, answer: Message) -> None:
        call = self.calls.get(answer["call-id"])
        if call is not None and call.invite is not None:
            self._acknowledge(call, call.invite, answer)

    def _requested(self, message: Message) -> None:
        call = self.calls.get(message["call-id"])
        match message.method:
            case "INVITE" if call is None:
                self._invited(message)
            case "ACK":
                if call is not None:
                    call.acked.set()
            case "OPTIONS":
                self.reply(message, 200)
            case "NOTIFY" if message["call-id"] in self._watched:
                self.reply(message, 200)
                said = re.search(rb"<state>([a-z]+)</state>", message.body)
                # Hold is a rendering of the confirmed dialog's target.
                held = b'pvalue="no"' in message.body
                self._watched[message["call-id"]].append("held" if held else said[1].decode() if said else "")
            case "NOTIFY" if call is None and message["event"].lower() == "yealink-xml":
                self.reply(message, 200)
                self.pushed.append(message.body)
            case _ if call is None:
                self.reply(message, 481)
            case "INVITE" | "UPDATE":
                call.connect(message)
                self.reply(message, 200, call.contact(), SDP, body=call.offer())
            case "BYE":
                self.reply(message, 200)
                call.is_over(call.status)
            case "CANCEL":
                self.reply(message, 200)
                if call.invite is not None and not call.status:
                    self.reply(call.invite, 487)
                    call.is_over(487)
            case "NOTIFY":
                self.reply(message, 200)
                call.notified.append(frag := message.body.decode(errors="replace").strip())
                if frag.startswith("SIP/2.0 2"):
                    # The transfer worked: as desk phones do, leave the call (RFC 5589).
                    self._spawn(call.hangup())
            case "INFO" | "MESSAGE":
                self.reply(message, 200)
            case _:
                self.reply(message, 405)

    def _invited(self, message: Message) -> None:
        local = f"{message['to']};tag={secrets.token_hex(4)}"
        call = Call(self, message["call-id"], local, message["from"], sip.uri_of(message["contact"]))
        call.invite = message
        call.number, call.caller = sip.user_of(message.target), sip.user_of(message["from"])
        call.routes = message.all("record-route")
        self.calls[call.call_id] = call
        self.reply(message, 180, call.contact())
        # A provisional answer must not be what a repeated INVITE gets once the final one is out.
        if self.answering is not None:
            self._spawn(self.answering(call))
        else:
            self._ringing.put_nowait(call)


@asynccontextmanager
async def phone(pbx: Asterisk, extension: str) -> AsyncIterator[Phone]:
    """The desk phone of an extension, registered; hung up and gone at the end."""
    made = Phone(pbx.phone_address(extension), f"{pbx.host}:{pbx.sip_port}", extension, pbx.phone_secret)
    await made.open()
    try:
        await made.register()
        yield made
        await made.register(0)
    finally:
        await made.close()


@asynccontextmanager
async def carrier(pbx: Asterisk, name: str) -> AsyncIterator[Phone]:
    """The far end of a trunk: calls in with `caller=`, and rings when somebody dials out."""
    host, port = pbx.carriers[name]
    made = Phone(host, f"{pbx.host}:{pbx.sip_port}", name)
    await made.open(port)
    try:
        yield made
    finally:
        await made.close()


async def until(true: Callable[[], bool], deadline: float = 5) -> None:
    """Wait until something is so, looking every 10 ms. Raises TimeoutError."""
    async with asyncio.timeout(deadline):
        while not true():  # noqa: ASYNC110 it may be anything, with nobody to tell us
            await asyncio.sleep(0.01)
