"""Makes the captures of Kamailio and FreeSWITCH anew: real calls through them, heard through their HEP.

Run it by hand (`python -m tests.hardware.capture_others`) and review the differences; ONRECORD_FREESWITCH names the
program. A capture is as those of tests/hardware/capture.py.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller.lab import Asterisk, Phone, carrier, freeswitch, install, kamailio, sounds
from tests.hardware.capture import TONE, Ear, keep

PASSWORD = "lab-only"  # noqa: S105


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Ear, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:
        place.bind(("127.0.0.1", 0))
        transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(Ear, sock=place.dup())
        yield ear, int(place.getsockname()[1])
        transport.close()


async def through_kamailio() -> None:
    """Record on and off; a transfer that the PBX lets fail, and one that the proxy refuses."""
    async with (
        listening() as (ear, port),
        Asterisk.running(
            install(), extra={"modules.d/key.conf": "noload = res_pjsip_one_touch_record_info.so\n"}
        ) as pbx,
        kamailio.proxy(pbx, port, PASSWORD) as proxy,
        carrier(pbx, "carrier1") as world,
    ):
        world.auto(TONE, loop=True)
        alice = Phone(pbx.phone_address("100"), proxy, "100", pbx.phone_secret)
        await alice.open()
        await alice.register()
        call = await alice.call("0301234567", say=TONE, loop=True)
        for value in ("on", "off"):
            assert await call.info({"Record": value}) == 200
        assert await call.transfer("*44") == 202
        await ear.hears(b"NOTIFY", b"SIP/2.0 404")
        assert await call.transfer("*45") == 404
        await asyncio.sleep(0.3)
        await alice.close()
        keep("kamailio", ear.packets)


async def on_freeswitch() -> None:
    """Record on and off; transfers to a code that fails, and to nowhere, which loses the caller."""
    async with (
        listening() as (ear, port),
        freeswitch.freeswitch(port, "${uuid}.wav") as pbx,
        pbx.phone("100") as alice,
        pbx.phone("101") as bob,
    ):
        bob.auto(sounds.tone(700), loop=True)
        call = await alice.call("101", say=TONE, loop=True)
        for value in ("on", "off"):
            assert await call.info({"Record": value}) == 200
        assert await call.transfer("*44") == 202
        await ear.hears(b"NOTIFY", b"SIP/2.0 403")
        await asyncio.sleep(0.3)
        assert call.up
        await call.hangup()
        keep("freeswitch", ear.packets)


async def freeswitch_by_tcp() -> None:
    """Presses in pieces on a TCP connection: two and a half in one segment, the rest in the next."""
    async with listening() as (ear, port), freeswitch.freeswitch(port) as pbx:
        reader, writer = await asyncio.open_connection(pbx.host, pbx.sip_port)
        presses = [pressed(pbx.host, number) for number in (1, 2, 3)]
        writer.write(presses[0] + presses[1] + presses[2][:100])
        await writer.drain()
        await ear.hears(b"SIP/2.0 ", b"CSeq: 2 INFO")
        writer.write(presses[2][100:])
        await ear.hears(b"SIP/2.0 ", b"CSeq: 3 INFO")
        await reader.read(1)
        writer.close()
        keep("freeswitch_tcp", ear.packets)


def pressed(host: str, number: int) -> bytes:
    """A Record key on a call that the PBX does not know."""
    return (
        f"INFO sip:101@{host} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKpress{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:100@{host}>;tag=a\r\nTo: <sip:101@{host}>;tag=b\r\nCall-ID: pieces\r\n"
        f"CSeq: {number} INFO\r\nRecord: {'off' if number % 2 == 0 else 'on'}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def main() -> None:
    await through_kamailio()
    await on_freeswitch()
    await freeswitch_by_tcp()


if __name__ == "__main__":
    asyncio.run(main())
