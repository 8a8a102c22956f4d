"""One controller per PBX, also from two machines: who leads says so in a global variable of the PBX, again and again.

No clocks are compared: whoever finds another one's name watches whether its counter still moves. A PBX that restarts
forgets the variable, and its calls and recorders with it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator

from controller.pbx.asterisk.session import Ami
from controller.pbx.driver import PbxGone, PbxRefused

# Not of our own prefix: the filter would tell us of every renewal.
VARIABLE = "RECORDING_CONTROLLER"
RENEW_SECONDS = 2.0
WATCH_SECONDS = 3 * RENEW_SECONDS
SETTLE_SECONDS = 0.1
"""Two that come at the same moment both write; the last one's name stands after this time."""
_WORD = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_VALUE = re.compile(r"(?P<token>[A-Za-z0-9._-]{1,64}) (?P<who>[A-Za-z0-9._:-]{1,100}) (?P<count>[0-9]{1,12})")


class Taken(PbxRefused):
    """Another controller works on this PBX."""


class Lease:
    """`token` names the controller over its restarts: whoever has it may go on at once. `who` is for people."""

    def __init__(self, token: str, who: str, timeout: float = 5.0) -> None:
        if not _WORD.fullmatch(token) or " " in token:
            raise ValueError(f"token: {token!r} must be letters, digits, . _ and -")
        self._token = token
        self._who = who if _WORD.fullmatch(who) else "unknown"
        self._timeout = timeout
        self._count: Iterator[int] = itertools.count(1)

    async def take(self, ami: Ami) -> None:
        """Become the one. Returns at once where nobody else is; else it takes some seconds to see whether he lives.
        Raises Taken, PbxRefused, PbxGone."""
        found = await self._read(ami)
        if found is not None and found["token"] != self._token:
            await asyncio.sleep(WATCH_SECONDS)
            again = await self._read(ami)
            if again is not None and again["token"] != self._token and again["count"] != found["count"]:
                raise Taken(_refusal(again["who"]))
        await self._write(ami)
        if found is None or found["token"] != self._token:
            await asyncio.sleep(SETTLE_SECONDS)
            await self._check(ami)

    async def keep(self, ami: Ami, lost: Callable[[str], None]) -> None:
        """Say so again and again, until cancelled or the link is gone; `lost(why)` where another one has taken it."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._check(ami)
                await self._write(ami)
            except Taken as error:
                lost(str(error))
                return
            except (PbxRefused, PbxGone):
                return  # the next connection takes it anew

    async def _check(self, ami: Ami) -> None:
        found = await self._read(ami)
        if found is not None and found["token"] != self._token:
            raise Taken(_refusal(found["who"]))

    async def _read(self, ami: Ami) -> re.Match[str] | None:
        """None: nobody's, or nothing that we would have written."""
        said = await ami.action("Getvar", timeout=self._timeout, Variable=VARIABLE)
        return _VALUE.fullmatch(said.get("Value"))

    async def _write(self, ami: Ami) -> None:
        value = f"{self._token} {self._who} {next(self._count)}"
        await ami.action("Setvar", timeout=self._timeout, Variable=VARIABLE, Value=value)


def _refusal(who: str) -> str:
    return (
        f"another controller ({who}) works on this PBX: two would record everything twice. Stop one of them; "
        "this one goes on by itself when the other has ended"
    )
