"""Gives each running lab a stretch of loopback of its own, so that any number of them run side by side.

The whole of 127.0.0.0/8 is local on Linux. A lab leases 127.a.b.0/24: the PBX is .1, carrier N is .1N, phone 1xx
is .1xx. A phone is told apart by its address in any trace, a trunk is identified by its address as real ones are,
and RTP ranges cannot collide.
"""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

# A port that is only ever bound, never listened on: holding it is the lease, and the kernel ends it with us.
LEASE_PORT = 1025


@dataclass(frozen=True, slots=True)
class Lease:
    """127.a.b.0/24 for as long as `held` is open."""

    prefix: str
    held: socket.socket

    def address(self, last: int) -> str:
        return f"{self.prefix}.{last}"

    def release(self) -> None:
        self.held.close()


def lease(tries: int = 200) -> Lease:
    """Lease a free stretch. Raises OSError when none is found, which means that something is badly wrong."""
    # 127.0 is left alone (resolvers live there), and so is 127.255 (broadcast).
    for _ in range(tries):
        prefix = f"127.{random.randint(16, 250)}.{random.randint(0, 255)}"  # noqa: S311 not a secret
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.bind((f"{prefix}.1", LEASE_PORT))
        except OSError:
            held.close()
            continue
        return Lease(prefix, held)
    raise OSError("no free stretch of loopback addresses found")


def free_port(host: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that the kernel says is free at this address now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
