"""The demo in parts, each a process of its own, for containers: the office's PBX, its phones, and how both are.

`python -m controller.demo pbx` and `… phones`, beside an `onrecord run`. Addresses and ports never change, so that
each part may be started again by itself; all of them are on loopback, which the parts must share.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from controller.demo.office import TROUBLE, calls
from controller.lab import Admin, Asterisk, Install, install
from controller.lab.addresses import Lease

ROUND_SECONDS = 60.0
"""How long the office rests before its calls are placed again."""
RETRY_SECONDS = 3.0
STALE_SECONDS = 300.0
"""When the last good round of calls is older than this, the phones are not well."""
NET = "127.77.0"
SECRETS = ("ami", "ari", "admin", "phone")


class Office(Asterisk):
    """The demo's PBX at a place that does not change; `net` is the first three numbers of its loopback addresses."""

    def __init__(self, install: Install, passwords: Path, net: str = NET) -> None:
        super().__init__(install, "office" if net == NET else f"office-{net}")
        self._lease.release()
        self._lease = Lease(net, socket.socket())
        self.host = self._lease.address(1)
        self.sip_port, self.ami_port, self.ari_port = 5060, 5038, 8088
        self.carriers = {name: (self._lease.address(10 + n), 5060) for n, name in enumerate(self.carriers, 1)}
        self.ami_secret, self.ari_secret, self.admin_secret, self.phone_secret = (
            (passwords / f"{name}.secret").read_text().strip() for name in SECRETS
        )


def office() -> Office:
    """As the environment says: ONRECORD_SECRETS, where the passwords are; ONRECORD_OFFICE, the addresses."""
    passwords = Path(os.environ.get("ONRECORD_SECRETS", "/var/lib/onrecord-secrets"))
    return Office(install(), passwords, os.environ.get("ONRECORD_OFFICE", NET))


def say(text: str) -> None:
    print(text, flush=True)


async def pbx() -> int:
    """Run the PBX until SIGTERM; ends with 1 when it dies by itself, so that whoever started us starts it again."""
    place, told = office(), _told_to_stop()
    place.write_configuration()
    await place.start()
    say(f"Asterisk {place.install.version} answers at {place.host}")
    while place.pid is not None and not told.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), 1)
    died = place.pid is None
    say(place.log_end() if died else "stopping")
    await place.stop()
    return 1 if died else 0


async def phones() -> int:
    """Place the demo's calls again and again until SIGTERM."""
    place, told = office(), _told_to_stop()
    control = Path(os.environ.get("ONRECORD_CONTROL", "/run/onrecord/control.sock"))
    while not told.is_set():
        playing = asyncio.create_task(_round(place, control))
        stopping = asyncio.create_task(told.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            rest = await playing
            await asyncio.wait({stopping}, timeout=rest)
        stopping.cancel()
    return 0


async def pbx_is_well() -> int:
    """0: the manager answers and Asterisk has booted."""
    place = office()
    try:
        async with Admin.session(place.host, place.ami_port, place.admin_user, place.admin_secret) as admin:
            await admin.event("FullyBooted", deadline=5)
    except (OSError, TimeoutError) as error:
        say(f"the PBX does not answer: {error}")
        return 1
    return 0


async def phones_are_well() -> int:
    """0: the newest round of calls went well, not long ago."""
    age = time.time() - _news().stat().st_mtime if _news().exists() else None
    if age is None or age > STALE_SECONDS:
        say("no round of calls has ended well yet" if age is None else f"the last good round was {age:.0f} s ago")
        return 1
    return 0


PARTS = {"pbx": pbx, "phones": phones, "pbx-is-well": pbx_is_well, "phones-are-well": phones_are_well}


async def _round(place: Office, control: Path) -> float:
    """Place the calls once; returns how long to rest."""
    try:
        await calls(place, control, say)
    except TROUBLE as error:
        say(f"this round of calls broke off: {error or type(error).__name__}")
        return RETRY_SECONDS
    _news().touch()
    say(f"a round of calls is over; the next one begins in {ROUND_SECONDS:g} s")
    return ROUND_SECONDS


def _news() -> Path:
    return Path(tempfile.gettempdir()) / "onrecord-phones"


def _told_to_stop() -> asyncio.Event:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    stop: Callable[[], None] = told.set
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return told
