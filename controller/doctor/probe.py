"""Check by doing: MixMonitor records a tone on a channel of our own, and the file must be here, whole and audible.

The channel is one of those by which Asterisk makes announcements: no phone rings, no dialplan runs, nobody hears it,
and it is in no event of the manager's, so a controller that runs meanwhile does not take it for a call (22.10.1).
"""

from __future__ import annotations

import asyncio
import secrets
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd

from controller.doctor.finding import Finding, fail, ok, skipped
from controller.doctor.places import acting_as, service_user
from controller.doctor.reach import APP
from controller.doctor.visit import Visit
from controller.pbx.asterisk import mixmonitor
from controller.pbx.asterisk.ari import Ari, AriRefused
from controller.pbx.driver import PbxGone, PbxRefused

SEEN_SECONDS = 1.5
"""A file is there within a few ms; over a network file system it can take a second."""
TONE_SECONDS = 0.6
EVENT_SECONDS = 1.0
EMPTY_BYTES = 100
"""More than the header of any format."""
NOT_YET = 422
VARIABLE = "ONRECORD_DOCTOR"
WAY = "configure [pbx.ari], and have chan_bridge_media.so loaded"
"""To a channel of our own."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One file of the probe: how the PBX calls it, and how we do."""

    theirs: str
    ours: Path


class NoChannel(Exception):
    """No channel of our own could be made; the text says why."""


@asynccontextmanager
async def spare_channel(visit: Visit) -> AsyncIterator[tuple[Ari, str]]:
    """A channel of our own, by its Uniqueid, for as long as it is used. Raises NoChannel, PbxGone."""
    ari = visit.ari
    if ari is None:
        raise NoChannel("it is made over ARI, and there is none")
    query = {"endpoint": f"Announcer/{APP}", "app": APP, "formats": "slin"}
    try:
        identity = (await ari.request("POST", "channels", "create", query=query))["id"]
    except AriRefused as error:
        raise NoChannel(f"{error}; is chan_bridge_media.so loaded?") from error
    try:
        yield ari, identity
    finally:
        with suppress(PbxRefused, PbxGone):
            await ari.request("DELETE", "channels", identity)


def _finished(visit: Visit, playback: str) -> str:
    """How a playback ended, once it has: done, failed; "" before."""
    ends = (one.body.get("playback", {}) for one in visit.told if one.type == "PlaybackFinished")
    return next((str(end.get("state")) for end in ends if end.get("id") == playback), "")


@asynccontextmanager
async def _bridge(ari: Ari, channel: str) -> AsyncIterator[str]:
    bridge = await ari.request("POST", "bridges", query={"type": "mixing"})
    try:
        await _join(ari, bridge["id"], channel)
        yield bridge["id"]
    finally:
        with suppress(PbxRefused, PbxGone):
            await ari.request("DELETE", "bridges", bridge["id"])


async def _join(ari: Ari, bridge: str, channel: str) -> None:
    """A channel is in our application a moment after it was made, till then 422; no StasisStart tells of these."""
    deadline = time.monotonic() + EVENT_SECONDS
    while True:
        try:
            await ari.request("POST", "bridges", bridge, "addChannel", query={"channel": channel})
            return
        except AriRefused as error:
            if error.status != NOT_YET or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.01)


async def probe(visit: Visit) -> list[Finding]:
    """Record a tone of half a second and look at what came of it."""
    pbx = visit.pbx
    stem = f"{APP}-{secrets.token_hex(4)}"
    trial = Trial(f"{pbx.monitor_dir.rstrip('/')}/{stem}", pbx.folder / f"{stem}.{pbx.format}")
    try:
        async with spare_channel(visit) as (ari, channel):
            return await _record(visit, ari, channel, trial)
    except NoChannel as error:
        return [skipped(f"no channel to try on: {error}", WAY)]
    except PbxRefused as error:
        return [_refused(visit, str(error))]
    except PermissionError:
        return [fail(f"{pbx.folder} is closed to us", _share(pbx.folder))]
    finally:
        with suppress(OSError):
            for path in pbx.folder.glob(f"{stem}*"):
                path.unlink()


def _refused(visit: Visit, said: str) -> Finding:
    user = visit.pbx.ami.user
    if "permission" in said.lower():
        return fail(f"MixMonitor: {said}", f"manager.conf, [{user}]: add system to its write line (see writing)")
    if "unknown command" in said.lower():
        return fail(f"MixMonitor: {said}", "app_mixmonitor.so is not loaded (see modules)")
    return fail(f"the PBX refused: {said}", "look at Asterisk's log for the reason")


async def _record(visit: Visit, ari: Ari, channel: str, trial: Trial) -> list[Finding]:
    pbx = visit.pbx
    options = f"i({VARIABLE})r({trial.theirs}-r.{pbx.format})t({trial.theirs}-t.{pbx.format})"
    began = time.monotonic()
    started = await visit.act("MixMonitor", Channel=channel, File=f"{trial.theirs}.{pbx.format}", Options=options)
    identity = started.get("MixMonitorID")
    seen = await until(trial.ours.exists, SEEN_SECONDS)
    took = time.monotonic() - began
    if not mixmonitor.is_id(identity):
        remedy = "the controller cannot stop or pause such a recorder: use a maintained Asterisk, 18 or later"
        return [fail(f"MixMonitor gave the recorder no id ({identity!r})", remedy)]
    if not seen:
        with suppress(PbxRefused):
            await visit.act("StopMixMonitor", Channel=channel, MixMonitorID=identity)
        return [await _not_seen(visit, ari, channel, trial)]
    async with _bridge(ari, channel) as bridge:
        await ari.request("POST", "bridges", bridge, "play", body={"media": "tone:440"})
        await asyncio.sleep(TONE_SECONDS)
    await visit.act("StopMixMonitor", Channel=channel, MixMonitorID=identity)
    await until(lambda: trial.ours.stat().st_size > EMPTY_BYTES, EVENT_SECONDS)
    return [_written(trial, took, service_user(visit.config))]


def _written(trial: Trial, took: float, user: struct_passwd) -> Finding:
    """What came of it, looked at and taken away with the rights of the controller's user."""
    size = trial.ours.stat().st_size
    figures = {"seen_after_ms": round(took * 1000, 1), "bytes": size, "tone_s": TONE_SECONDS}
    name, folder = trial.ours.name, trial.ours.parent
    if size <= EMPTY_BYTES:
        return fail(
            f"MixMonitor made {name} and wrote no sound into it ({size} bytes)",
            "is the PBX's disk full (see room)? Are the codec modules loaded (see codecs)?",
            **figures,
        )
    try:
        with acting_as(user):
            sound = _loudest(trial.ours)
    except PermissionError:
        return fail(
            f"{name} may not be read by {user.pw_name}: {_owner(trial.ours)}",
            f"PBX and controller must share a group: {_share(folder)}, and for Asterisk a umask of 0027 or less",
            **figures,
        )
    if sound == 0:
        return fail(
            f"{name} has {size} bytes of digital silence: the tone is not in it",
            "a codec is missing (see codecs), or codec_resample.so",
            **figures,
        )
    try:
        with acting_as(user):
            trial.ours.unlink()
    except OSError as error:
        return fail(
            f"{name} cannot be taken out of {folder} by {user.pw_name}: {error.strerror}",
            f"the controller moves finished files, so it must be allowed to write there: {_share(folder)}",
            **figures,
        )
    return ok(f"a tone was recorded: {size} bytes in {folder}, {took * 1000:.0f} ms after the order", **figures)


def _loudest(path: Path) -> int:
    """The largest byte of sound, apart from the header; formats other than WAV are taken as they are."""
    if path.suffix in (".wav", ".wav16"):
        with suppress(wave.Error, EOFError), wave.open(str(path)) as sound:
            return max(sound.readframes(sound.getnframes()), default=0)
    content = path.read_bytes()
    return 1 if len(set(content)) > 1 else 0


def _owner(path: Path) -> str:
    stat = path.stat()
    return f"owner {stat.st_uid}:{stat.st_gid}, mode {stat.st_mode & 0o777:03o}"


async def _not_seen(visit: Visit, ari: Ari, channel: str, trial: Trial) -> Finding:
    """Whether the PBX wrote elsewhere or nowhere: put a file into our folder and have the PBX play it."""
    folder, theirs = trial.ours.parent, visit.pbx.monitor_dir
    what = f"MixMonitor said Success, and no file came into {folder} within {SEEN_SECONDS:g} s"
    if not folder.is_dir():
        return fail(f"{what}: there is no such folder here", _mount(theirs, folder))
    lure = folder / f"{trial.ours.stem}-lure.wav"
    try:
        with lure.open("wb") as file, wave.open(file, "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(b"\0" * 1600)
        lure.chmod(0o644)
    except OSError as error:
        return fail(
            f"{what}; nor may we write there ({error.strerror})",
            f"{_mount(theirs, folder)}; then let Asterisk and the controller write it: {_share(folder)}",
        )
    if await _plays(visit, ari, channel, f"{trial.theirs}-lure"):
        return fail(
            f"{what}: the PBX reads this folder and may not write it",
            f'on the PBX: {_share(Path(theirs))}; Asterisk\'s log says "Cannot open" with the reason',
        )
    return fail(
        f"{what}: what we put there the PBX does not find in {theirs} (where it may have left {trial.ours.stem}*)",
        _mount(theirs, folder),
    )


async def _plays(visit: Visit, ari: Ari, channel: str, stem: str) -> bool:
    async with playback_on(visit, ari, channel, stem) as ended:
        await until(ended, EVENT_SECONDS)
        return ended() == "done"


@asynccontextmanager
async def playback_on(
    visit: Visit, ari: Ari, channel: str, stem: str, media: str = ""
) -> AsyncIterator[Callable[[], str]]:
    """Plays a file of the PBX's, or other `media`, to a channel of our own; the function tells how it ended, "" while
    it has not."""
    visit.told.clear()
    async with _bridge(ari, channel) as bridge:
        played = await ari.request("POST", "bridges", bridge, "play", body={"media": media or f"sound:{stem}"})
        yield lambda: _finished(visit, played["id"])


def _mount(theirs: str, ours: Path) -> str:
    if theirs == str(ours):
        return (
            f"{theirs} on the PBX and {ours} here are two folders of one name (another machine, a container, a "
            "chroot, a symbolic link): mount one at the other's place, or set spool_dir to where the PBX's folder is "
            "seen here"
        )
    return f"monitor_dir ({theirs}, on the PBX) and spool_dir ({ours}, here) must be one folder under two names"


def _share(folder: Path) -> str:
    return f"install -d -o asterisk -g onrecord -m 2770 {folder}"


async def until(true: Callable[[], object], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(0.005)
    return True
