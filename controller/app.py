"""Builds every part from the configuration and joins them; nothing else may."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from controller import disk, logs, systemd
from controller.alarms import Alarms
from controller.catalogue.database import Catalogue, damaged, open_catalogue, set_aside
from controller.config.load import Config, load, restarts
from controller.config.machinery import Pbx
from controller.config.memory import check_memory
from controller.config.problems import ConfigError
from controller.config.prompts import OWN
from controller.control import ControlServer
from controller.core.commands import HandOver, Start, pbx_of
from controller.core.failures import NOT_RECORDED
from controller.core.finishing import finish
from controller.core.recording import State
from controller.core.roster import Roster
from controller.core.session import Session
from controller.engine import Engine
from controller.journal import Journal
from controller.lock import Lock
from controller.pbx import DRIVERS
from controller.pbx.driver import Driver
from controller.phones import standing
from controller.phones.lamps import Lamps
from controller.phones.listener import HepListener
from controller.phones.url_key import UrlKey
from controller.pipeline.check import Places, restock
from controller.pipeline.line import Line
from controller.pipeline.provisional import Provisional
from controller.pipeline.sealing import Sealing
from controller.prompts import region_file
from controller.prompts.cited import cited
from controller.restart import Bookmark, Recalled, recalled, written_by
from controller.spool import Spool
from controller.watch.growth import Growth
from controller.watch.meter import Meter
from controller.watch.oddities import Oddities
from controller.watch.room import Room
from controller.watch.selftested import Selftested
from controller.watch.strays import Strays
from controller.web.server import WebServer, application
from controller.web.watched import Watched

log = structlog.get_logger("app")

LOOK_SECONDS = 2.0
"""How often the configuration file is looked at for a change."""
TIDY_SECONDS = 20.0
"""How long a stop waits for recordings that are being worked on; the rest goes on at the next start."""
GARBAGE_THRESHOLDS = (700, 10, 100)
"""As Python's own, but all that lives is looked through ten times as seldom: with hundreds of live calls that takes
tens of milliseconds, and calls leave hardly any garbage of the kind that only this search finds."""
SWITCH_SECONDS = 0.0005
"""How long a thread of the pipeline may keep the interpreter while the loop that hears calls wants it. With Python's
own 5 ms a busy machine's recordings began up to half a second late (benchmarks/start_latency.py)."""

Watching = Sealing | Bookmark | Growth | Room | Meter | Selftested | Strays | WebServer


@dataclass(slots=True)
class App:
    """One running controller."""

    config: Config
    engine: Engine
    journal: Journal
    line: Line
    catalogue: Catalogue
    control: ControlServer
    phones: tuple[Lamps | HepListener, ...] = ()
    watching: tuple[Watching, ...] = ()
    lock: Lock | None = None
    catch_up: Callable[[], Awaitable[None]] | None = None  # what an earlier life did not finish
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    refused: str = ""  # why the newest configuration file is not in force

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until stop(); recorders of live calls are left running and are found again at the next start."""
        tasks: list[asyncio.Task[None]] = []
        try:
            async with asyncio.TaskGroup() as group:
                work = (self.engine.run(), self.control.run(), self.line.work(), self._watch_file(), systemd.beat())
                tasks = [group.create_task(each) for each in work]
                tasks += [group.create_task(each.run()) for each in (*self.phones, *self.watching)]
                tasks.append(group.create_task(self._ready(ready)))
                if self.catch_up is not None:
                    await self.catch_up()
                await self.stopping.wait()
                log.info("stopping: recorders of live calls run on, and are taken over at the next start")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.line.idle(), TIDY_SECONDS)
                for task in tasks:
                    task.cancel()
        finally:
            self.journal.close()
            await self.catalogue.close()
            if self.lock is not None:
                self.lock.release()

    def stop(self) -> None:
        self.stopping.set()

    def reload(self) -> None:
        """Read the file again. A bad one is refused with file, line and key, and the old one stays in force."""
        try:
            new = load(self.config.path)
            check_memory(new)
        except (ConfigError, OSError) as error:
            self.refused = str(error)
            log.error("the new configuration is refused, the old one stays in force", why=str(error))
            return
        self.refused = ""
        for each in restarts(self.config, new):
            log.warning("takes effect at the next start only", change=each)
        self.config = new
        self.engine.use(new.policy)
        log.info("new policy in force", file=str(new.path))

    async def _ready(self, ready: Callable[[], None]) -> None:
        """Tell systemd (and whoever started us) once the control socket answers."""
        await self.control.listening.wait()
        systemd.notify(f"READY=1\nSTATUS=serving {', '.join(self.engine.drivers)}")
        ready()

    async def _watch_file(self) -> None:
        paths = (self.config.path, self.config.path.parent / region_file.OWN)
        seen = [_version(path) for path in paths]
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = [_version(path) for path in paths]
            if now[0] is not None and now != seen:
                seen = now
                self.reload()


async def build(config: Config) -> App:
    """Every part, joined. Raises OSError for a bad folder or where another controller runs, ValueError for a bad
    setting, ConfigError where a rule needs a folder in memory and there is none."""
    check_memory(config)
    lock = Lock(config.journal.folder)
    journal = Journal(config.journal.folder)
    spool = Spool(config.spool.folder)
    disk.make_folder(config.store.folder)
    alarms = Alarms(config.journal.folder)
    catalogue, lost = await _catalogue(config.catalogue.file, alarms)
    meter = Meter()
    provisional = Provisional(frozenset(pbx.memory for pbx in config.pbxs if pbx.memory is not None), spool.folder)
    line = Line(spool, catalogue, config.store.folder, config.ownership.catch_all, watcher=meter.done, alarms=alarms)
    line.provisional = provisional
    drivers = {pbx.name: driver_of(pbx, config, lock.token) for pbx in config.pbxs}
    over = _handing_over(line, drivers, lambda: engine.policy.roster, config.path.parent / OWN)
    engine = Engine(config.policy, drivers, journal, over, alarms=alarms)
    line.occupied = engine.occupied
    bookmark = Bookmark(journal, lambda: _oldest(engine, line))
    left = partial(recalled, config.journal.folder, catalogue, config.policy, written_by(drivers), bookmark.start)
    found = await left(not lost)
    engine.stand(standing.load(config.journal.folder))
    engine.stood.add(lambda extensions: standing.save(config.journal.folder, extensions))
    engine.resume(found)
    if found.damaged:
        alarms.on("journal-damaged", str(config.journal.folder), *_damaged(config.journal.folder, found.damaged))

    async def catch_up() -> None:
        made_again = await _restocked(Places(catalogue, spool, config.store.folder), left) if lost else None
        for session, handover in found.over if made_again is None else made_again.over:
            if pbx_of(session.call.id) in drivers:
                over(session, handover)
            else:
                log.warning("handed over for a PBX that is not served any more", call=session.call.id)

    phones = phones_of(config, engine)
    odd = Oddities(engine)
    for each in phones:
        if isinstance(each, HepListener):
            odd.sources["hep"] = each.counts
    watching = (bookmark, sealing_of(provisional, engine), *watching_of(config, engine, meter, line, odd))
    return App(config, engine, journal, line, catalogue, control_of(config, engine), phones, watching, lock, catch_up)


def _damaged(folder: Path, lines: int) -> tuple[str, str]:
    """What runs is taken up from the PBX itself; only why and by whose wish may be forgotten."""
    what = f"{lines} lines of the journal in {folder} cannot be read: something of the calls then is forgotten"
    remedy = "see to its disk; `onrecord check` names recordings that nobody knows, and --repair keeps them"
    return what, remedy


def _handing_over(
    line: Line, drivers: Mapping[str, Driver], roster: Callable[[], Roster], prompts: Path
) -> Callable[[Session, HandOver], None]:
    """How a conversation that is over gets from the engine to the line, with the prompts that its parties heard."""

    def files(start: Start) -> tuple[str, str, str]:
        found = drivers[pbx_of(start.call)].files(start)
        return str(found.mixed), str(found.anchor or ""), str(found.others or "")

    def over(session: Session, handover: HandOver) -> None:
        line.finish(cited(finish(session, handover, roster(), files), prompts))

    return over


def _oldest(engine: Engine, line: Line) -> float | None:
    """When the oldest call began that lives or is not stored yet; Unix seconds."""
    began = [session.call.began_at for session in engine.sessions.values()]
    return min((*began, *([line.oldest] if line.oldest is not None else [])), default=None)


async def _restocked(places: Places, left: Callable[[bool], Awaitable[Recalled]]) -> Recalled | None:
    """A new catalogue must know what the store has before anything is said to be missing. None: it could not."""
    try:
        number = await restock(places)
        log.info("the catalogue was made again from the store", recordings=number)
        return await left(True)
    except (OSError, SQLAlchemyError) as error:
        log.error("the catalogue could not be made again: `onrecord check --repair` does it", why=str(error))
        return None


def control_of(config: Config, engine: Engine) -> ControlServer:
    """The socket by which the command line asks, with what it tells of this controller."""
    control = ControlServer(engine, config.control.socket, config.control.group)
    control.status = {"started_at": time.time(), "pid": os.getpid(), "config": str(config.path)}
    return control


async def _catalogue(file: Path, alarms: Alarms) -> tuple[Catalogue, bool]:
    """The catalogue; and whether a damaged one was set aside, so that its rows are to be made again."""
    lost = await asyncio.to_thread(damaged, file)
    if lost:
        aside = await asyncio.to_thread(set_aside, file)
        what = f"the catalogue was damaged and is set aside as {aside.name}; its recordings are found in the store"
        remedy = "calls without a recording are in the journal only; see to the disk, it may be failing"
        alarms.on("catalogue-lost", str(file), what, remedy)
    return await open_catalogue(file), lost


def sealing_of(provisional: Provisional, engine: Engine) -> Sealing:
    """What moves captures that nobody has kept yet out of memory, and hears who keeps one."""

    def folder(start: Start) -> Path:
        return engine.drivers[pbx_of(start.call)].files(start).mixed.parent

    found = Sealing(provisional, engine.alarms, folder)
    engine.watchers.add(found.heard)
    return found


def watching_of(config: Config, engine: Engine, meter: Meter, line: Line, odd: Oddities) -> tuple[Watching, ...]:
    """What looks after recorders, disks and figures, and shows them where [web] asks for it."""
    settings, engine.alarms.folder = config.watch, config.journal.folder
    engine.watchers.add(meter.heard)
    folders = {
        **{f"monitor {pbx.name}": pbx.folder for pbx in config.pbxs},
        **{f"provisional {pbx.name}": pbx.memory for pbx in config.pbxs if pbx.memory and pbx.memory.is_dir()},
        "spool": config.spool.folder,
        "store": config.store.folder,
        "journal": config.journal.folder,
        "catalogue": config.catalogue.file.parent,
    }

    def running() -> int:
        recordings = [session.recording for session in engine.sessions.values()]
        return sum(each is not None and each.state is not State.OFF for each in recordings)

    room = Room(folders, engine.alarms, running, settings.full_within)
    found: list[Watching] = [meter, room, Selftested(config.journal.folder, engine.alarms)]

    def live() -> list[str]:
        mine = [each for session in engine.sessions.values() for each in (session.recording, *session.rest)]
        return [each.id for each in mine if each is not None]

    strays = {pbx.name: pbx.folder for pbx in config.pbxs}
    strays |= {f"{pbx.name}, in memory": pbx.memory for pbx in config.pbxs if pbx.memory is not None}
    found.append(Strays(strays, line.spool, engine.alarms, live))
    if settings.grow_within:
        found.append(Growth(engine, settings.grow_within, settings.one_sided))
    if config.web.listen:
        host, _, port = config.web.listen.rpartition(":")
        watched = Watched(engine, engine.alarms, meter, lambda: line.busy, folders, time.time(), odd)
        secret = config.url_secret.get_secret_value().encode()
        key = UrlKey(engine, secret) if secret else None
        odd.sources |= {} if key is None else {"url key": key.counts}
        pages = {} if key is None else key.pages()
        found.append(WebServer(application(watched, pages), host.strip("[]"), int(port)))
    return tuple(found)


def phones_of(config: Config, engine: Engine) -> tuple[Lamps | HepListener, ...]:
    """What works for desk phones, as far as [keys] asks for it."""
    found: list[Lamps | HepListener] = [Lamps(engine)] if config.keys.lit else []
    if config.keys.hep:
        host, _, port = config.keys.hep.rpartition(":")
        books = (site.codes for site in (config.policy.organisation, *config.policy.sites.values()))
        codes = {code.digits: code.key for book in books if book is not None for code in book.codes}
        password = config.hep_secret.get_secret_value().encode()
        found.append(HepListener(engine, host.strip("[]"), int(port), password, codes))
    return tuple(found)


def driver_of(pbx: Pbx, config: Config, token: str = "") -> Driver:
    """The driver for one [[pbx]], by the literal list in controller/pbx."""
    module, _, name = DRIVERS[pbx.driver].partition(":")
    settings = importlib.import_module("controller.pbx.asterisk.settings").AsteriskSettings(
        name=pbx.name,
        host=pbx.ami.host or pbx.host,
        ami_port=pbx.ami.port,
        ami_user=pbx.ami.user,
        ami_secret=pbx.ami.secret.get_secret_value(),
        ari_url=pbx.ari.url if pbx.ari else "",
        ari_user=pbx.ari.user if pbx.ari else "",
        ari_secret=pbx.ari.secret.get_secret_value() if pbx.ari else "",
        app=pbx.ari.app if pbx.ari else "onrecord",
        monitor_dir=pbx.monitor_dir,
        spool_dir=pbx.folder,
        provisional_dir=pbx.provisional_dir,
        provisional_folder=pbx.memory or Path("/nowhere"),
        prompts_dir=pbx.prompts_dir,
        context=pbx.context,
        format=pbx.format,
        token=token,
        who=f"{socket.gethostname()}:{os.getpid()}",
        sounds={NOT_RECORDED: pbx.failure_sound},
        attributes=config.attributes,
    )
    driver: Driver = getattr(importlib.import_module(module), name)(settings)
    return driver


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    logs.set_up(config.log)
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(_run(config))


async def _run(config: Config) -> None:
    app = await build(config)
    # Modules and policy stay for ever. To look through them for garbage took 150 ms at a time, in which no call is
    # heard (benchmarks/start_latency.py).
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stop)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    for warning in config.warnings:
        log.warning("configuration", note=str(warning))
    await app.run()


def _version(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
