"""Makes the captured bytes of wire.py anew: `python benchmarks/captures/make.py`, a real Asterisk and three calls."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path

import aiohttp

from controller import lab
from controller.lab import Asterisk, carrier, phone, sounds

HERE = Path(__file__).parent


async def manager(pbx: Asterisk) -> bytes:
    """All that a manager session with every right gets, until cancelled."""
    reader, writer = await asyncio.open_connection(pbx.host, pbx.ami_port)
    who = f"Username: {pbx.admin_user}\r\nSecret: {pbx.admin_secret}"
    writer.write(f"Action: Login\r\nActionID: 1\r\n{who}\r\nEvents: on\r\n\r\n".encode())
    taken = bytearray()
    try:
        while data := await reader.read(65536):
            taken += data
    except asyncio.CancelledError:
        writer.close()
    return bytes(taken)


async def rest(pbx: Asterisk) -> list[str]:
    """All that an application that subscribed to everything gets, until cancelled."""
    proof = base64.b64encode(f"{pbx.ari_user}:{pbx.ari_secret}".encode()).decode()
    taken: list[str] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {proof}"}) as session:
        socket = await session.ws_connect(f"{pbx.ari_url}/events?app=capture&subscribeAll=true")
        try:
            async for message in socket:
                taken.append(message.data)
        except asyncio.CancelledError:
            pass
    return taken


async def calls(pbx: Asterisk) -> None:
    """One internal call, one from outside to a phone, one to a queue, given up by its caller."""
    async with phone(pbx, "100") as alice, phone(pbx, "101") as bob, carrier(pbx, "carrier1") as world:
        bob.auto(sounds.tone(700), loop=True)
        for caller, number in ((alice, "101"), (world, "0205550123")):
            call = await caller.call(number, say=sounds.tone(440), loop=True)
            await asyncio.sleep(0.5)
            await call.hangup()
        call = await world.call("0205550200", caller="0301234567", say=sounds.tone(440), loop=True)
        await asyncio.sleep(0.5)
        await call.hangup()
        await asyncio.sleep(0.3)


async def main() -> None:
    async with Asterisk.running(lab.install()) as pbx:
        taps = asyncio.create_task(manager(pbx)), asyncio.create_task(rest(pbx))
        await asyncio.sleep(0.5)
        await calls(pbx)
        for tap in taps:
            tap.cancel()
        raw, events = await taps[0], await taps[1]
    (HERE / "calls.ami").write_bytes(raw)
    nobody = [re.sub(r'"asterisk_id":"[^"]*"', '"asterisk_id":"00:00:00:00:00:00"', event) for event in events]
    (HERE / "calls.ari").write_text("\n".join(nobody) + "\n", encoding="utf-8")
    print(f"{raw.count(b'Event: ')} manager events in {len(raw)} bytes, {len(events)} ARI events")


asyncio.run(main())
