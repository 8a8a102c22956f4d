"""The two AMI sessions of one Asterisk, kept as one: one hears (filtered), the other acts (and hears nothing)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from controller.pbx.asterisk.ami import Ami, AmiAccess, Message, connect
from controller.pbx.asterisk.filters import criteria, expression
from controller.pbx.asterisk.link import LinkCounters
from controller.pbx.driver import PbxRefused

log = logging.getLogger(__name__)


class Pair:
    """A pair of logged-in sessions; losing either loses both."""

    def __init__(self, ear: Ami, hand: Ami) -> None:
        self.ear, self.hand = ear, hand
        self._given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def listen(self) -> None:
        self.ear.listen()

    async def lost(self) -> str:
        """Wait until one of them is lost; the reason."""
        tasks = [asyncio.ensure_future(one.lost()) for one in (self.ear, self.hand)]
        try:
            done, _ = await asyncio.wait((*tasks, self._given_up), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return next(iter(done)).result()

    def give_up(self, reason: str) -> None:
        """What the PBX did is not known any more: connect anew, and take the snapshot's word for it."""
        if not self._given_up.done():
            self._given_up.set_result(reason)

    async def close(self) -> None:
        await self.ear.close()
        await self.hand.close()


async def open_pair(
    access: AmiAccess, on_event: Callable[[Message], None], ping_every: float, counters: LinkCounters
) -> Pair:
    """Log in twice. Raises PbxRefused, PbxGone."""
    ear = await connect(access, on_event, ping_every=ping_every, counters=counters)
    try:
        await _filter(ear)
        hand = await connect(access, _ignore, events="off", ping_every=ping_every, counters=counters)
    except BaseException:
        await ear.close()
        raise
    return Pair(ear, hand)


async def _filter(ear: Ami) -> None:
    try:
        await ear.filter(criteria())
    except PbxRefused:  # an older Asterisk
        try:
            await ear.filter((("", expression()),))
        except PbxRefused as error:
            # More events come than we want, unless manager.conf has filters of its own: it costs, and breaks nothing.
            log.warning("the manager's events cannot be filtered (%s): give its user `write = system`", error)


def _ignore(message: Message) -> None:
    """The acting session hears only what Asterisk sends to everybody: FullyBooted, Shutdown."""
