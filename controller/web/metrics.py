"""The controller's figures in the form that Prometheus reads: counted when asked for, and never a caller's number."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from controller.core.recording import State
from controller.core.wanted import wanted
from controller.pipeline.space import RAW_BYTES, space
from controller.watch.selftested import read as selftests
from controller.web.watched import WATCHED, Watched


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    watched = request.app[WATCHED]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(list(_figures(watched))))
    registry.register(_Figures(await asyncio.to_thread(lambda: list(_space(watched)))))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Figures(Collector):
    """Metrics that were gathered in the event loop: no other thread looks at the engine."""

    def __init__(self, figures: list[Metric]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        yield from self._figures


def _figures(watched: Watched) -> Iterator[Metric]:
    yield from _recorders(watched)
    yield from _traffic(watched)
    yield from _oddities(watched)
    yield from _work(watched)


def _recorders(watched: Watched) -> Iterator[Metric]:
    sessions = list(watched.engine.sessions.values())
    recordings = [(each, each.recording) for each in sessions if each.recording is not None]
    numbers = {
        "wanted": sum(wanted(each, watched.engine.policy) is not State.OFF for each in sessions),
        "on": sum(one.state is State.ON for _, one in recordings),
        "paused": sum(one.state is State.PAUSED for _, one in recordings),
        "under_way": sum(one.asked is not None for _, one in recordings),
        "failed": sum(one.given_up or one.unpausable or one.stuck for _, one in recordings),
    }
    yield GaugeMetricFamily("onrecord_calls", "Live calls that are known.", value=len(sessions))
    family = GaugeMetricFamily("onrecord_recorders", "Recorders of live calls.", labels=["state"])
    for state, number in numbers.items():
        family.add_metric([state], number)
    yield family
    latency = watched.meter.latency
    yield HistogramMetricFamily(
        "onrecord_start_latency_seconds",
        "From the event that made a recording wanted to the PBX's confirmation that it runs.",
        buckets=latency.buckets(),
        sum_value=latency.total,
    )


def _traffic(watched: Watched) -> Iterator[Metric]:
    engine, meter = watched.engine, watched.meter
    yield CounterMetricFamily("onrecord_events", "Events taken.", value=engine.tally.events)
    yield CounterMetricFamily("onrecord_unknown_events", "Events of calls unknown.", value=engine.tally.unknown)
    yield CounterMetricFamily("onrecord_commands", "Commands to recorders.", value=engine.tally.commands)
    yield CounterMetricFamily(
        "onrecord_hidden_calls", "Calls with a helpline: counted only.", value=engine.tally.hidden
    )
    yield GaugeMetricFamily("onrecord_events_behind", "Events heard and not yet taken.", value=engine.behind)
    yield GaugeMetricFamily("onrecord_loop_lag_seconds", "How late the event loop was last.", value=meter.lag)
    up = GaugeMetricFamily("onrecord_pbx_up", "Whether the PBX is connected.", labels=["pbx"])
    for name, why in engine.links.items():
        up.add_metric([name], not why)
    yield up
    for field, text in (
        ("events", "Messages heard from the PBX."),
        ("malformed", "Messages that could not be read."),
        ("dropped", "Messages lost in our own queues."),
        ("refused", "Commands that failed."),
        ("reconnects", "Times the link was lost."),
    ):
        family = CounterMetricFamily(f"onrecord_pbx_{field}", text, labels=["pbx"])
        for name, driver in engine.drivers.items():
            family.add_metric([name], getattr(driver.counters, field))
        yield family


def _oddities(watched: Watched) -> Iterator[Metric]:
    if watched.oddities is None:
        return
    strange = CounterMetricFamily(
        "onrecord_strange", "What came in and made no sense, or was not allowed.", labels=["source", "what"]
    )
    for source, what, number in watched.oddities.counted():
        strange.add_metric([source, what], number)
    yield strange
    refused = CounterMetricFamily("onrecord_presses_refused", "Presses at phones that were refused.", labels=["key"])
    for key, number in watched.oddities.refused.items():
        refused.add_metric([key], number)
    yield refused


def _work(watched: Watched) -> Iterator[Metric]:
    settled = CounterMetricFamily("onrecord_recordings", "Recordings by what became of them.", labels=["status"])
    for status, number in watched.meter.settled.items():
        settled.add_metric([status], number)
    yield settled
    yield GaugeMetricFamily("onrecord_jobs", "Recordings being worked on.", value=watched.jobs())
    yield GaugeMetricFamily("onrecord_alarms_active", "Alarms that stand now.", value=len(watched.alarms.active()))
    raised = CounterMetricFamily("onrecord_alarms", "Alarms by kind, repetitions included.", labels=["kind"])
    for kind, number in watched.alarms.by_kind.items():
        raised.add_metric([kind], number)
    yield raised
    yield CounterMetricFamily("onrecord_journal_failed", "Writes refused.", value=watched.engine.journal.failed)


def _space(watched: Watched) -> Iterator[Metric]:
    """Blocks on a network folder that hangs: for another thread."""
    free = GaugeMetricFamily("onrecord_space_free_bytes", "Room left for recordings.", labels=["folder"])
    hours = GaugeMetricFamily("onrecord_space_hours", "Hours of one call that still fit.", labels=["folder"])
    for name, folder in watched.folders.items():
        try:
            found = space(folder)
        except OSError:
            continue
        free.add_metric([name], found.free)
        hours.add_metric([name], found.hours(RAW_BYTES if name.startswith("monitor") else 2 * 16_000))
    yield free
    yield hours
    journal = watched.folders.get("journal")
    passed = GaugeMetricFamily(
        "onrecord_selftest_passed_timestamp_seconds", "When the self-test last passed; 0: never.", labels=["pbx"]
    )
    well = GaugeMetricFamily("onrecord_selftest_well", "Whether the last self-test passed.", labels=["pbx"])
    for name, one in (selftests(journal) if journal is not None else {}).items():
        passed.add_metric([name], one.passed_at)
        well.add_metric([name], one.passed)
    yield passed
    yield well
