"""Lets people hear notices and beeps in the middle of a conversation: by ARI, on any channel; they talk on."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress

from controller.core.commands import Beep, Reach, Tell
from controller.pbx.asterisk.ari import AriLink
from controller.pbx.asterisk.rest import Event
from controller.pbx.asterisk.websocket import AriRefused
from controller.pbx.driver import PbxGone, PbxRefused

TONES = "tone:950/330,1400/330,1800/330,0/1000"
"""What is heard where no sound is configured: the three rising tones of "this cannot be done" (ITU-T E.180)."""
SIGNAL = "tone:1400/200,0/1000"
TONE_SECONDS = {TONES: 2.5, SIGNAL: 0.4}
"""A tone goes on until it is ended."""
LONGEST_SECONDS = 30.0
BEEPS = "onrecord-beeps-"
WHISPERS = {Reach.ALL: "both", Reach.ALONE: "out", Reach.OTHERS: "in"}
"""Whom a snoop whispers to."""
STASIS_SECONDS, STASIS_LOOKS = 0.01, 50
SIGNALS = ("signal", "beep")
"""Notices that are a beep and no words."""


def media(command: Tell, sounds: Mapping[str, str], prompts: str) -> str:
    """What ARI is to play for it. The language is a tag that was checked when the configuration was read."""
    if command.notice in SIGNALS:
        return SIGNAL
    if command.language:
        return f"sound:{prompts.rstrip('/')}/{command.language}/{command.notice}"
    return sounds.get(command.notice) or TONES


def _snoops(channel: str) -> tuple[str, str]:
    """Those that may beep on a channel; two, so that one may begin while the other ends."""
    return f"{BEEPS}{channel}", f"{BEEPS}{channel}-2"


class Notices:
    """Snoops that whisper. What they say is not in the file of a recorder on the same channel (asterisk.md, beeps).

    `over(uniqueid)` tells that beeps ended which nobody asked to end, while the channel lives.
    """

    def __init__(self, ari: AriLink, app: str, over: Callable[[str], None]) -> None:
        self._ari, self._app, self._over = ari, app, over
        self._playing: dict[str, asyncio.Future[str]] = {}  # playback -> how it ended
        self._beeping: dict[str, str] = {}  # the snoop -> the channel with beeps
        self._ending: set[asyncio.Task[None]] = set()

    async def play(self, channel: str, media: str, whisper: str, answer: float = 0.0) -> None:
        """Return when it is over. `whisper`: out, only this channel hears it; both, all with whom it talks too.
        `answer`: for so many seconds its keys are heard. Raises PbxRefused, PbxGone."""
        snoop, playback = f"onrecord-{secrets.token_hex(8)}", f"onrecord-{secrets.token_hex(8)}"
        over = self._playing[playback] = asyncio.get_running_loop().create_future()
        try:
            await self._snoop(channel, snoop, whisper)
            await self._play(snoop, playback, media)
            try:
                async with asyncio.timeout(TONE_SECONDS.get(media, LONGEST_SECONDS)):
                    ended = await over
            except TimeoutError:
                ended = "done"
            if ended != "done":
                raise PbxRefused(f"{media}: {ended}")
        except BaseException:
            answer = 0.0
            raise
        finally:
            del self._playing[playback]
            if answer:
                # A bridge of two that nobody listens to lets packets pass Asterisk by, with their keys (22.10.1, Dial
                # without options): as long as something hangs on the channel it does not.
                self._later(self._end(snoop, answer))
            else:
                await self._end(snoop)

    async def _end(self, snoop: str, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        with suppress(PbxRefused, PbxGone):
            await self._ari.request("DELETE", "channels", snoop)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def beep(self, channel: str, command: Beep) -> None:
        """Let people hear beeps from now on; return when the PBX plays them. Raises PbxRefused, PbxGone."""
        playback = f"{BEEPS}{secrets.token_hex(8)}"
        began = self._playing[playback] = asyncio.get_running_loop().create_future()
        length = int(command.tone.partition("/")[2])
        try:
            # A snoop that was ended goes a moment later: what would be played by one of its name is not heard.
            ending = await self.silence(channel)
            snoop = next((name for name in _snoops(channel) if name not in ending), _snoops(channel)[0])
            await self._snoop(channel, snoop, WHISPERS[command.reach])
            # The PBX keeps time: a tone once begun goes on for the whole call.
            await self._play(snoop, playback, f"tone:{command.tone},0/{round(command.every * 1000) - length}")
            async with asyncio.timeout(LONGEST_SECONDS / 10):
                if await began != "playing":
                    raise PbxRefused("the tone was not played")
            self._beeping[snoop] = channel
        except TimeoutError:
            raise PbxRefused("the tone has not begun") from None
        finally:
            del self._playing[playback]

    async def silence(self, channel: str) -> list[str]:
        """No more beeps on this channel, also such as an earlier controller began: the snoops that there were. Raises
        PbxRefused, PbxGone."""
        found = []
        for snoop in _snoops(channel):
            self._beeping.pop(snoop, None)
            try:
                await self._ari.request("DELETE", "channels", snoop)
                found.append(snoop)
            except AriRefused as error:
                if error.status != 404:
                    raise
        return found

    def hear(self, event: Event) -> None:
        """What ARI tells of playbacks, and of snoops that are gone."""
        if event.type in ("PlaybackStarted", "PlaybackFinished"):
            about = event.body.get("playback")
            identity = about.get("id") if isinstance(about, dict) else None
            state = about.get("state") if isinstance(about, dict) else None
            waiting = self._playing.get(identity) if isinstance(identity, str) else None
            wanted = BEEPS in str(identity) or event.type == "PlaybackFinished"
            if waiting is not None and wanted and not waiting.done():
                waiting.set_result(str(state))
        elif event.type == "ChannelDestroyed":
            about = event.body.get("channel")
            channel = self._beeping.pop(str(about.get("id")), None) if isinstance(about, dict) else None
            if channel is not None:
                self._over(channel)

    async def _snoop(self, channel: str, snoop: str, whisper: str) -> None:
        query = {"app": self._app, "spy": "none", "whisper": whisper}
        await self._ari.request("POST", "channels", channel, "snoop", snoop, query=query)

    async def _play(self, snoop: str, playback: str, media: str) -> None:
        for waited in range(STASIS_LOOKS):
            try:
                # In a body: a query would take the commas of a tone for a list (asterisk.md).
                await self._ari.request("POST", "channels", snoop, "play", playback, body={"media": media})
            except AriRefused as error:
                # A new snoop's own thread has still to enter the application.
                if error.status != 409 or waited == STASIS_LOOKS - 1:
                    raise
                await asyncio.sleep(STASIS_SECONDS)
            else:
                return
