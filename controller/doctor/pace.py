"""Check of how long the store's disk lasts at the pace of the last days, by the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from controller.catalogue.database import NoCatalogue, read_catalogue
from controller.catalogue.entries import Status as Kept
from controller.catalogue.tables import recordings
from controller.config.load import Config
from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.pipeline.space import space

LOOK_BACK = timedelta(days=7)
LEAST = timedelta(hours=6)
"""Less than that is no pace: the first call of a new installation would fill any disk within a week."""
DAYS_WARN, DAYS_FAIL = 30.0, 2.0


async def pace(config: Config) -> list[Finding]:
    """In how many days the disk is full, if it goes on as in the last seven. Nothing that is deleted is counted."""
    if not config.catalogue.file.exists():
        return [skipped("there is no catalogue yet, so nothing tells how much is recorded")]
    now = datetime.now(UTC)
    try:
        size, since = await _recorded(config, now - LOOK_BACK)
    except NoCatalogue as error:
        remedy = "run it as the controller's user; `onrecord check` says whether recordings are whole"
        return [fail(f"the catalogue cannot be read: {error}", remedy)]
    if since is None or not size or now - since < LEAST:
        return [skipped(f"too little was recorded in the last {LOOK_BACK.days} days to tell a pace")]
    daily = size / ((now - since) / timedelta(days=1))
    days = space(config.store.folder).free / daily
    what = f"{daily / 2**30:.2f} GiB a day are kept: the store's disk lasts {days:,.0f} days more"
    figures = {"bytes_a_day": round(daily), "days": round(days, 1)}
    remedy = f"make room on the disk of {config.store.folder}, or keep recordings for a shorter time"
    if days < DAYS_FAIL:
        return [fail(what, remedy, **figures)]
    return [warn(what, remedy, **figures) if days < DAYS_WARN else ok(what, **figures)]


async def _recorded(config: Config, since: datetime) -> tuple[int, datetime | None]:
    """Bytes that were kept since then, and when the first of them began. Raises NoCatalogue."""
    wanted = select(func.coalesce(func.sum(recordings.c.size), 0), func.min(recordings.c.began_at)).where(
        recordings.c.status == Kept.KEPT.value, recordings.c.began_at >= since
    )
    catalogue = await read_catalogue(config.catalogue.file)
    try:
        async with catalogue.reading() as connection:
            size, first = (await connection.execute(wanted)).one()
    finally:
        await catalogue.close()
    return int(size), first
