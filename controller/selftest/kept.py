"""The recording of the self-test in store and catalogue: waited for, checked, and taken away again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from controller import disk
from controller.catalogue import search
from controller.catalogue.database import NoCatalogue, open_catalogue, read_catalogue
from controller.catalogue.entries import CallStory, RecordingEntry, RecordingStory, Status
from controller.catalogue.tables import recordings
from controller.config.load import Config
from controller.doctor.finding import Finding, fail, ok
from controller.pipeline import check as checking
from controller.spool import Spool

STORED_SECONDS = 40.0
WHY = "self-test: proved by listening and deleted"


class NotKept(Exception):
    """It did not come into the store; the text says what became of it."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Kept:
    """`legs`: the channels of the first and the second end, as the catalogue calls them."""

    call: CallStory
    story: RecordingStory
    folder: Path
    legs: tuple[str, str]

    @property
    def entry(self) -> RecordingEntry:
        return self.story.recording


async def wait(config: Config, recording: str, legs: tuple[str, str]) -> Kept:
    """Until it is settled. Raises NotKept."""
    deadline = time.monotonic() + STORED_SECONDS
    status = "not in the catalogue"
    while time.monotonic() < deadline:
        found = await _find(config, recording)
        if found is not None:
            call, story = found
            entry = story.recording
            if entry.status is Status.KEPT:
                names = [f"{call.call.pbx}/{leg}" for leg in legs]
                return Kept(call, story, config.store.folder / entry.folder, (names[0], names[1]))
            if entry.status is not Status.WORKING:
                raise NotKept(f"{recording} is {entry.status.value}: {entry.why}", _remedy(entry.status))
            status = entry.status.value
        await asyncio.sleep(0.2)
    why = f"{recording} is {status} after {STORED_SECONDS:g} s"
    raise NotKept(why, "`onrecord alarms`; `onrecord doctor --only folders --only room`")


def _remedy(status: Status) -> str:
    if status is Status.DROPPED:
        return "a rule drops it: min_length over 5 s or unassigned; give the self-test's extension a rule of its own"
    return "`onrecord check` says where it is; `onrecord doctor --only folders --only probe` why"


async def _find(config: Config, recording: str) -> tuple[CallStory, RecordingStory] | None:
    try:
        catalogue = await read_catalogue(config.catalogue.file)
    except (NoCatalogue, OSError) as error:
        raise NotKept(str(error), "run this as the controller's user") from error
    try:
        stories = await search.show(catalogue, recording)
    except SQLAlchemyError as error:
        raise NotKept(f"the catalogue cannot be read: {error}", "`onrecord doctor --only folders`") from error
    finally:
        await catalogue.close()
    return next(((one, each) for one in stories for each in one.recordings if each.recording.id == recording), None)


async def checked(config: Config, story: Kept) -> Finding:
    """What `onrecord check` would say of it."""
    catalogue = await read_catalogue(config.catalogue.file)
    try:
        monitors = {pbx.name: pbx.folder for pbx in config.pbxs}
        places = checking.Places(catalogue, Spool(config.spool.folder), config.store.folder, monitors, set())
        found = await checking.check(places)
    except OSError as error:
        return fail(f"cannot look: {error}", "run this as the controller's user")
    finally:
        await catalogue.close()
    mine = [one for one in found if story.entry.id in one.where or story.entry.folder in one.where]
    if mine:
        return fail(f"{mine[0].where}: {mine[0].what}", mine[0].remedy, findings=len(mine))
    return ok("`onrecord check` finds nothing about it")


async def sweep(config: Config, story: Kept) -> Finding:
    """Delete the sound, and say so in its row: a recording that is gone must not be called kept for a moment."""
    entry = story.entry
    settled = datetime.now(UTC)
    try:
        catalogue = await open_catalogue(config.catalogue.file)
        try:
            change = update(recordings).where(recordings.c.id == entry.id)
            values = {"status": Status.DROPPED.value, "why": WHY, "folder": "", "settled_at": settled}
            await catalogue.write(lambda connection: connection.execute(change.values(values)))
        finally:
            await catalogue.close()
        await asyncio.to_thread(disk.remove_folder, story.folder)
    except (OSError, SQLAlchemyError) as error:
        return fail(f"{story.folder} cannot be deleted: {error}", "run this as the controller's user")
    return ok("its sound is deleted, its row says why")
