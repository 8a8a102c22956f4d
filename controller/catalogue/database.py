"""The database behind the catalogue: opened for writing by the controller, for reading by anybody beside it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from controller import disk

Result = TypeVar("Result")

BUSY_SECONDS = 10.0
NOT_FOR_YOU = "{} may not be read: run this as root or as the controller's user"
MIGRATIONS = Path(__file__).parent / "migrations"


class NoCatalogue(Exception):
    """There is none at this place, or it cannot be read as it is; the text says what to do."""


class Catalogue:
    """An open catalogue. One process writes; any number read, also while it writes (WAL)."""

    def __init__(self, file: Path, engine: AsyncEngine, direct: Engine) -> None:
        """`direct`: the same database for work in threads."""
        self.file = file
        self._engine = engine
        self._direct = direct
        self._writing = asyncio.Lock()

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """One transaction, on the disk when this returns. `work` is run in a thread: a way there and back for each
        of its statements would cost the event loop, in which calls are heard, ten times as much."""
        async with self._writing:
            return await asyncio.to_thread(self._work, work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """As `write`, and beside whoever writes."""
        return await asyncio.to_thread(self._work, work)

    def _work(self, work: Callable[[Connection], Result]) -> Result:
        with self._direct.begin() as connection:
            return work(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, on the disk when it ends."""
        async with self._writing, self._engine.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self._engine.dispose()
        await asyncio.to_thread(self._direct.dispose)


async def open_catalogue(file: Path) -> Catalogue:
    """Open for writing; made, or brought up to date, where necessary. Raises NoCatalogue."""
    await asyncio.to_thread(disk.make_folder, file.parent)
    # Closed to strangers from its first byte on; SQLite gives its other files the same mode.
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640))
    try:
        await asyncio.to_thread(migrate, file)
    except (DBAPIError, sqlite3.Error) as error:
        raise NoCatalogue(f"{file}: {error}") from error
    engine = create_async_engine(_url("sqlite+aiosqlite", str(file)), connect_args={"timeout": BUSY_SECONDS})
    direct = create_engine(_url("sqlite", str(file)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(direct, "connect", _prepare)
    return Catalogue(file, engine, direct)


def damaged(file: Path) -> bool:
    """Whether this file is there and can be no database any more; a locked or newer one is none of these. Blocks.

    All of it is read only where an earlier life suspected it: that takes seconds for each GB."""
    if not file.exists() or not file.stat().st_size:
        return False
    look = "PRAGMA quick_check(1)" if _suspicion(file).exists() else "SELECT 'ok' FROM sqlite_master LIMIT 1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=1.0)) as link:
            return [row[0] for row in link.execute(look)] not in (["ok"], [])
    except sqlite3.DatabaseError as error:
        return any(word in str(error) for word in ("malformed", "not a database"))


def suspect(file: Path) -> None:
    """Have the next start read all of this catalogue before it is used."""
    with suppress(OSError):
        _suspicion(file).touch()


def _suspicion(file: Path) -> Path:
    return file.with_name(file.name + ".suspect")


def set_aside(file: Path) -> Path:
    """Give a damaged catalogue and what belongs to it another name, for a person to look at; returns it."""
    aside = file.with_name(f"{file.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + ending).replace(aside.with_name(aside.name + ending))
    _suspicion(file).unlink(missing_ok=True)
    return aside


async def read_catalogue(file: Path) -> Catalogue:
    """Open for reading only, whether the controller runs or not. Raises NoCatalogue."""
    url = _read_only(file)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS})
    direct = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": BUSY_SECONDS})
    catalogue = Catalogue(file, engine, direct)
    try:
        async with catalogue.reading() as connection:
            found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except DBAPIError as error:
        await catalogue.close()
        raise NoCatalogue(f"{file} cannot be read as a catalogue: {error.orig}") from error
    if found != newest_version():
        await catalogue.close()
        raise NoCatalogue(f"{file} is of version {found}, this program of {newest_version()}: run the same version")
    return catalogue


def migrate(file: Path) -> None:
    """Bring the tables up to date, all at once or not at all. Blocks.

    Where they are, nothing is written: a catalogue that another program has locked must not keep calls from being
    recorded; what is to be written waits."""
    if _is_current(file):
        return
    engine = create_engine(_url("sqlite", str(file)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _by_hand)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _is_current(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=1.0)) as link:
            found = link.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return found == [(newest_version(),)]


def newest_version() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _url(driver: str, place: str, **options: str) -> URL:
    """Made of its parts: in a URL written as text, a ? or # in a folder's name would end the path."""
    return URL.create(driver, database=place, query=options)


def _read_only(file: Path) -> URL:
    try:
        there = disk.is_there(file)
    except PermissionError as error:
        raise NoCatalogue(NOT_FOR_YOU.format(file)) from error
    if not there:
        raise NoCatalogue(f"there is no catalogue at {file}: the controller makes it when it is first run")
    if not os.access(file, os.R_OK):
        raise NoCatalogue(NOT_FOR_YOU.format(file))
    place = f"file:{quote(str(file.resolve()))}"
    if not file.with_name(file.name + "-wal").exists() and not os.access(file.parent, os.W_OK):
        # Nobody has it open, and SQLite would have to make files beside it to open it in the ordinary way.
        return _url("sqlite+aiosqlite", place, uri="true", mode="ro", immutable="1")
    return _url("sqlite+aiosqlite", place, uri="true", mode="ro")


def _by_hand(connection: Any, _record: Any) -> None:
    """Python's sqlite3 would commit before each change of a table: begin transactions ourselves."""
    connection.isolation_level = None


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL: when a commit returns, the row is on the disk. Raw files are deleted on the strength of it.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
