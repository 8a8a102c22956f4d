"""`make bench`: every benchmark of the controller in turn, with progress; the ratios go to build/benchmarks.json.

python benchmarks/everything.py [NAME …]      all, or those named: core policy wire memory load start_latency sealing
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.running import machine

HERE = Path(__file__).parent
REPORT = Path("build/benchmarks.json")
NAMES = ("core", "policy", "wire", "memory", "load", "start_latency", "sealing")
"""Without the DTMF detector's, which needs its rivals installed: see benchmarks/dtmf.py."""


def run(name: str, figures: Path) -> Any:
    """Its figures; None where it failed, with its own words on the screen."""
    figures.unlink(missing_ok=True)
    options = ["--json", str(figures)]
    command = [sys.executable, str(HERE / f"{name}.py"), *options]
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False)  # noqa: S603 our own files
    if done.returncode or not figures.exists():
        return None
    return json.loads(figures.read_text())


def main(names: list[str]) -> int:
    wrong = [name for name in names if name not in NAMES]
    if wrong:
        print(f"there is no benchmark {wrong[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    REPORT.parent.mkdir(exist_ok=True)
    report = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    failed = []
    for number, name in enumerate(names or NAMES, 1):
        print(f"[{number}/{len(names or NAMES)}] {name}", flush=True)
        began = time.monotonic()
        figures = run(name, REPORT.with_name(f"bench-{name}.json"))
        print(f"    {time.monotonic() - began:.0f} s{'' if figures else ', FAILED'}", flush=True)
        if figures is None:
            failed.append(name)
            continue
        report[name] = {"at": time.strftime("%Y-%m-%d"), "machine": machine(), "figures": figures}
        REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(f"ratios: {REPORT}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
