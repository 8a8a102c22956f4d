"""A SIP phone's wire: requests and answers over UDP, sent again until something comes back, with digest."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from controller.lab import sip
from controller.lab.sip import Message

RETRY = (0.5, 1.0, 2.0, 4.0)
"""Seconds until a request without any answer is sent again (RFC 3261 timer E)."""
RINGING_SECONDS = 180
"""A call may ring for long: once something has come back only the caller's own deadline counts."""

Progress = Callable[[int], Awaitable[None]]
"""What is to happen on a provisional answer with this status."""


class Wire(asyncio.DatagramProtocol):
    """One UDP port of one user agent. `requested` takes each request once, however often it is sent; `accepted` takes
    a 200 for an INVITE that comes after its transaction is over."""

    def __init__(
        self,
        host: str,
        server: str,
        user: str,
        secret: str,
        requested: Callable[[Message], None],
        accepted: Callable[[Message], None],
    ) -> None:
        self.host, self.server, self.user, self.secret = host, server, user, secret
        self.port = 0
        self._requested, self._accepted = requested, accepted
        self._transactions: dict[str, asyncio.Queue[Message]] = {}
        self._replies: dict[tuple[str, str], bytes] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, port: int = 0) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(self.host, port)
        )
        self._transport = transport
        self.port = int(transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def via(self) -> str:
        return f"SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def send(self, message: Message) -> None:
        """Once, with no answer waited for."""
        self._send(message.encode())

    async def exchange(self, message: Message, progress: Progress | None = None) -> Message:
        """Send, repeat until something comes back, and return the final response. Raises TimeoutError."""
        branch = _branch(message)
        answers = self._transactions[branch] = asyncio.Queue()
        data = message.encode()
        try:
            waits = iter(RETRY)
            heard = False
            while True:
                if not heard:
                    self._send(data)
                try:
                    patience = RINGING_SECONDS if heard and progress is not None else next(waits, None) or 4
                    answer = await asyncio.wait_for(answers.get(), patience)
                except TimeoutError:
                    if heard or next(waits, None) is None:
                        raise
                    continue
                heard = True
                status = answer.status or 0
                if status >= 200:
                    return answer
                if progress is not None and status > 100:
                    await progress(status)
        finally:
            del self._transactions[branch]

    def authorized(self, message: Message, answer: Message) -> Message:
        """The request again, with what the challenge in its answer (401 or 407) asks for."""
        proxy = answer.status == 407
        challenge = answer["proxy-authenticate" if proxy else "www-authenticate"]
        value = sip.authorization(challenge, message.method, message.target, self.user, self.secret)
        number, method = message["cseq"].split()
        changed = {"Via": self.via(), "CSeq": f"{int(number) + 1} {method}"}
        headers = tuple((key, changed.get(key, text)) for key, text in message.headers)
        name = "Proxy-Authorization" if proxy else "Authorization"
        return Message(message.start, (*headers, (name, value)), message.body)

    def reply(self, request: Message, response: Message) -> None:
        """Answer a request; the answer is kept, so that a repeated request gets the same one."""
        data = self._replies[_branch(request), request.method] = response.encode()
        self._send(data)

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            host, port = self.server.rsplit(":", 1)
            self._transport.sendto(data, (host, int(port)))

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002
        message = sip.parse(data)
        if message.status is not None:
            if message.method == "CANCEL":
                return  # its answer shares the INVITE's branch (RFC 3261 9.1) and must not be taken for the INVITE's
            waiting = self._transactions.get(_branch(message))
            if waiting is not None:
                waiting.put_nowait(message)
            elif message.method == "INVITE" and message.status == 200:
                self._accepted(message)
            return
        again = self._replies.get((_branch(message), message.method))
        if again is not None:
            self._send(again)
            return
        self._requested(message)


def _branch(message: Message) -> str:
    via = message["via"]
    return via.partition("branch=")[2].partition(";")[0]
