"""What systemd is told: that the service is ready, and that it lives."""

from __future__ import annotations

import asyncio
import os
import socket


def notify(state: str) -> None:
    """By sd_notify(3): one datagram to the socket that it named, or nothing where it did not."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


async def beat() -> None:
    """The watchdog: a loop that hangs is restarted."""
    every = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
    while True:
        await asyncio.sleep(every or 3600)
        notify("WATCHDOG=1")
