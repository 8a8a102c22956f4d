"""The controller's log is one thing: what libraries and our own wire clients tell Python's logging is in it too."""

from __future__ import annotations

import json
import subprocess
import sys

TELLING = """
import asyncio, logging, structlog
from controller import logs
from controller.config.machinery import Log
logs.set_up(Log(json_lines={json_lines}, level="info"))
structlog.get_logger("app").info("ours")
logging.getLogger("controller.pbx.asterisk.link").warning("link down: %s", "gone")
logging.getLogger("aiohttp.web").info("chatter")
logging.getLogger("asyncio").error("of a library")
try:
    raise ValueError("broken")
except ValueError:
    logging.getLogger("controller.pbx.asterisk.link").exception("our handler failed")
"""


def told(json_lines: bool) -> list[str]:
    program = TELLING.format(json_lines=json_lines)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stderr.splitlines()


def test_every_line_of_a_json_log_is_json_whoever_wrote_it() -> None:
    lines = [json.loads(line) for line in told(json_lines=True)]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("ours", "info"),
        ("link down: gone", "warning"),
        ("of a library", "error"),
        ("our handler failed", "error"),
    ]
    assert all("timestamp" in line for line in lines)
    assert "ValueError: broken" in lines[-1]["exception"]


def test_a_readable_log_says_when_and_how_bad_for_libraries_too() -> None:
    (line,) = [line for line in told(json_lines=False) if "of a library" in line]
    assert "[error" in line
    assert line.startswith("20")
