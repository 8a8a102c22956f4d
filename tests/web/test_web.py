"""Health and figures over HTTP, from an engine on a PBX made of paper."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from controller.core.commands import Start
from controller.core.events import Asked, AskedBy
from controller.watch.meter import BOUNDS, Meter
from controller.watch.oddities import Oddities
from controller.watch.selftested import Outcome, write
from controller.web.server import ROUTES, WebServer, application
from controller.web.watched import Watched
from hardware.keys import Key
from tests.engine.test_engine import Desk, desk, talking
from tests.playbook import Scene


class Site:
    """A served application and a client for it."""

    def __init__(self, at: Desk, server: WebServer, client: aiohttp.ClientSession) -> None:
        self.at, self._server, self._client = at, server, client

    async def get(self, path: str) -> tuple[int, str]:
        async with self._client.get(f"http://127.0.0.1:{self._server.port}{path}") as answer:
            return answer.status, await answer.text()

    async def figures(self) -> dict[tuple[str, ...], float]:
        """Name and label values of each sample -> value."""
        status, text = await self.get("/metrics")
        assert status == 200
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    async with desk(folder) as at:
        meter = Meter()
        at.engine.watchers.add(meter.heard)
        odd = Oddities(at.engine, {"hep": {"refused: not HEP": 2}})
        watched = Watched(
            at.engine, at.engine.alarms, meter, lambda: 3, {"spool": folder, "journal": folder}, 0.0, odd
        )

        async def broken(_request: web.Request) -> web.StreamResponse:
            raise RuntimeError("a secret of the program")

        server = WebServer(application(watched, {"/broken": broken}), "127.0.0.1", 0)
        task = asyncio.create_task(server.run())
        await server.ready.wait()
        async with aiohttp.ClientSession() as client:
            yield Site(at, server, client)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_alive_and_ready_while_every_pbx_is_connected(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        assert (await here.get("/healthz"))[0] == 200
        assert (await here.get("/readyz"))[0] == 200


async def test_a_lost_pbx_is_named_with_a_remedy_and_it_still_lives(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.at.paper.disconnect("the cable is out")
        status, text = await here.get("/readyz")
        assert status == 503
        assert "the cable is out" in text
        assert "remedy" in text
        assert (await here.get("/healthz"))[0] == 200
        here.at.paper.connect()
        assert (await here.get("/readyz"))[0] == 200


async def test_what_hinders_recordings_is_not_ready_and_a_single_failed_call_is_no_hindrance(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        alarms = here.at.engine.alarms
        alarms.on("recorder", "main/1.1", "a file does not grow", "see the log")
        assert (await here.get("/readyz"))[0] == 200
        alarms.on("space-full", "/spool", "the disk is full", "free space")
        status, text = await here.get("/readyz")
        assert (status, "free space" in text) == (503, True)
        alarms.off("space-full", "/spool")
        assert (await here.get("/readyz"))[0] == 200


@pytest.mark.proves("F-162")
async def test_the_figures_count_recorders_links_events_room_and_alarms(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        before = await here.figures()
        assert before["onrecord_recorders", "on"] == 0
        here.at.say(*talking(Scene()))
        await here.at.rest()
        here.at.engine.alarms.on("space", "/", "fills up", "free space")
        now = await here.figures()
        assert now["onrecord_calls",] == 1
        assert now["onrecord_recorders", "wanted"] == now["onrecord_recorders", "on"] == 1
        assert now["onrecord_recorders", "failed"] == 0
        assert now["onrecord_events_total",] == here.at.engine.tally.events > before["onrecord_events_total",]
        assert now["onrecord_events_behind",] == 0
        assert now["onrecord_pbx_up", "main"] == 1
        assert now["onrecord_jobs",] == 3
        assert now["onrecord_alarms_active",] == 1
        assert now["onrecord_alarms_total", "space"] == 1
        assert now["onrecord_space_free_bytes", "spool"] > 0
        here.at.paper.disconnect("gone")
        assert (await here.figures())["onrecord_pbx_up", "main"] == 0


@pytest.mark.proves("F-164")
async def test_the_time_from_wanted_to_confirmed_is_a_histogram(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.at.paper.refusals[Start] = 1
        here.at.say(*talking(Scene()))
        await asyncio.sleep(0.4)  # the second attempt is confirmed
        now = await here.figures()
        assert now["onrecord_start_latency_seconds_count",] == 1
        assert now["onrecord_start_latency_seconds_bucket", "+Inf"] == 1
        counts = [now["onrecord_start_latency_seconds_bucket", str(bound)] for bound in BOUNDS]
        assert counts == sorted(counts)


async def test_no_number_name_or_call_is_in_the_figures(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.at.say(*talking(Scene(), dialled="0301234567"))
        await here.at.rest()
        for path in ROUTES:
            assert "0301234567" not in (await here.get(path))[1]
            assert "main/1.1" not in (await here.get(path))[1]


async def test_a_fault_of_ours_tells_the_asker_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        status, text = await here.get("/broken")
        assert status == 500
        assert "secret" not in text
        assert (await here.get("/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/", 404), ("/../etc/passwd", 404), ("/metrics/%00", 404), ("/x" * 5000, 400)]
)
async def test_what_is_not_there_is_not_found(tmp_path: Path, path: str, status: int) -> None:
    async with site(tmp_path) as here:
        assert (await here.get(path))[0] == status


async def test_nothing_can_be_changed_from_here(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for method in ("POST", "PUT", "DELETE"):
            url = f"http://127.0.0.1:{here._server.port}/readyz"
            async with here._client.request(method, url, data=b"x" * 100_000) as answer:
                assert answer.status == 405


async def test_how_the_last_self_test_ended_is_a_figure(tmp_path: Path) -> None:
    write(tmp_path, {"main": Outcome(2000.0, False, 1000.0, "sides", "deaf", "renew")})
    async with site(tmp_path) as served:
        figures = await served.figures()
    assert figures["onrecord_selftest_passed_timestamp_seconds", "main"] == 1000.0
    assert figures["onrecord_selftest_well", "main"] == 0


async def test_strange_input_and_presses_that_were_refused_are_counted_by_their_reasons(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        scene = Scene()
        here.at.say(*talking(scene))
        await here.at.rest()
        here.at.paper.counters.odd["a line that is none"] = 3
        legs = [leg for session in here.at.engine.sessions.values() for leg in session.call.legs]
        (call,) = here.at.engine.sessions
        await here.at.engine.ask(Asked(call, time.time(), "record key", Key.STOP, AskedBy.LEG, legs[0]))
        figures = await here.figures()
    assert figures["onrecord_strange_total", "hep", "refused: not HEP"] == 2
    assert figures["onrecord_strange_total", "pbx main", "a line that is none"] == 3
    assert figures["onrecord_presses_refused_total", "stop"] == 1  # the rule is always-with-pause
