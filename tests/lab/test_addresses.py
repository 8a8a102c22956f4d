"""Labs side by side never share an address."""

from __future__ import annotations

import socket

from controller.lab import addresses


def test_a_leased_stretch_is_not_leased_again_until_it_is_given_back() -> None:
    first = addresses.lease()
    with socket.socket() as other:
        try:
            other.bind((first.address(1), addresses.LEASE_PORT))
            taken = False
        except OSError:
            taken = True
    assert taken
    first.release()
    with socket.socket() as other:
        other.bind((first.address(1), addresses.LEASE_PORT))


def test_many_labs_get_as_many_stretches() -> None:
    leases = [addresses.lease() for _ in range(50)]
    assert len({lease.prefix for lease in leases}) == 50
    assert all(lease.address(100).startswith("127.") for lease in leases)
    for lease in leases:
        lease.release()
