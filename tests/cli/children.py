"""Commands as processes of their own: what they say where, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ONRECORD = (sys.executable, "-c", "from controller.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of stdout, which must be one JSON text."""
        return json.loads(self.out)


def onrecord(*words: str | Path) -> Ended:
    """Run one command to its end. A traceback is never an answer."""
    done = subprocess.run(  # noqa: S603
        [*ONRECORD, *map(str, words)], capture_output=True, timeout=60, check=False
    )
    ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ended.err, ended.err
    return ended


def onrecord_at_a_terminal(*words: str | Path) -> Ended:
    """The same with a terminal as stderr: somebody is looking."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(  # noqa: S603
        [*ONRECORD, *map(str, words)], stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = bytearray()
        try:
            while data := os.read(ours, 65536):
                seen += data
        except OSError:
            pass  # how a terminal says that nobody is at its other end any more
        os.close(ours)
        out, _ = process.communicate(timeout=60)
    return Ended(process.returncode, out.decode(), seen.decode())
