"""`python -m controller.demo PART`: one part of the demo by itself, as its containers run it."""

from __future__ import annotations

import asyncio
import sys

from controller.demo.office import TROUBLE
from controller.demo.parts import PARTS
from controller.lab import LabNotSetUp


def main(arguments: list[str]) -> int:
    """Exit status: the part's own; 1: it cannot begin; 2: wrong use."""
    if len(arguments) != 1 or arguments[0] not in PARTS:
        print(f"usage: python -m controller.demo {'|'.join(PARTS)}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(PARTS[arguments[0]]())
    except (LabNotSetUp, *TROUBLE) as error:
        print(f"{arguments[0]}: {error or type(error).__name__}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
