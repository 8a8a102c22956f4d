"""The Asterisk driver: hears calls over AMI, starts, mutes and stops MixMonitor by id, and believes only proof."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from controller.core.commands import Allow, Beep, Divert, LegId, Open, RecorderCommand, Start, Tell
from controller.core.events import Beeped, Done, Event, Failed, RecorderFound, RecorderLost
from controller.core.lamps import Glow
from controller.pbx.asterisk import mixmonitor, notices, snapshot
from controller.pbx.asterisk.ami import AmiAccess, Message
from controller.pbx.asterisk.frames import Headers
from controller.pbx.asterisk.hand import Hand, files_of, uniqueid_of
from controller.pbx.asterisk.lease import Lease
from controller.pbx.asterisk.link import BACKOFF, LinkCounters, stay_connected
from controller.pbx.asterisk.notices import Notices
from controller.pbx.asterisk.pair import Pair, open_pair
from controller.pbx.asterisk.recorders import LegGone, Recorder, Recorders
from controller.pbx.asterisk.settings import AsteriskSettings
from controller.pbx.asterisk.telephones import Telephones
from controller.pbx.asterisk.translate import Translation
from controller.pbx.asterisk.witness import Witness
from controller.pbx.driver import Counters, Health, PbxGone, PbxRefused, SegmentFiles

log = logging.getLogger(__name__)

NO_CHANNEL = "no such channel"


class AsteriskDriver:
    """One Asterisk. Make it with its settings; `run` keeps it connected, `do` carries out commands."""

    def __init__(self, settings: AsteriskSettings, clock: Callable[[], float] = time.time) -> None:
        self.name = settings.name
        self.settings = settings
        self._clock = clock
        self._link = LinkCounters()
        self._translation = Translation(settings.name)
        self._telephones = Telephones(self._ask, self._translation.count)
        self.counters = Counters(odd=self._translation.odd)
        self._recorders = Recorders()
        self._pair: Pair | None = None
        self._hand: Hand | None = None  # once the snapshot is applied
        self._why = "not connected yet"
        self._held: list[tuple[Message, float]] | None = None  # what is heard while a snapshot is taken
        self._hear: Callable[[Event], None] = _to_nobody
        self._up: Callable[[bool, str], None] = _link_to_nobody
        self._tasks: set[asyncio.Task[None]] = set()
        self._replaced = ""  # why we must not act any more
        self._lease = Lease(settings.token, settings.who, settings.action_seconds) if settings.token else None
        self._leading = asyncio.Event()
        self.witness: Witness | None = None
        self._notices: Notices | None = None
        if settings.ari_url:
            self.witness = Witness(
                settings, self._channel_gone, self._bridge_gone, self._stand_down, self._translation.count
            )
            self._notices = Notices(self.witness.link, settings.app, self._beeps_over)
            self.witness.listeners.append(self._notices.hear)

    # -- connection --------------------------------------------------------------------------------------------

    async def run(self, hear: Callable[[Event], None], up: Callable[[bool, str], None]) -> None:
        """Stay connected until cancelled; see the protocol."""
        self._hear, self._up = hear, up
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    stay_connected(self._open, self._opened, self._lost_link, BACKOFF, self._link), name="ami"
                )
                if self.witness is not None:
                    group.create_task(self._witness(self.witness), name="ari")
        finally:
            for task in self._tasks:
                task.cancel()

    async def _witness(self, witness: Witness) -> None:
        """Taking the ARI application ends whoever has it: only the one who leads may."""
        await self._leading.wait()
        await witness.run()

    async def _open(self) -> Pair:
        if self._replaced:
            raise PbxGone(self._replaced)
        s = self.settings
        access = AmiAccess(s.host, s.ami_port, s.ami_user, s.ami_secret)
        pair = await open_pair(access, self._heard, s.ping_seconds, self._link)
        if self._lease is not None:
            try:
                await self._lease.take(pair.hand)
            except BaseException:
                await pair.close()
                raise
        self._leading.set()
        return pair

    def _opened(self, pair: Pair) -> None:
        self._pair = pair
        self._held = []
        self._spawn(self._resync(pair))
        if self._lease is not None:
            self._spawn(self._lease.keep(pair.hand, pair.give_up))

    def _lost_link(self, reason: str) -> None:
        self._pair = self._hand = self._held = None
        self._why = reason
        self.counters.reconnects = self._link.losses
        self._up(False, reason)

    async def _resync(self, pair: Pair) -> None:
        """Take the snapshot, apply it, then what was heard meanwhile (safe to hear twice); then we are up."""
        hand = Hand(pair.hand, self._recorders, self.settings, self._clock)
        try:
            picture = await snapshot.take(pair.hand, hand, self._recorders, self.settings.attributes)
            # The answer comes behind everything that happened before the snapshot was complete.
            await pair.ear.action("Ping", timeout=self.settings.action_seconds)
        except (PbxRefused, PbxGone) as error:
            pair.give_up(f"no snapshot: {error}")
            return
        if self._pair is not pair:
            return
        folders, at = self.settings.folders, self._clock()
        for event in snapshot.apply(picture, self._translation, self._recorders, folders, self.settings.format, at):
            self._hear(event)
        self._hand = hand
        held, self._held = self._held or [], None
        for message, heard_at in held:
            self._take(message, heard_at)
        self._up(True, "")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stand_down(self, reason: str) -> None:
        """Somebody else leads: two controllers would record everything twice and stop each other's recorders."""
        self._replaced = reason
        if self._pair is not None:
            self._pair.give_up(reason)

    # -- events ------------------------------------------------------------------------------------------------

    def _heard(self, message: Message) -> None:
        at = self._clock()
        self.counters.events += 1
        self.counters.malformed = self._link.malformed + self._link.oversized
        if self._held is not None:
            self._held.append((message, at))
        else:
            self._take(message, at)

    def _take(self, message: Message, at: float) -> None:
        uniqueid = message.get("Uniqueid")
        match message.event:
            case "MixMonitorStart":
                self._recorders.heard(at, "MixMonitorStart", uniqueid)
            case "MixMonitorStop":
                if not self._recorders.heard(at, "MixMonitorStop", uniqueid):
                    self._stopped_by_somebody(uniqueid)
            case "MixMonitorMute":
                self._muted(message, uniqueid, at)
            case "Hangup":
                self._hung_up(uniqueid, at)
            case "UserEvent" if message.get("UserEvent") == "OnRecordNative":
                self._taken_over(message, uniqueid, at)
        events = self._translation.hear(message, at)
        self.counters.ignored += not events
        for event in events:
            self._hear(event)

    def _hung_up(self, uniqueid: str, at: float) -> None:
        """No MixMonitorStop comes for a recorder that ends with its channel (hazard 8)."""
        for recorder in self._recorders.hung_up(uniqueid):
            self._hear(_lost(recorder, at, "its leg hung up", leg_gone=True))

    def _channel_gone(self, uniqueid: str) -> None:
        """ARI said so some time ago; AMI has said it long since, or never will."""
        if self._hand is None or not self._translation.knows(uniqueid):
            return
        self._translation.count("channel ended without a Hangup")
        at = self._clock()
        self._hung_up(uniqueid, at)
        for event in self._translation.end(uniqueid, at, "gone"):
            self._hear(event)

    def _bridge_gone(self, bridge: str) -> None:
        if self._hand is None:
            return
        for event in self._translation.end_bridge(bridge, self._clock()):
            self._translation.count("bridge ended without a BridgeLeave")
            self._hear(event)

    def _stopped_by_somebody(self, uniqueid: str) -> None:
        """A stop that we did not ask for names no recorder (hazard 9): look which of ours is left."""
        hand = self._hand
        if hand is not None:
            for recorder in self._recorders.on(uniqueid):
                if recorder.proven and not recorder.ending:
                    self._spawn(self._look(hand, recorder))

    async def _look(self, hand: Hand, recorder: Recorder) -> None:
        try:
            running = await hand.is_running(recorder)
        except PbxGone:
            return  # the next snapshot tells
        if not running and not recorder.ending and self._recorders.remove(recorder):
            self._hear(_lost(recorder, self._clock(), "it was stopped, and not by us"))

    def _muted(self, message: Message, uniqueid: str, at: float) -> None:
        direction, state = message.get("Direction"), message.get("State")
        if self._recorders.heard(at, "MixMonitorMute", uniqueid, direction, state):
            return
        # Somebody else muted or opened recorders here, ours perhaps among them, and nothing reads the state back:
        # have the core say again what it wants.
        for recorder in self._recorders.on(uniqueid):
            if recorder.proven and not recorder.ending:
                self._hear(recorder.found(at))

    def _taken_over(self, message: Message, uniqueid: str, at: float) -> None:
        """Our dialplan got no answer and has started a recorder: ours from here on (dialplan/asterisk). Whether it
        runs is found out as for any other."""
        claim = mixmonitor.claim(message.get("Name"), message.get("Mix"))
        call = self._translation.call_of(uniqueid)
        if claim is None or call is None or self._recorders.get(claim.recording, claim.segment) is not None:
            return
        leg = self._translation.leg_of(uniqueid)
        file = f"{self.settings.monitor_dir.rstrip('/')}/{mixmonitor.stem(claim.recording, claim.segment)}.wav"
        recorder = Recorder(call, claim.recording, claim.segment, leg, uniqueid, claim.id, file)
        recorder.proven = True
        self._recorders.add(recorder)
        self._hear(RecorderFound(call, at, leg, claim.recording, claim.segment))

    # -- commands ----------------------------------------------------------------------------------------------

    async def do(self, command: RecorderCommand) -> Event:
        """Carry out one command; returns its Done or Failed. Never raises PbxRefused or PbxGone."""
        self.counters.commands += 1
        event = await self._do(command)
        self.counters.refused += isinstance(event, Failed)
        return event

    async def allow(self, command: Allow) -> None:
        """Arm a phone's Record key, or have it answered 403; see the protocol."""
        await self._telephones.allow(command)

    async def show(self, extension: str, glow: Glow, lamp: str = "rec") -> None:
        """Set the device state that phones subscribe to; see the protocol."""
        await self._telephones.show(extension, glow, lamp)

    async def open(self, command: Open) -> None:
        """Two channel variables, the word behind the prompt; see the protocol."""
        await self._telephones.open(command, self.settings.prompts_dir)

    async def divert(self, command: Divert) -> bool:
        """By AMI Redirect; see the protocol."""
        context = command.context or self.settings.context
        return await self._telephones.divert(command.leg, context, command.extension, command.priority)

    async def answer(self, leg: LegId, name: str, value: str) -> None:
        """A channel variable; see the protocol."""
        await self._telephones.answer(leg, name, value)

    async def push(self, endpoint: str, body: str) -> None:
        """An XML screen by NOTIFY; see the protocol."""
        await self._telephones.push(endpoint, body)

    async def find(self, channel: str, sip_call: str, user: str) -> LegId | None:
        """Ask for the Uniqueid behind a name; see the protocol."""
        if not channel:
            candidates = self._translation.legs_at(user)
            return await self._telephones.by_sip_call(sip_call, candidates) if sip_call else None
        uniqueid = await self._telephones.uniqueid(channel)
        return self._translation.leg_of(uniqueid) if uniqueid and self._translation.knows(uniqueid) else None

    async def _ask(self, action: str, headers: Headers) -> Message | None:
        """Something for the sake of phones: worth a count when it fails, and nothing more."""
        pair = self._pair
        if self._hand is None or pair is None:
            return None
        try:
            said, _ = await pair.hand.ask(action, headers, self.settings.action_seconds)
        except (PbxRefused, PbxGone) as error:
            if NO_CHANNEL not in str(error).lower():
                self._translation.count(f"phones: {action} failed")
            return None
        return said

    async def tell(self, command: Tell) -> bool:
        """By ARI, where there is one; see the protocol."""
        channel = uniqueid_of(command.leg)
        heard = False
        try:
            if self._notices is None:
                raise PbxRefused("no ARI")
            media = notices.media(command, self.settings.sounds, self.settings.prompts_dir)
            await self._notices.play(channel, media, "out" if command.alone else "both", command.answer)
            heard = True
        except (PbxRefused, PbxGone) as error:
            self._translation.count(f"notice {command.notice} not heard")
            log.warning("%s: a notice could not be played: %s", self.name, error)
        pair = self._pair
        if command.ending and pair is not None:
            try:
                await pair.hand.ask("Hangup", {"Channel": channel, "Cause": "16"}, self.settings.action_seconds)
            except (PbxRefused, PbxGone) as error:
                log.info("%s: a call that was to end has ended already: %s", self.name, error)
        return heard

    async def beep(self, command: Beep) -> bool:
        """By ARI; see the protocol."""
        channel = uniqueid_of(command.leg)
        try:
            if self._notices is None:
                raise PbxRefused("no ARI")
            if command.every <= 0:
                await self._notices.silence(channel)
                if self._hand is not None:
                    self._hand.unhooked(channel)
            else:
                await self._notices.beep(channel, command)
        except (PbxRefused, PbxGone) as error:
            self._translation.count("beeps not heard")
            log.warning("%s: beeps could not be played: %s", self.name, error)
            return False
        return True

    def _beeps_over(self, uniqueid: str) -> None:
        """Nobody of ours ended them."""
        call = self._translation.call_of(uniqueid)
        if call is not None:
            self._hear(Beeped(call, self._clock(), self._translation.leg_of(uniqueid), heard=False))

    async def health(self, start: Start) -> Health | None:
        """Whether MixMonitor has this recorder, and how many RTP packets its channel has received and sent."""
        hand = self._hand
        recorder = self._recorders.get(start.recording, start.segment)
        if hand is None:
            return None
        if recorder is None:
            return Health(running=False)
        try:
            running = await hand.is_running(recorder)
            return Health(running, await hand.packets(recorder.uniqueid))
        except (PbxGone, TimeoutError, LegGone):
            return None

    def files(self, command: RecorderCommand) -> SegmentFiles:
        """Where the segment of this command is written."""
        return files_of(self.settings, command)

    async def _do(self, command: RecorderCommand) -> Event:
        hand, pair = self._hand, self._pair
        if hand is None or pair is None:
            return self._failed(command, f"no link to {self.name}: {self._why}")
        try:
            event = await hand.do(command)
        except LegGone:
            return self._failed(command, "its leg hung up", leg_gone=True)
        except PbxRefused as error:
            return self._failed(command, str(error), leg_gone=NO_CHANNEL in str(error).lower())
        except (PbxGone, TimeoutError) as error:
            # It may have been done all the same: only a snapshot can tell.
            reason = f"no answer to {type(command).__name__}: {error}"
            pair.give_up(reason)
            return self._failed(command, reason)
        self._after(command, event)
        return event

    def _after(self, command: RecorderCommand, event: Event) -> None:
        """A call so short that it was over before its recorder was proven: its end is told behind its beginning."""
        known = self._recorders.get(command.recording, command.segment)
        if isinstance(command, Start) and isinstance(event, Done) and known is None:
            at, why = self._clock(), "its leg hung up"
            lost = RecorderLost(command.call, at, command.recording, command.segment, why, leg_gone=True)
            asyncio.get_running_loop().call_soon(self._hear, lost)

    def _failed(self, command: RecorderCommand, reason: str, leg_gone: bool = False) -> Failed:
        return Failed(command.call, self._clock(), command, reason, leg_gone)


def _lost(recorder: Recorder, at: float, reason: str, leg_gone: bool = False) -> RecorderLost:
    return RecorderLost(recorder.call, at, recorder.recording, recorder.segment, reason, leg_gone)


def _to_nobody(event: Event) -> None:
    """Before `run`."""


def _link_to_nobody(up: bool, why: str) -> None:
    """Before `run`."""
