"""Reads where this machine gets its Debian packages from, so that the repository names no host of its own (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")


@dataclass(frozen=True, slots=True)
class Source:
    """One archive that apt uses."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def one_line(text: str) -> Iterator[Source]:
    """Entries of a sources.list: `deb [options] URI SUITE COMPONENT…` (sources.list(5))."""
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if not line.startswith("deb "):
            continue
        line = line.removeprefix("deb ").strip()
        options = ""
        if line.startswith("["):
            options, _, line = line[1:].partition("]")
        signed = next((word.partition("=")[2] for word in options.split() if word.startswith("signed-by=")), "")
        uri, suite, *components = [*line.split(), "", ""][: max(2, len(line.split()))]
        if uri and suite:
            yield Source(uri, (suite,), tuple(components), signed)


def deb822(text: str) -> Iterator[Source]:
    """Stanzas of a .sources file, with continued lines and several URIs."""
    for stanza in text.replace("\r", "").split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                fields[name] = f"{fields.get(name, '')} {line.strip()}"
            else:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        for uri in fields.get("uris", "").split():
            suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
            signed = fields.get("signed-by", "")
            # A key may also stand in the file itself, over many lines; then the keyring package's is used.
            yield Source(uri, tuple(suites), tuple(components), signed if signed.startswith("/") else "")


def sources(apt: Path = APT) -> list[Source]:
    """Everything apt is told to use on this machine. Files that we may not read are left out."""
    found: list[Source] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources"):
            continue
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        found += deb822(text) if path.suffix == ".sources" else one_line(text)
    return found


def debian(found: Iterable[Source], codename: str) -> Source | None:
    """The archive that carries the machine's own Debian release (not its security or updates archive)."""
    for source in found:
        if codename in source.suites and "main" in source.components:
            return source
    return None
