"""How `onrecord doctor` shows what it found, and the code with which it ends."""

from __future__ import annotations

import pytest

from controller.cli.doctor import ending, show
from controller.doctor import Finding, Status

OK = Finding(Status.OK, "well", check="version", where="main")
WARNED = Finding(Status.WARN, "hm", "mend it", check="door", where="main")
FAILED = Finding(Status.FAIL, "[bold]markup[/] of [pbx.ami] stays text", "in [pbx.ari]", check="ari", where="main")
GONE = Finding(Status.FAIL, "nobody answers", "plug it in", check="ami", where="branch", unreachable=True)


@pytest.mark.parametrize(
    ("findings", "code"),
    [([], 0), ([OK], 0), ([OK, WARNED], 0), ([OK, WARNED, FAILED], 1), ([FAILED, GONE], 3), ([GONE], 3)],
)
def test_the_code_tells_well_from_failed_and_from_unreachable(findings: list[Finding], code: int) -> None:
    assert ending(findings) == code


def test_each_finding_is_one_line_with_its_remedy_below_and_texts_are_no_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([OK, WARNED, FAILED, GONE])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "main",
        "ok   version        well",
        "warn door           hm",
        "→ mend it",
        "FAIL ari            [bold]markup[/] of [pbx.ami] stays text",
        "→ in [pbx.ari]",
        "branch",
        "FAIL ami            nobody answers",
        "→ plug it in",
        "1 ok, 1 warn, 2 fail",
    ]
