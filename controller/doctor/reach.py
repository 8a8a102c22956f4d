"""Checks of the doors: whether AMI and ARI answer, let us in, and which Asterisk is behind them."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import time
from datetime import UTC, datetime

from yarl import URL

from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.doctor.visit import Visit
from controller.pbx.asterisk import ami, ari
from controller.pbx.asterisk.ami import AmiAccess
from controller.pbx.asterisk.ari import AriAccess, AriRefused
from controller.pbx.asterisk.frames import Message
from controller.pbx.driver import PbxGone, PbxRefused

CONNECT_SECONDS = 4.0
GREETING_SECONDS = 2.0
HEARD = ("PlaybackFinished",)
"""What the probe waits for."""
APP = "onrecord-doctor"
"""Never the controller's own application: that would take its place."""
OLDEST = (18, 24)
"""The first with event filters by name; older ones are sent a regular expression instead."""
CLOCK_WARN, CLOCK_FAIL = 1.0, 30.0


class Closed(Exception):
    """Nothing to talk to at this address; why, and what to do about it."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


async def knock(host: str, port: int, greets: bool) -> tuple[str, float]:
    """Open a TCP connection and return the first line (where the other side `greets`) and how long it took, in s.

    Raises Closed.
    """
    where = f"{host}:{port}"
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise Closed(
            f"{where} does not answer within {CONNECT_SECONDS:g} s",
            "is the host right and up, and does a firewall let this machine through?",
        ) from None
    except socket.gaierror:
        raise Closed(f"the name {host!r} cannot be resolved", "write the PBX's address, or mend the name") from None
    except OSError as error:
        raise Closed(f"{where}: {_said(error)}", _why_closed(error)) from None
    took = time.perf_counter() - began
    try:
        if not greets:
            return "", took
        async with asyncio.timeout(GREETING_SECONDS):
            return (await reader.readline()).decode("latin-1").strip(), took
    except (TimeoutError, OSError, ValueError):
        return "", took
    finally:
        writer.close()


def _said(error: OSError) -> str:
    # asyncio says "Connect call failed" in place of the reason.
    return os.strerror(error.errno or 0) if error.errno in errno.errorcode else str(error)


def _why_closed(error: OSError) -> str:
    if error.errno == errno.ECONNREFUSED or "refused" in str(error).lower():
        return "nothing listens on that port: is Asterisk running, the interface enabled, and is this its port?"
    return "is the host right, and is there a way from this machine to it?"


async def manager(visit: Visit) -> list[Finding]:
    """Whether the manager interface can be reached and lets us in; each way to fail with its own remedy."""
    pbx = visit.pbx
    host, port, user = pbx.ami.host or pbx.host, pbx.ami.port, pbx.ami.user
    where = f"the manager interface at {host}:{port}"
    try:
        greeting, took = await knock(host, port, greets=True)
    except Closed as closed:
        remedy = (
            f"{closed.remedy} In manager.conf [general]: enabled = yes, port = {port}, bindaddr = an address that "
        )
        remedy += "this machine reaches; then `manager reload`. In our file: host, and port under [pbx.ami]"
        return [_unreachable(f"{where}: {closed}", remedy)]
    if not greeting.startswith("Asterisk Call Manager/"):
        said = f"says {greeting[:60]!r}" if greeting else f"says nothing within {GREETING_SECONDS:g} s"
        return [
            fail(
                f"{where} is not a manager interface: it {said}",
                "this is another service's port (8088 is ARI's, 5039 is the manager's with TLS): set port under "
                f"[pbx.ami] to what `manager show settings` says, usually 5038; or user {user!r} may not come from "
                "this address (permit in manager.conf)",
            )
        ]
    access = AmiAccess(host, port, user, pbx.ami.secret.get_secret_value())
    try:
        visit.ami = await ami.connect(access, _unheard, timeout=CONNECT_SECONDS, events="system")
        visit.booted = True
    except PbxRefused as error:
        return [_not_let_in(where, user, str(error))]
    except PbxGone as error:
        if "FullyBooted" not in str(error):
            return [
                _unreachable(f"{where}: {error}", "look at Asterisk's log: it may be overloaded or shutting down")
            ]
        # Logged in, and no FullyBooted: go on without events, so that the other checks tell their part.
        visit.ami = await ami.connect(access, _unheard, timeout=CONNECT_SECONDS, events="off")
    return [ok(f"{where} lets {user!r} in", connect_ms=round(took * 1000, 1))]


async def booted(visit: Visit) -> list[Finding]:
    """Whether Asterisk said after the login that it has started, for which the controller waits."""
    if visit.booted:
        return [ok("Asterisk says that it has started")]
    return [
        fail(
            f"no FullyBooted event came within {CONNECT_SECONDS:g} s of the login, and the controller waits for it",
            f"manager.conf, [{visit.pbx.ami.user}]: add system to its read line, then `manager reload`. If Asterisk "
            "is still starting, ask again",
        )
    ]


def _unheard(_message: Message) -> None:
    """Of the events only FullyBooted matters, and the session keeps it itself."""


def _unreachable(what: str, remedy: str) -> Finding:
    found = fail(what, remedy)
    return Finding(found.status, found.what, found.remedy, unreachable=True)


def _not_let_in(where: str, user: str, said: str) -> Finding:
    if "permission" in said.lower():
        return fail(
            f"{where}: {said}", f"manager.conf, [{user}]: give it read and write lines, then `manager reload`"
        )
    return fail(
        f"{where} refused the login: {said}",
        f"is [{user}] a section of manager.conf on that PBX, and its secret the password of [pbx.ami] here? A user "
        "whose permit/deny keeps this machine out is told the same. After a change: `manager reload`",
    )


async def version(visit: Visit) -> list[Finding]:
    """Which Asterisk it is, whether that is one we know, and since when it runs."""
    said = await visit.act("CoreSettings")
    visit.version = said.get("AsteriskVersion")
    numbers = re.match(r"(?:certified[/-])?(\d+)\.(\d+)", visit.version)
    since = (await visit.act("CoreStatus")).get
    up = f"up since {since('CoreStartupDate')} {since('CoreStartupTime')} by its own clock"
    what = f"Asterisk {visit.version}, {up}"
    if numbers is None:
        return [warn(f"{what}: a version that we cannot read", "nothing to do if the other checks are well")]
    visit.release = (int(numbers[1]), int(numbers[2]))
    if visit.release < OLDEST:
        text = f"Asterisk {'.'.join(map(str, OLDEST))}"
        return [warn(f"{what}: older than {text}", "events are filtered by a costlier expression: upgrade some day")]
    return [ok(what, version=visit.version)]


async def clock(visit: Visit) -> list[Finding]:
    """How far the PBX's clock is from ours: times in the catalogue are ours, those in its CDRs are the PBX's."""
    best: tuple[float, float] | None = None
    for _ in range(5):
        sent = time.time()
        stamp = (await visit.act("Ping")).get("Timestamp")
        back = time.time()
        if not re.fullmatch(r"\d+(\.\d+)?", stamp):
            return [skipped("the PBX does not tell its time")]
        here = datetime.fromtimestamp((sent + back) / 2, UTC).timestamp()
        found = (back - sent, float(stamp) - here)
        best = min(best or found, found)
    trip, apart = best or (0.0, 0.0)
    figures = {"apart_s": round(apart, 3), "round_trip_ms": round(trip * 1000, 2)}
    what = f"the PBX's clock is {abs(apart):.3f} s {'ahead of' if apart > 0 else 'behind'} ours"
    remedy = "let both machines follow a time server (`timedatectl set-ntp true`, chrony)"
    if abs(apart) > CLOCK_FAIL:
        return [fail(f"{what}: recordings and the PBX's call records cannot be matched by time", remedy, **figures)]
    if abs(apart) > CLOCK_WARN + trip:
        return [warn(what, remedy, **figures)]
    return [ok(what, **figures)]


async def rest(visit: Visit) -> list[Finding]:
    """Whether ARI answers, lets us in, and lets us write."""
    settings = visit.pbx.ari
    if settings is None:
        return [skipped("no [pbx.ari] is configured", "add it: with ARI the end of a call that AMI lost is noticed")]
    url, user = URL(settings.url), settings.user
    try:
        _, took = await knock(url.host or "", url.port or 80, greets=False)
    except Closed as closed:
        remedy = (
            f"{closed.remedy} In http.conf: enabled = yes, bindaddr and bindport as in url here; and enabled = yes "
        )
        remedy += "in ari.conf. `http show status` tells"
        return [_unreachable(f"ARI at {url}: {closed}", remedy)]
    access = AriAccess(settings.url, user, settings.secret.get_secret_value(), APP)
    try:
        visit.ari = await ari.connect(access, visit.told.append, events=HEARD, timeout=CONNECT_SECONDS)
    except AriRefused as error:
        return [_ari_refused(str(url), user, error)]
    except PbxGone as error:
        remedy = (
            "is this Asterisk's HTTP port (bindport in http.conf, usually 8088)? Does url begin with https where "
        )
        return [fail(f"{error}", remedy + "it must?")]
    visit.ari.listen()
    how = "over the websocket" if visit.ari.over_websocket else "over HTTP: this Asterisk is older than 20.12 or 22.2"
    return [ok(f"ARI at {url} lets {user!r} in and write; requests go {how}", connect_ms=round(took * 1000, 1))]


def _ari_refused(url: str, user: str, error: AriRefused) -> Finding:
    what = f"ARI at {url}: {error}"
    match error.status:
        case 401:
            remedy = f"is [{user}] a section of ari.conf with type = user, and its password that of [pbx.ari] here? "
            return fail(
                what,
                remedy + "password_format = plain means that it stands there as it is. Then `module "
                "reload res_ari.so`",
            )
        case 403:
            return fail(
                f"{what}: {user!r} may only read",
                f"ari.conf, [{user}]: read_only = no, then `module reload res_ari.so`. The controller subscribes and "
                "sets filters, which is writing",
            )
        case 404:
            return fail(
                what,
                "there is a web server but no ARI: ari.conf needs enabled = yes, and res_ari.so and "
                "res_http_websocket.so must be loaded; a prefix in http.conf belongs into url",
            )
    return fail(what, "look at Asterisk's log for the reason")
