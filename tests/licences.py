"""Fails when a package that OnRecord installs, by default or by an extra, is under the GPL."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, requires

ALLOWED = re.compile(r"LGPL|Lesser", re.IGNORECASE)


def wanted() -> set[str]:
    """The names of all packages that the distribution pulls in, extras included."""
    found: set[str] = set()
    queue = ["onrecord"]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue
        ours = name == "onrecord"
        queue += [
            re.split(r"[\s;<>=!~\[(]", need, maxsplit=1)[0].lower()
            for need in needs
            if ours or "extra ==" not in need
        ]
    return found - {"onrecord"}


def is_gpl(name: str) -> bool:
    try:
        meta = distribution(name).metadata
    except PackageNotFoundError:
        return False
    words = [meta.get("License-Expression", ""), *meta.get_all("Classifier", [])]
    return any("GPL" in word and not ALLOWED.search(word) for word in words if word)


if __name__ == "__main__":
    bad = sorted(filter(is_gpl, wanted()))
    print(f"licences: {len(wanted())} packages, " + (f"GPL: {', '.join(bad)}" if bad else "none under the GPL"))
    sys.exit(bool(bad))
