"""The web server: one application, one literal table of what can be asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from controller.web import health, metrics
from controller.web.watched import WATCHED, Watched

log = structlog.get_logger("web")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTES: Mapping[str, Handler] = {
    "/healthz": health.healthz,
    "/readyz": health.readyz,
    "/metrics": metrics.metrics,
}
"""GET each of these. Whoever adds another one adds a line."""


def application(watched: Watched, more: Mapping[str, Handler] | None = None) -> web.Application:
    """Everything in ROUTES, and `more` of the same kind. Nothing here changes anything."""
    made = web.Application(client_max_size=16 * 1024, middlewares=[_plain])
    made[WATCHED] = watched
    for path, handler in {**ROUTES, **(more or {})}.items():
        made.router.add_get(path, handler)
    return made


@dataclass(slots=True)
class WebServer:
    """Serves the application until cancelled."""

    application: web.Application
    host: str
    port: int
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Listen. Raises OSError where the address is taken or not ours."""
        runner = web.AppRunner(self.application, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port, backlog=64)
            await site.start()
            addresses = runner.addresses
            self.port = addresses[0][1] if addresses else self.port
            self.ready.set()
            log.info("serving health and figures", address=f"http://{self.host}:{self.port}")
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


@web.middleware
async def _plain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A fault of ours is one line for the asker and a trace in the log; browsers are to guess nothing."""
    try:
        response = await handler(request)
    except web.HTTPException:
        raise
    except Exception:
        log.exception("a request failed", path=request.path)
        response = web.json_response({"error": "a fault of the controller; see its log"}, status=500)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
