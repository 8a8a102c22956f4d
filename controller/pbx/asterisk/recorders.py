"""Our recorders on one Asterisk, and which event belongs to which of our actions. No I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from controller.core.commands import CallId, LegId, RecordingId
from controller.core.events import RecorderFound


class LegGone(Exception):
    """The channel hung up while we waited for it to confirm something."""


@dataclass(slots=True)
class Recorder:
    """One MixMonitor of ours. `id` is a heap address: it names a recorder only together with its channel."""

    call: CallId
    recording: RecordingId
    segment: int
    leg: LegId
    uniqueid: str
    id: str
    file: str  # the mixed file, as the PBX calls it
    provisional: bool = False  # nobody has asked to keep it
    proven: bool = False  # its start was confirmed; until then nobody believes that it runs
    ending: bool = False  # we are stopping it

    def found(self, at: float) -> RecorderFound:
        return RecorderFound(self.call, at, self.leg, self.recording, self.segment, self.provisional)


Key = tuple[RecordingId, int]


class Recorders:
    """MixMonitor's events name a channel and no recorder (hazard 9), so actions and events meet here.

    Whoever sends an action expects its event first, because the event can be quicker than the response.
    """

    def __init__(self) -> None:
        self._running: dict[Key, Recorder] = {}
        self._on: dict[str, list[Recorder]] = {}  # the same by channel: every hangup asks, also with 10,000 running
        self._expected: dict[tuple[str, ...], list[asyncio.Future[float]]] = {}

    def __iter__(self) -> Iterator[Recorder]:
        return iter(tuple(self._running.values()))

    def add(self, recorder: Recorder) -> None:
        key = (recorder.recording, recorder.segment)
        if key in self._running:
            self.remove(self._running[key])
        self._running[key] = recorder
        self._on.setdefault(recorder.uniqueid, []).append(recorder)

    def get(self, recording: RecordingId, segment: int) -> Recorder | None:
        return self._running.get((recording, segment))

    def remove(self, recorder: Recorder) -> bool:
        """Forget it; False if it was forgotten already."""
        key = (recorder.recording, recorder.segment)
        if self._running.get(key) is not recorder:
            return False
        del self._running[key]
        here = self._on[recorder.uniqueid]
        here[:] = [one for one in here if one is not recorder]
        if not here:
            del self._on[recorder.uniqueid]
        return True

    def on(self, uniqueid: str) -> list[Recorder]:
        """Ours on this channel."""
        return list(self._on.get(uniqueid, ()))

    def expect(self, event: str, uniqueid: str, *details: str) -> asyncio.Future[float]:
        """A promise of the time at which such an event comes; LegGone if the channel hangs up first."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._expected.setdefault((event, uniqueid, *details), []).append(future)
        return future

    def forget(self, future: asyncio.Future[float]) -> None:
        """Nobody waits for this one any more."""
        for what, futures in list(self._expected.items()):
            if future in futures:
                futures.remove(future)
                if not futures:
                    del self._expected[what]
        if future.done() and not future.cancelled():
            future.exception()  # it was looked at: no complaint at its garbage collection
        future.cancel()

    def heard(self, at: float, event: str, uniqueid: str, *details: str) -> bool:
        """Give the event to the one who has expected it longest; False if nobody did."""
        for future in self._expected.get((event, uniqueid, *details), ()):
            if not future.done():
                future.set_result(at)
                return True
        return False

    def hung_up(self, uniqueid: str) -> list[Recorder]:
        """The channel is gone and its recorders with it: those that were known to run, to be told of as lost."""
        for (_, channel, *_), futures in self._expected.items():
            if channel == uniqueid:
                for future in futures:
                    if not future.done():
                        future.set_exception(LegGone())
        gone = self.on(uniqueid)
        for recorder in gone:
            self.remove(recorder)
        return [recorder for recorder in gone if recorder.proven]
