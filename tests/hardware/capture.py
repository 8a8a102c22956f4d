"""Makes the captures of tests/hardware/captures anew: real calls on the private Asterisk, heard through its HEP.

Run it by hand (`python -m tests.hardware.capture`) when Asterisk changes, and review the differences. A capture is
every HEP datagram of one story, exactly as it came, each behind its length in four bytes (big endian).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from controller.lab import Asterisk, Call, carrier, install, phone, sounds
from hardware import push

CAPTURES = Path(__file__).parent / "captures"
TONE = sounds.tone(440)

MODULES = "load = res_hep.so\nload = res_hep_pjsip.so\n"
DEAF = "noload = res_pjsip_one_touch_record_info.so\nnoload = res_pjsip_empty_info.so\n"
HEP = """[general]
enabled = yes
capture_address = {address}
capture_id = 2026
capture_name = lab
capture_password = lab-only
uuid_type = channel
"""
# hardware.md B.6: one-letter codes, so that a press costs no more than 1 ms and collides with no IVR.
FEATURES = """recon => A,self,UserEvent(RecordKey,State:on)
recoff => B,self,UserEvent(RecordKey,State:off)
"""
# 100 and 101 may record; 102 has the key but not the features, so that it is refused (B.5).
PHONES = "".join(
    f"[{extension}](+type=endpoint)\none_touch_recording = yes\n"
    + "record_on_feature = recon\nrecord_off_feature = recoff\n"
    + ("set_var = DYNAMIC_FEATURES=recon#recoff\n" if extension != "102" else "")
    for extension in ("100", "101", "102")
)


class Ear(asyncio.DatagramProtocol):
    """A HEP server that keeps every datagram."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.news = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002
        self.packets.append(data)
        self.news.set()

    async def hears(self, *texts: bytes, deadline: float = 10) -> None:
        async with asyncio.timeout(deadline):
            while not any(all(text in packet for text in texts) for packet in self.packets):
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def talking(pbx: Asterisk, caller: str) -> AsyncIterator[Call]:
    """A call from our phone to the world; what the phone does with it is the story."""
    async with phone(pbx, caller) as ours, carrier(pbx, "carrier1") as world:
        world.auto(TONE, loop=True)
        call = await ours.call("0301234567", say=TONE, loop=True)
        await asyncio.sleep(0.3)
        yield call
        await call.hangup()


async def record_on_off(pbx: Asterisk, _: Ear) -> None:
    async with talking(pbx, "100") as call:
        for value in ("on", "off"):
            assert await call.info({"Record": value}) == 200
        # What Fanvil sends: no space behind the colon; and a name in capitals.
        assert await call.info({"RECORD": "ON"}) == 200


async def record_refused(pbx: Asterisk, _: Ear) -> None:
    async with talking(pbx, "102") as call:
        assert await call.info({"Record": "on"}) == 403


async def record_odd(pbx: Asterisk, _: Ear) -> None:
    async with talking(pbx, "100") as call:
        for value in ("pause", "toggle"):
            print(value, await call.info({"Record": value}))
        body = b"Signal=5\r\nDuration=160\r\n"
        print("both", await call.info({"Record": "on", "Content-Type": "application/dtmf-relay"}, body))


async def digits(pbx: Asterisk, _: Ear) -> None:
    async with talking(pbx, "100") as call:
        for body in (b"Signal=5\r\nDuration=160\r\n", b"Signal= 11\r\nDuration= 250\r\n", b"Signal=*\r\n"):
            print(body, await call.info({"Content-Type": "application/dtmf-relay"}, body))
        print("dtmf", await call.info({"Content-Type": "application/dtmf"}, b"7"))


async def transfer_to_code(pbx: Asterisk, ear: Ear) -> None:
    async with talking(pbx, "100") as call:
        assert await call.transfer("*44") == 202
        await ear.hears(b"NOTIFY", b"SIP/2.0 404")
        await asyncio.sleep(0.2)
        assert call.up
        assert await call.transfer("%2A44") == 202
        await asyncio.sleep(0.3)


async def transfer_to_phone(pbx: Asterisk, ear: Ear) -> None:
    async with phone(pbx, "101") as bob, talking(pbx, "100") as call:
        bob.auto(TONE, loop=True)
        assert await call.transfer("101") == 202
        await ear.hears(b"NOTIFY", b"SIP/2.0 200 OK", b"sipfrag")


PUSHED = (
    push.status('Recording: "Müller, \\Söhne" <&>', "rec-100", beep=True),
    push.text_screen("Refused", "not allowed (rule 'bank, by law')"),
    push.execute([push.Led(f"LINE{line}", push.Colour.RED, push.Glow.ON) for line in range(1, 40)]),
)


async def yealink_push(pbx: Asterisk, ear: Ear) -> None:
    async with phone(pbx, "100"), pbx.admin() as admin:
        for body in PUSHED:
            await admin.act("PJSIPNotify", Endpoint="100", Variable=push.ami_variables(body))
        await ear.hears(b"NOTIFY", b"LINE39")


async def nobody_answers(pbx: Asterisk, _: Ear) -> None:
    """Neither module loaded: the press is never answered (hardware.md B.4, case 6)."""
    async with talking(pbx, "100") as call:
        with suppress(TimeoutError):
            print("answered", await call.info({"Record": "on"}))


STORIES: dict[str, Callable[[Asterisk, Ear], Awaitable[None]]] = {
    "record_on_off": record_on_off,
    "record_refused": record_refused,
    "record_odd": record_odd,
    "digits": digits,
    "transfer_to_code": transfer_to_code,
    "transfer_to_phone": transfer_to_phone,
    "yealink_push": yealink_push,
}
WITHOUT_MODULES: dict[str, Callable[[Asterisk, Ear], Awaitable[None]]] = {"nobody_answers": nobody_answers}


async def tell(stories: dict[str, Callable[[Asterisk, Ear], Awaitable[None]]], modules: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:
        place.bind(("127.0.0.1", 0))
        transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(Ear, sock=place.dup())
        extra = {
            "modules.d/hep.conf": modules,
            "hep.conf": HEP.format(address=f"127.0.0.1:{place.getsockname()[1]}"),
            "features.d/record.conf": FEATURES,
            "pjsip.d/record.conf": PHONES,
        }
        async with Asterisk.running(install(), extra=extra) as pbx:
            for name, story in stories.items():
                ear.packets.clear()
                await story(pbx, ear)
                await asyncio.sleep(0.3)
                keep(name, ear.packets)
        transport.close()


def keep(name: str, packets: list[bytes]) -> None:
    """Write one capture. Messages with credentials stay out, even though the lab's are thrown away."""
    harmless = [packet for packet in packets if b"Authorization:" not in packet]
    data = b"".join(len(packet).to_bytes(4, "big") + packet for packet in harmless)
    (CAPTURES / f"{name}.hep").write_bytes(data)
    print(f"{name}: {len(harmless)} packets of {len(packets)}, {len(data)} bytes")


async def main() -> None:
    await tell(STORIES, MODULES)
    await tell(WITHOUT_MODULES, MODULES + DEAF)


if __name__ == "__main__":
    asyncio.run(main())
