"""Listens for HEP copies of SIP messages (UDP and TCP), and passes on the key presses that are in them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from controller.core.commands import LegId
from controller.core.events import Asked, AskedBy
from controller.core.session import Session
from controller.engine import Engine
from hardware import hep
from hardware.hep import Hep, Refused, Stream
from hardware.keys import Key
from hardware.presses import How, Press, Presses, Seen, Strayed, Unclear

log = structlog.get_logger("phones")

MOST_STREAMS = 16
READ_BYTES = 65_536
TICK_SECONDS = 1.0
MOST_OF_A_CALL = 32
"""Presses of one call that wait for their turn: nobody's finger makes more while the PBX is asked for the leg."""
MOST_CALLS = 512
"""Calls with presses that wait."""
OBEYED = {How.INFO: "record key", How.TRANSFER: "transfer to a code"}

Find = Callable[[str, str, str], Awaitable[LegId | None]]
"""A leg by the PBX's name of its channel ("" where unknown), its SIP Call-ID and its user."""


@dataclass(slots=True)
class HepListener:
    """One socket for all PBXs. `counts` tells by reason what was odd, refused or not obeyed.

    A press is obeyed only where the phone believes that it was: an INFO that the PBX refused lit no lamp, and must
    record nothing. With a transfer to a code it is the other way round: it must fail, so that the talk goes on.
    """

    engine: Engine
    host: str
    port: int
    password: bytes = field(default=b"", repr=False)
    codes: Mapping[str, Key] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _presses: Presses = field(init=False)
    _streams: set[asyncio.Task[None]] = field(default_factory=set)
    _waiting: dict[str, deque[Press]] = field(default_factory=dict)
    _workers: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._presses = Presses(self.codes, self.counts)

    async def run(self) -> None:
        """Listen until cancelled. Raises OSError where the address is taken or not ours."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self.host, self.port)
        )
        self.port = int(transport.get_extra_info("sockname")[1])
        server = await asyncio.start_server(self._stream, self.host, self.port)
        log.info("listening for HEP", host=self.host, port=self.port, codes=len(self.codes))
        self.ready.set()
        try:
            while True:
                await asyncio.sleep(TICK_SECONDS)
                self._act(self._presses.tick(time.time()))
        finally:
            transport.close()
            server.close()
            for task in (*self._streams, *self._workers):
                task.cancel()

    def hear(self, packet: Hep | Refused) -> None:
        """One packet, however it came."""
        packet = hep.checked(packet, self.password)
        if isinstance(packet, Refused):
            self._count(f"refused: {packet.reason.value}")
            return
        self.counts["heard"] += 1
        self._act(self._presses.hear(packet, time.time()))

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._streams) >= MOST_STREAMS:
            self._count("refused: too many connections")
            writer.close()
            return
        self._streams.add(task)
        stream = Stream()
        try:
            while not stream.lost and (data := await reader.read(READ_BYTES)):
                for packet in stream.feed(data):
                    self.hear(packet)
        except OSError:
            self._count("a connection broke")
        finally:
            self._streams.discard(task)
            writer.close()

    def _act(self, seen: list[Seen]) -> None:
        for each in seen:
            match each:
                case Press():
                    self._queue(each)
                case Unclear(status=status, channel=channel):
                    self._count("a Record header that is no command")
                    if 200 <= status < 300:
                        log.warning(
                            "the PBX told a phone 200 for a Record header that is no command", channel=channel
                        )
                case Strayed(target=target, channel=channel):
                    self._count("a transfer to a code went through")
                    log.error(
                        "a caller was transferred to a code of OnRecord: the dialplan must not know it",
                        code=target,
                        channel=channel,
                    )

    async def _press(self, press: Press) -> None:
        session, leg = await self._leg(press)
        if press.how is How.INFO and not press.accepted:
            self._count(f"a press that the PBX answered {press.status or 'never'}")
            if press.status == 0:
                log.warning("the PBX never answered a Record key: load res_pjsip_one_touch_record_info")
            if session is not None:
                self.engine.explain(Asked(session.call.id, press.at, OBEYED[press.how], press.key, AskedBy.LEG, leg))
            return
        if session is None or leg is None:
            self._count("a press on no live call")
            return
        if press.how is How.INFO and leg in session.armed and session.armed[leg].keys:
            self.counts["heard by the PBX's events too"] += 1
            return
        by = OBEYED[press.how]
        self.engine.hear(Asked(session.call.id, press.at, by, press.key, AskedBy.LEG, leg))

    async def _leg(self, press: Press) -> tuple[Session | None, LegId | None]:
        """The leg of whoever pressed, and the call that it is on."""
        for driver in self.engine.drivers.values():
            leg = await driver.find(press.channel, press.call_id, press.user)
            session = self.engine.on(leg) if leg is not None else None
            if session is not None:
                return session, leg
        return None, None

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _queue(self, press: Press) -> None:
        """Presses of one call are obeyed one after the other: on and off would else change places on their way."""
        queue = self._waiting.get(press.call_id)
        if queue is None and len(self._waiting) < MOST_CALLS:
            self._waiting[press.call_id] = deque([press])
            worker = asyncio.create_task(self._work(press.call_id))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        elif queue is not None and len(queue) < MOST_OF_A_CALL:
            queue.append(press)
        else:
            self._count("refused: too many presses at once")

    async def _work(self, call_id: str) -> None:
        queue = self._waiting[call_id]
        try:
            while queue:
                await self._press(queue.popleft())
        finally:
            del self._waiting[call_id]


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: a packet is a datagram."""

    def __init__(self, listener: HepListener) -> None:
        self._listener = listener

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002
        self._listener.hear(hep.read(data))
