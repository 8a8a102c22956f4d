"""The ledger of a job: what was done with it so far, beside its files."""

from __future__ import annotations

import json
from typing import Any

from controller import disk
from controller.spool import LEDGER, Job


def read(job: Job) -> dict[str, Any]:
    """What was done, by name of the step; {} where it cannot be read: then all of it is done again."""
    try:
        row = json.loads((job.folder / LEDGER).read_bytes())
        return dict(row)
    except (OSError, ValueError, TypeError):
        return {}


def write(job: Job, done: dict[str, Any]) -> None:
    disk.write(job.folder / LEDGER, json.dumps(done).encode())
