"""The call itself, by ARI alone: no class originate for the manager user, no line of dialplan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from controller.config.machinery import Pbx
from controller.pbx.asterisk import ari
from controller.pbx.asterisk.ari import Ari, AriAccess, AriRefused
from controller.pbx.driver import PbxGone, PbxRefused
from controller.selftest.phone import End

APP = "onrecord-selftest"
"""Never the controller's own application: that would take its place."""
CALLER = "OnRecord self-test"
ANSWER_SECONDS = 6.0
JOIN_SECONDS = 2.0
NOT_YET = (409, 422)
"""A channel is in our application a moment after its answer; till then this is what ARI says."""
GATE = "onrecord-selftest"
"""The context of dialplan/asterisk/onrecord_gate.conf that leads both ends through the gate and back to us."""
STASIS = 2
"""The priority behind the gate, in that context."""
GATE_SECONDS = 40.0
QUIET = 0.5
"""Seconds of silence after a prompt, before the key that agrees is pressed."""
AGREES = "1"


class NotAnswered(Exception):
    """The PBX could not call one of our ends; the text says which."""


@asynccontextmanager
async def connected(pbx: Pbx) -> AsyncIterator[Ari]:
    """ARI with an application of our own. Raises PbxRefused, PbxGone; ValueError without [pbx.ari]."""
    if pbx.ari is None:
        raise ValueError("no [pbx.ari]")
    access = AriAccess(pbx.ari.url, pbx.ari.user, pbx.ari.secret.get_secret_value(), APP)
    found = await ari.connect(access, lambda _event: None, events=("StasisStart",))
    try:
        yield found
    finally:
        await found.close()


@asynccontextmanager
async def called(ari_: Ari, endpoint: str, end: End, with_: str = "") -> AsyncIterator[str]:
    """A channel to one of our ends, answered; its id. Raises PbxRefused, PbxGone, NotAnswered."""
    query = {"endpoint": f"PJSIP/{endpoint}/{end.uri}", "app": APP, "callerId": f'"{CALLER}" <{endpoint}>'}
    query |= {"timeout": "5", "originator": with_} if with_ else {"timeout": "5"}
    identity = str((await ari_.request("POST", "channels", query=query))["id"])
    try:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not end.answered:
            if time.monotonic() > deadline:
                raise NotAnswered(f"no INVITE that can be answered came to {end.uri} within {ANSWER_SECONDS:g} s")
            await asyncio.sleep(0.02)
        yield identity
    finally:
        with suppress(PbxRefused, PbxGone):
            await ari_.request("DELETE", "channels", identity)


async def passed(ari_: Ari, channel: str, end: End, side: str) -> float | None:
    """Lead a channel through the gate, as `caller` or `callee`, till it is back here: the seconds that this took.

    None where the dialplan has no such context. Raises NotAnswered where the gate ended the call, or kept it.
    """
    query = {"variable": f"DIALPLAN_EXISTS({GATE},{side},1)"}
    if (await _when_ours(ari_, "GET", "channels", channel, "variable", query=query))["value"] != "1":
        return None
    began = time.monotonic()
    way = {"context": GATE, "extension": side, "priority": "1"}
    await _when_ours(ari_, "POST", "channels", channel, "continue", query=way)
    while time.monotonic() < began + GATE_SECONDS:
        try:
            place = (await ari_.request("GET", "channels", channel))["dialplan"]
        except AriRefused as error:
            raise NotAnswered(f"the gate ended the call of the {side}") from error
        if (place["context"], place["priority"]) == (GATE, STASIS):
            return time.monotonic() - began
        if end.was_asked(QUIET):
            end.press(AGREES)
        await asyncio.sleep(0.005)
    raise NotAnswered(f"the gate let the {side} not go within {GATE_SECONDS:g} s")


@asynccontextmanager
async def joined(ari_: Ari, *channels: str) -> AsyncIterator[None]:
    """The channels in one bridge. Raises PbxRefused, PbxGone."""
    bridge = str((await ari_.request("POST", "bridges", query={"type": "mixing"}))["id"])
    try:
        for channel in channels:
            await _join(ari_, bridge, channel)
        yield
    finally:
        with suppress(PbxRefused, PbxGone):
            await ari_.request("DELETE", "bridges", bridge)


async def _join(ari_: Ari, bridge: str, channel: str) -> None:
    await _when_ours(ari_, "POST", "bridges", bridge, "addChannel", query={"channel": channel})


async def _when_ours(ari_: Ari, method: str, *path: str, query: dict[str, str]) -> Any:
    """Ask for something that takes a channel in our application, as soon as it is there."""
    deadline = time.monotonic() + JOIN_SECONDS
    while True:
        try:
            return await ari_.request(method, *path, query=query)
        except AriRefused as error:
            if error.status not in NOT_YET or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.01)
