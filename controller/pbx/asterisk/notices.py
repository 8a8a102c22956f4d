"""Lets the people of a conversation hear a notice in the middle of it: by ARI, on any channel; they talk on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from controller.pbx.asterisk.ari import AriLink
from controller.pbx.asterisk.websocket import AriRefused
from controller.pbx.driver import PbxGone, PbxRefused

TONES = "tone:950/330,1400/330,1800/330,0/1000"
"""What is heard where no sound is configured: the three rising tones of "this cannot be done" (ITU-T E.180)."""
TONES_SECONDS = 2.5
LONGEST_SECONDS = 20.0
LOOK_SECONDS = 0.1


async def play(ari: AriLink, app: str, channel: str, media: str) -> None:
    """Both sides of this channel hear it; returns when it is over. Raises PbxRefused, PbxGone.

    A snoop that whispers both ways: it is not in the file of a recorder on the same channel (asterisk.md, beeps).
    """
    snoop = await ari.request(
        "POST", "channels", channel, "snoop", query={"app": app, "spy": "none", "whisper": "both"}
    )
    identity = snoop["id"]
    try:
        # In a body: a query would take the commas of a tone for a list (asterisk.md).
        playback = await ari.request("POST", "channels", identity, "play", body={"media": media})
        if media.startswith("tone:"):
            await asyncio.sleep(TONES_SECONDS)  # a tone goes on until it is ended
        else:
            await _over(ari, playback["id"])
    finally:
        with suppress(PbxRefused, PbxGone):
            await ari.request("DELETE", "channels", identity)


async def _over(ari: AriLink, playback: str) -> None:
    """Until the playback is not there any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SECONDS):
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    await ari.request("GET", "playbacks", playback)
                except AriRefused as error:
                    if error.status == 404:
                        return
                    raise
