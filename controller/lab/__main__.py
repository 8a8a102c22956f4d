"""`python -m controller.lab setup`: gets the private Asterisk and the phones, shows progress, says what it did."""

from __future__ import annotations

import sys
import time

from controller.lab import kamailio, software, sound_card
from controller.lab.programs import LabNotSetUp


def main(arguments: list[str]) -> int:
    """Exit status 0: all there; 1: something is missing, said on stderr; 2: wrong use."""
    if arguments not in ([], ["setup"]):
        print("usage: python -m controller.lab [setup]", file=sys.stderr)
        return 2
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {line}", flush=True)

    try:
        software.phones(say)
        pbx = software.install(say)
    except LabNotSetUp as trouble:
        print(f"The lab is not set up: {trouble}", file=sys.stderr)
        return 1
    try:
        sound_card.ensure(say)
    except LabNotSetUp as trouble:
        say(f"no virtual sound card, so the tests of `onrecord listen` will be skipped: {trouble}")
    try:
        kamailio.ensure(say)
    except LabNotSetUp as trouble:
        say(f"no Kamailio, so the tests of keys behind a proxy will be skipped: {trouble}")
    say(f"lab ready: Asterisk {pbx.version} ({pbx.program}{'' if str(pbx.root) == '/' else f' in {pbx.root}'})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
