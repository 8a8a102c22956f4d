"""Conformance: `--conformance` writes which requirement is proven by which test, from the marks on the tests."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
IDS = ROOT / "docs" / "requirements-ids.txt"
FAMILIES = "WYIHVFB"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", action="store_true", help="write docs/conformance.md")
    parser.addoption("--rewrite-stories", action="store_true", help="write what happens into tests/stories/*.story")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:  # noqa: ARG001
    outcome = yield
    report = outcome.get_result()
    ids = [each for mark in item.iter_markers("proves") for each in mark.args]
    pbx = "Asterisk" if "live" in item.keywords else "paper"
    # user_properties travel from the workers of pytest-xdist to the process that writes the report.
    report.user_properties += [("proves", each, pbx) for each in ids]


class Conformance:
    """Collects what each test proves, and writes both reports at the end."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not report.failed:
            return
        for name, identity, pbx in (each for each in report.user_properties if each[0] == "proves"):
            del name
            row = self.found.setdefault(identity, {"status": "proven", "tests": [], "pbx": []})
            if report.nodeid not in row["tests"]:
                row["tests"].append(report.nodeid)
            if report.failed:
                row["status"] = "failing"
            elif report.passed and pbx not in row["pbx"]:
                row["pbx"].append(pbx)

    def pytest_sessionfinish(self) -> None:
        known = IDS.read_text().split()
        rows = {each: self.found.get(each, {"status": "open", "tests": [], "pbx": []}) for each in known}
        for each in rows.values():
            if each["tests"] and not each["pbx"] and each["status"] == "proven":
                each["status"] = "open"  # every test of it was skipped
        strange = sorted(set(self.found) - set(known))
        if strange:
            raise pytest.UsageError(f"tests prove ids that no requirement has: {', '.join(strange)}")
        (ROOT / "build").mkdir(exist_ok=True)
        (ROOT / "build" / "conformance.json").write_text(json.dumps(rows, indent=1) + "\n")
        (ROOT / "docs" / "conformance.md").write_text(_page(rows))


def _page(rows: dict[str, dict[str, Any]]) -> str:
    lines = [
        "# Conformance",
        "",
        "Made by `make conformance` from the marks on the tests; do not edit. What touches a call counts as proven",
        "only by a live test on a real PBX.",
        "",
        "| family | proven | failing | open |",
        "|---|--:|--:|--:|",
    ]
    for family in FAMILIES:
        count = Counter(row["status"] for each, row in rows.items() if each.startswith(f"{family}-"))
        lines.append(f"| {family} | {count['proven']} | {count['failing']} | {count['open']} |")
    lines += ["", "| id | status | PBX | tests |", "|---|---|---|---|"]
    for each, row in rows.items():
        tests = ", ".join(re.sub(r"^.*::test_", "", test).replace("_", " ") for test in sorted(row["tests"]))
        lines.append(f"| {each} | {row['status']} | {', '.join(sorted(row['pbx']))} | {tests} |")
    return "\n".join(lines) + "\n"


def pytest_configure(config: pytest.Config) -> None:
    # A shell without job control starts what is put in the background deaf to Ctrl-C; our children would inherit it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--conformance") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Conformance(), "conformance")
