"""`python -m hardware.phones docs/phones` writes the pages of all families anew."""

from __future__ import annotations

import sys
from pathlib import Path

from hardware import phones
from hardware.phones import pages


def main(folder: Path) -> None:
    families = phones.load()
    for family in families.values():
        (folder / f"{family.id}.md").write_text(pages.page(family), "utf-8")
    (folder / "README.md").write_text(pages.index(families), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
