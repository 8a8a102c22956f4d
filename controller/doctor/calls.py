"""Checks of what happens to calls: queue members behind local channels, and recorders that are not ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from controller.doctor.finding import Finding, ok, skipped, warn
from controller.doctor.visit import Visit
from controller.pbx.asterisk import mixmonitor
from controller.pbx.asterisk.filters import VARIABLE
from controller.pbx.driver import PbxRefused

MOST_CHANNELS = 500
ANYBODY = "MIXMONITOR_FILENAME"
"""MixMonitor sets it on the channel that it records, whoever started it; the last one wins."""


async def local_channels(visit: Visit) -> list[Finding]:
    """Whether queues call their members by local channels, and whether those stay in the call."""
    members = [one for one in await visit.items("QueueStatus") if one.event == "QueueMember"]
    local = [one for one in members if one.get("Location").startswith("Local/")]
    pinned = [
        one for one in local if "n" in one.get("Location").rpartition("/")[2] and _has_options(one.get("Location"))
    ]
    figures = {"members": len(members), "local": len(local), "pinned": len(pinned)}
    if pinned:
        names = ", ".join(f"{one.get('Location')} in {one.get('Queue')}" for one in pinned[:5])
        return [
            warn(
                f"{len(pinned)} of {len(members)} queue members are local channels that stay in the call: {names}. "
                "Each such call carries two channels more to its end",
                "queues.conf: member => PJSIP/110 in place of Local/110@…/n; or without /n, so that they are "
                "optimised away once answered. Recordings are whole either way",
                **figures,
            )
        ]
    if local:
        return [
            ok(f"{len(local)} of {len(members)} queue members are local channels that are optimised away", **figures)
        ]
    return [ok(f"no queue member is a local channel ({len(members)} members)", **figures)]


def _has_options(location: str) -> bool:
    return "/" in location.removeprefix("Local/")


async def others(visit: Visit) -> list[Finding]:
    """Whether somebody else records calls that are up now, such as FreePBX or the dialplan."""
    statuses = await visit.items("Status", Variables=f"{ANYBODY},{mixmonitor.variables(())}")
    if not statuses:
        return [skipped("no call is up now, so nobody can be seen recording", "ask again while people talk")]
    deeper = "Command" in await visit.actions()
    strange = {}
    for status in statuses[:MOST_CHANNELS]:
        said = dict(line.partition("=")[::2] for line in status.all("Variable"))
        files = {said.get(ANYBODY, "")} - {"", "(null)"}
        if deeper:
            files |= await _listed(visit, status.get("Uniqueid"))
        for file in sorted(files - _ours(visit, said)):
            strange[status.get("Channel")] = file
    if not strange:
        return [ok(f"on {len(statuses)} channels that are up nobody else records", channels=len(statuses))]
    channel, file = next(iter(strange.items()))
    return [
        warn(
            f"{len(strange)} of {len(statuses)} channels are recorded by somebody else too: {channel} into {file}",
            "those recordings follow no rule and no pause of ours. FreePBX: set Call Recording to Don't Care or "
            "Never for extensions, trunks, queues; elsewhere look for MixMonitor in the dialplan and monitor-type in "
            "queues.conf",
            channels=list(strange),
        )
    ]


def _ours(visit: Visit, said: Mapping[str, str]) -> set[str]:
    """The files that our variables on a channel speak of, with and without their ending (the list has none)."""
    stems = {said.get(f"{VARIABLE}{room}", "") for room in ("", "_ROOM")}
    folders = [each.rstrip("/") for each in (visit.pbx.monitor_dir, visit.pbx.provisional_dir) if each]
    paths = {f"{folder}/{stem}" for folder in folders for stem in stems}
    return paths | {f"{path}.{visit.pbx.format}" for path in paths}


async def _listed(visit: Visit, uniqueid: str) -> set[str]:
    """Files of all recorders on a channel: the variable tells only of the newest. Needs class command."""
    try:
        said = await visit.act("Command", Command=f"mixmonitor list {uniqueid}")
    except PbxRefused:
        return set()
    rows = [line.split() for line in "\n".join(said.all("Output")).splitlines()]
    return {row[1] for row in rows if len(row) > 1 and row[0].startswith("0x")}


async def lag(visit: Visit) -> list[Finding]:
    """How quickly the PBX answers: an order that waits is speech that is missing."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        await visit.act("Ping")
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    worst, middle = max(times) * 1000, sorted(times)[len(times) // 2] * 1000
    figures = {"middle_ms": round(middle, 2), "worst_ms": round(worst, 2)}
    if middle > 20:
        return [
            warn(
                f"an answer takes {middle:.1f} ms (worst {worst:.0f} ms): so much is missing at each start",
                "run the controller on the PBX or near it; is the PBX overloaded?",
                **figures,
            )
        ]
    return [ok(f"answers take {middle:.2f} ms, the slowest {worst:.1f} ms", **figures)]
