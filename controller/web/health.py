"""Whether the controller lives, and whether it can do its work: for systemd, load balancers and people."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from controller.web.watched import WATCHED, Watched

HINDERING = ("journal", "catalogue", "monitor", "provisional", "spool", "store", "disk", "space-full")
"""Kinds of alarms with which a recording could be lost, or could not be kept."""


async def healthz(request: web.Request) -> web.Response:
    """200 as long as the event loop turns: whoever gets no answer should restart us."""
    watched = request.app[WATCHED]
    return web.json_response({"status": "alive", "seconds": round(time.time() - watched.started_at, 1)})


async def readyz(request: web.Request) -> web.Response:
    """200 where every PBX is connected and nothing hinders a recording; else 503, with the reasons and remedies."""
    reasons = hindrances(request.app[WATCHED])
    status = "ready" if not reasons else "not ready"
    return web.json_response({"status": status, "reasons": reasons}, status=200 if not reasons else 503)


def hindrances(watched: Watched) -> list[dict[str, Any]]:
    """What keeps us from recording as policy wants it."""
    links = [
        {
            "about": name,
            "what": f"PBX {name} is not connected: {why}",
            "remedy": "see that it runs and can be reached",
        }
        for name, why in watched.engine.links.items()
        if why
    ]
    alarms = [
        {"about": each.about, "what": each.what, "remedy": each.remedy}
        for each in watched.alarms.active()
        if each.key.partition(" ")[0] in HINDERING
    ]
    return links + alarms
