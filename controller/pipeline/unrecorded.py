"""Calls without a recording: they become rows of the catalogue, and wait in memory while it cannot be written."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from controller.catalogue import records
from controller.catalogue.database import Catalogue
from controller.core.finished import Finished
from controller.pipeline.obstacles import Obstacles, backoff

log = structlog.get_logger("pipeline")

MOST = 100_000
"""So many wait for a database which cannot be written; older ones are in the journal only."""


class Unrecorded:
    """Takes each such call, and writes all that wait in one transaction."""

    def __init__(self, catalogue: Catalogue, obstacles: Obstacles) -> None:
        self._catalogue, self._obstacles = catalogue, obstacles
        self._waiting: list[Finished] = []
        self._more = asyncio.Event()

    @property
    def waiting(self) -> tuple[float, ...]:
        """When each call that is not written yet began."""
        return tuple(each.began_at for each in self._waiting)

    def add(self, finished: Finished) -> None:
        self._waiting.append(finished)
        if len(self._waiting) > MOST:
            log.error("the catalogue cannot be written: a call is in the journal only", call=finished.call)
            del self._waiting[0]
        self._more.set()

    async def write_for(self, seconds: float) -> None:
        """Write what comes, for so long."""
        until = asyncio.get_running_loop().time() + seconds
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(until):
                    await self._more.wait()
                await self.write()

    async def write(self) -> None:
        """All that wait. Where that fails they wait on."""
        self._more.clear()
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            await records.add_calls(self._catalogue, batch)
            self._obstacles.catalogue_written()
        except BaseException as error:
            self._waiting = batch + self._waiting
            if not isinstance(error, SQLAlchemyError):
                raise
            log.error("the catalogue cannot be written", calls=len(self._waiting), why=str(error))
            self._obstacles.met(error)
            await asyncio.sleep(backoff(0))
            self._more.set()
