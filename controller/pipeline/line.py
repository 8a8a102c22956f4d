"""The line: what is done with every finished conversation, step by step; remembers how far each got, and retries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from controller.alarms import Alarms
from controller.catalogue import records
from controller.catalogue.database import Catalogue
from controller.catalogue.entries import Status
from controller.catalogue.records import Settled
from controller.core.finished import Finished
from controller.core.plain import to_plain
from controller.pipeline import adopt, judge, ledger, story
from controller.pipeline.children import Children
from controller.pipeline.join import Joined, join
from controller.pipeline.measure import Condition, Measured, measure
from controller.pipeline.obstacles import Obstacles, backoff
from controller.pipeline.picture import draw
from controller.pipeline.provisional import Provisional
from controller.pipeline.store import store
from controller.pipeline.story import Story
from controller.pipeline.task import Task
from controller.pipeline.unrecorded import Unrecorded
from controller.pipeline.verify import NotTheSame, Verified, verify
from controller.spool import Job, NotARecording, Spool, another_name, is_waiting

log = structlog.get_logger("pipeline")

MOST_FAULTS = 5
"""Attempts at a job that fails for a reason of its own; then it is left in the spool and somebody is told."""
LOOK_SECONDS = 60.0
"""Between two looks into the spool for jobs that nobody handed over."""
PARTING_SECONDS = 10.0
PATIENCE_SECONDS = 10.0
"""How long a recording waits, at the most, because calls need the machine."""
PACE_SECONDS = 0.02
"""Between two that have waited."""


@dataclass(frozen=True, slots=True)
class Step:
    """`do` takes a Task and returns a record; it is done in a child process, and may be done twice."""

    name: str
    do: Callable[[Task], Any]


STEPS = (
    Step("measure", measure),
    Step("join", join),
    Step("picture", draw),
    Step("store", store),
    Step("verify", verify),
)
"""In order. Then the recording is told (recording.json), its row settled, and its raw files deleted."""

Watcher = Callable[[Finished, Settled], None]


class Line:
    """Takes what the engine hands over, and works on it. `store`: the folder of finished recordings; `catch_all`: who
    gets what belongs to nobody ("": it is dropped); `watcher` hears of each recording what became of it."""

    def __init__(
        self,
        spool: Spool,
        catalogue: Catalogue,
        store: Path,
        catch_all: str = "",
        workers: int = 2,
        watcher: Watcher | None = None,
        make_pool: Callable[[int], Executor] | None = None,
        alarms: Alarms | None = None,
        provisional: Provisional | None = None,
    ) -> None:
        self.alarms = alarms if alarms is not None else Alarms()
        self.provisional = provisional if provisional is not None else Provisional(frozenset(), spool.folder)
        self.spool, self.catalogue, self.store, self.catch_all = spool, catalogue, store, catch_all
        self.faults = 0
        self._obstacles = Obstacles(self.alarms, catalogue.file, spool.folder)
        self._unrecorded = Unrecorded(catalogue, self._obstacles)
        self._watcher = watcher
        self._children = Children(workers, make_pool)
        self._turn = asyncio.Semaphore(workers)
        self._at_work: dict[str, asyncio.Task[None]] = {}  # by recording
        self._running: set[str] = set()  # the same under their final names, which may differ
        self._given_up: set[str] = set()  # until the next start
        self._taking = 0
        self._waiting: dict[int, float] = {}  # by what was handed over: when its call began
        self._all_taken = asyncio.Event()
        self.occupied: Callable[[], bool] = lambda: False  # whether calls need the machine just now
        self._door = asyncio.Semaphore(1)
        self._parting = False

    @property
    def oldest(self) -> float | None:
        """When the oldest call began that was handed over and is not in the catalogue yet; None: there is none."""
        return min((*self._waiting.values(), *self._unrecorded.waiting), default=None)

    @property
    def busy(self) -> int:
        """How many recordings are being taken over or worked on, or wait for it."""
        return len(self._at_work)

    # -- the door ----------------------------------------------------------------------------------------------

    def finish(self, finished: Finished) -> None:
        """The one door, for the engine: returns at once and never fails. Twice the same is once."""
        if finished.decision.hidden:
            log.error("a helpline's call was handed over", pbx=finished.pbx)
            return
        if finished.recording is None:
            self._unrecorded.add(finished)
            return
        self._waiting[id(finished)] = finished.began_at
        self._begin(finished.recording, partial(self._took, finished))

    async def work(self) -> None:
        """Until cancelled: finish what a crash interrupted, and write down calls that were not recorded."""
        try:
            if not self._at_work:
                await asyncio.to_thread(self.spool.tidy)
            while True:
                await self.recover()
                await self._unrecorded.write_for(LOOK_SECONDS)
        finally:
            await self._part()

    async def recover(self) -> None:
        """Take up every job that is in the spool: after a crash, or put there by `onrecord check --repair`."""
        odd: dict[Path, str] = {}
        jobs = await asyncio.to_thread(lambda: list(self.spool.unfinished(odd)))
        self._obstacles.unread(odd)
        for job in jobs:
            if not {job.recording} & (self._at_work.keys() | self._running | self._given_up):
                self._begin(job.recording, partial(self._resumed, job))

    async def idle(self) -> None:
        """Return when all that was handed over so far is done; that may be never, while a disk is full."""
        await self._unrecorded.write()
        while self._at_work:
            await asyncio.wait(list(self._at_work.values()))

    # -- one recording -----------------------------------------------------------------------------------------

    async def run(self, job: Job) -> Settled:
        """Every step of one job, as often as it takes; returns what became of it. Other jobs go on meanwhile."""
        self._running.add(job.recording)
        try:
            settled = await self._until_done(job)
        finally:
            self._running.discard(job.recording)
        log.info("recording " + settled.status.value, recording=job.recording, why=settled.why)
        if self._watcher is not None:
            self._watcher(job.finished, settled)
        return settled

    async def _until_done(self, job: Job) -> Settled:
        faults = attempt = 0
        began = time.monotonic()
        while True:
            try:
                async with self._turn:
                    await self._give_way(began)
                    return await self._steps(job)
            except Exception as error:
                self.faults += 1
                waits = isinstance(error, OSError | SQLAlchemyError) and not await asyncio.to_thread(
                    _lost, error, job
                )
                faults += not waits
                log.error("a step failed", recording=job.recording, why=str(error), exc_info=None if waits else error)
                if waits:
                    self._obstacles.met(error)
                if faults >= MOST_FAULTS:
                    why = f"left in the spool after {faults} attempts: {error!r}"
                    self._given_up.add(job.recording)
                    remedy = f"mend what it says, then restart the controller; its raw files are in {job.folder}"
                    self.alarms.on("recording", job.recording, f"a recording could not be worked on: {why}", remedy)
                    with suppress(SQLAlchemyError):
                        await records.settle(self.catalogue, job.finished, Settled(Status.FAILED, why))
                    return Settled(Status.FAILED, why)
            await asyncio.sleep(backoff(attempt))
            attempt += 1

    async def _steps(self, job: Job) -> Settled:
        done = await asyncio.to_thread(ledger.read, job)
        settled = judge.unheard(job.finished, self.catch_all)
        for step in STEPS if settled is None else ():
            if step.name not in done:
                try:
                    found = await self._children.do(step.do, Task(job, self.store, done))
                except (NotTheSame, FileNotFoundError):
                    # What an earlier step found is not so any more: begin with the first one again.
                    await asyncio.to_thread(ledger.write, job, {})
                    raise
                done[step.name] = to_plain(found)
                await asyncio.to_thread(ledger.write, job, done)
            settled = self._judged(step, Task(job, self.store, done))
            if settled is not None:
                break
        if settled is None:
            settled = await self._told(Task(job, self.store, done))
        await records.settle(self.catalogue, job.finished, settled)
        # Only now, with the row on the disk, may anything be deleted.
        await asyncio.to_thread(self._sweep, job, settled, done)
        self._obstacles.catalogue_written()
        self._obstacles.spool_worked()
        return settled

    def _judged(self, step: Step, task: Task) -> Settled | None:
        if step.name == "measure":
            return judge.measured_only(task.found("measure", Measured))
        if step.name == "join":
            return judge.joined_only(task.job.finished, task.found("join", Joined))
        return None

    async def _told(self, task: Task) -> Settled:
        finished, folder = task.job.finished, task.found("store", str)
        measured, joined = task.found("measure", Measured), task.found("join", Joined)
        settled = judge.kept(finished, measured, joined, task.found("verify", Verified), folder, self.catch_all)
        await asyncio.to_thread(story.tell, self.store / folder, Story(finished, settled))
        return settled

    def _sweep(self, job: Job, settled: Settled, done: dict[str, Any]) -> None:
        if "measure" in done and settled.status is not Status.DROPPED:
            measured = Task(job, self.store, done).found("measure", Measured)
            unreadable = {raw.name for raw in measured.raws if raw.condition is Condition.UNREADABLE}
            for raw in job.raws:
                if raw.name in unreadable:
                    log.error("a file that nobody can read is set aside", recording=job.recording, file=raw.name)
                    self.spool.set_aside(job, raw)
        self.spool.forget(job)

    # -- taking over -------------------------------------------------------------------------------------------

    def _begin(self, recording: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start it, behind what is being done with a recording of this name already."""
        before = self._at_work.get(recording)

        async def in_turn() -> None:
            if before is not None:
                await asyncio.wait([before])
            await work()

        task = asyncio.get_running_loop().create_task(in_turn(), name=f"recording {recording}")
        self._at_work[recording] = task
        task.add_done_callback(lambda done: self._ended(recording, done))

    def _ended(self, recording: str, task: asyncio.Task[None]) -> None:
        if self._at_work.get(recording) is task:
            del self._at_work[recording]
        if not task.cancelled() and task.exception() is not None:
            log.error("a recording was given up", recording=recording, exc_info=task.exception())

    async def _took(self, finished: Finished) -> None:
        self._taking += 1
        self._all_taken.clear()
        handed_over_at = time.monotonic()
        if judge.unheard(finished, self.catch_all) is not None:
            with suppress(OSError):  # then it is tried again below
                finished = await self._no_more_provisional(finished)  # a key is not kept for a queue's sake
        try:
            async with self._door:  # one by one: hundreds that wait must not all look whether they may, nor all go
                await self._give_way(handed_over_at)
            job = await self._take(finished)
        finally:
            self._waiting.pop(id(finished), None)
            self._taking -= 1
            if not self._taking:
                self._all_taken.set()
        if job is not None:
            await self.run(job)

    async def _give_way(self, since: float) -> None:
        """Calls come first. Recorders that are asked for while this process works on others' files start late: by
        half a second where two cores get fifty calls a second."""
        waited = False
        while self.occupied() and not self._parting and time.monotonic() - since < PATIENCE_SECONDS:
            waited = True
            await asyncio.sleep(0.05)
        if waited:
            await asyncio.sleep(PACE_SECONDS)  # the next burst shall not meet all that waited for the last

    async def _take(self, finished: Finished) -> Job | None:
        """The job, with its row; None where there is nothing to do."""
        attempt = 0
        while True:
            try:
                fresh = await self._unused(finished)
                if fresh is None:
                    return None
                self._running.add(str(fresh.recording))
                fresh = await asyncio.to_thread(adopt.with_strays, fresh)
                fresh = await self._no_more_provisional(fresh)
                job = await self.spool.take_over(fresh)
                await records.add_recording(self.catalogue, job.finished)
                await asyncio.to_thread(self.provisional.forget, str(finished.recording))
                return job
            except NotARecording as error:
                log.error("this cannot be a recording", call=finished.call, why=str(error))
                return None
            except (OSError, SQLAlchemyError) as error:
                # The files stay where they are, or in the job's folder: nothing is lost by waiting.
                log.error("files cannot be taken over yet", recording=finished.recording, why=str(error))
                self._obstacles.met(error)
            await asyncio.sleep(backoff(attempt))
            attempt += 1

    async def _no_more_provisional(self, finished: Finished) -> Finished:
        drop = judge.unheard(finished, self.catch_all)
        return await self.provisional.ended(finished, drop.why if drop is not None else "")

    async def _unused(self, finished: Finished) -> Finished | None:
        """The conversation under a name that is not in the store yet; None: it is, and this is a repetition."""
        while finished.recording is not None:
            known = await records.status_of(self.catalogue, finished.recording)
            if known is None or self.spool.has(finished.recording):
                return finished
            if not await asyncio.to_thread(is_waiting, finished):
                return None
            finished = replace(finished, recording=another_name(finished.recording))
        return None

    async def _resumed(self, job: Job) -> None:
        attempt = 0
        while True:
            try:
                await asyncio.to_thread(self.spool.resume, job)
                await records.add_recording(self.catalogue, job.finished)
                await asyncio.to_thread(self.provisional.forget, str(job.recording))
                break
            except (OSError, SQLAlchemyError) as error:
                log.error("a recording cannot be taken up yet", recording=job.recording, why=str(error))
                self._obstacles.met(error)
            await asyncio.sleep(backoff(attempt))
            attempt += 1
        await self.run(job)

    async def _part(self) -> None:
        """The end: what is being taken over is taken over; what is being worked on waits for the next start."""
        self._parting = True
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._unrecorded.write()
                if self._taking:
                    await self._all_taken.wait()
        await _cancel(self._at_work.values())
        self._children.close()


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    working = list(tasks)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


def _lost(error: Exception, job: Job) -> bool:
    """Whether a file is gone, and not the whole disk with it: waiting brings a disk back, but not a file."""
    return isinstance(error, FileNotFoundError) and job.folder.is_dir()
