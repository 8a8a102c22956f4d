"""ARI as the second witness of endings, and as the notice that another controller has taken our place.

Why only endings, and only after a while: docs/decisions/0003. An end that AMI tells as well changes nothing; one that
AMI lost would leave a leg alive for ever. Ids of channels and bridges are never used again, so a late end is true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from controller.pbx.asterisk.ari import AriAccess, AriLink
from controller.pbx.asterisk.rest import Event
from controller.pbx.asterisk.settings import AsteriskSettings

ENDS = ("ChannelDestroyed", "BridgeDestroyed")
SOUNDS = ("PlaybackStarted", "PlaybackFinished")
"""Of what we play ourselves: whether people have heard it."""


class Witness:
    """Tells `channel_gone(uniqueid)` and `bridge_gone(id)` some seconds after ARI did."""

    def __init__(
        self,
        settings: AsteriskSettings,
        channel_gone: Callable[[str], None],
        bridge_gone: Callable[[str], None],
        replaced: Callable[[str], None],
        trouble: Callable[[str], None],
    ) -> None:
        url = settings.ari_url.rstrip("/").removesuffix("/ari")
        access = AriAccess(url, settings.ari_user, settings.ari_secret, settings.app)
        self.link = AriLink(
            access,
            on_event=self._hear,
            on_up=_nothing,
            on_down=trouble,
            on_replaced=lambda: replaced(f"another controller has taken the ARI application {settings.app!r}"),
            events=(*ENDS, *SOUNDS),
            ping_every=settings.ping_seconds,
        )
        self.listeners: list[Callable[[Event], None]] = []
        self._grace = settings.grace_seconds
        self._channel_gone, self._bridge_gone = channel_gone, bridge_gone

    async def run(self) -> None:
        """Stay connected until cancelled, or until we are replaced."""
        await self.link.run()

    def _hear(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
        if event.type not in ENDS:
            return
        what, tell = (
            ("channel", self._channel_gone) if event.type == "ChannelDestroyed" else ("bridge", self._bridge_gone)
        )
        one = event.body.get(what)
        identity = one.get("id") if isinstance(one, dict) else None
        if isinstance(identity, str):
            asyncio.get_running_loop().call_later(self._grace, tell, identity)


def _nothing() -> None:
    """There is nothing to catch up with: endings that were missed are in AMI's snapshot, or come over AMI."""
