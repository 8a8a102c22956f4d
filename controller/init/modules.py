"""modules.conf: whether Asterisk is told not to load what recording needs. Only pointed out, never changed."""

from __future__ import annotations

from pathlib import Path

from controller.init.conf import read, true
from controller.init.parts import Part

FILE = "modules.conf"
NEEDED = {"app_mixmonitor": "without it nothing can be recorded"}
FOR_ARI = {
    "res_http_websocket": "ARI's events come by it",
    "res_ari": "ARI",
    "res_ari_events": "ARI's events",
    "res_ari_applications": "ARI's event filter",
    "res_ari_asterisk": "ARI's sign of life",
    "res_stasis": "ARI",
}
LOADING = ("load", "require", "preload", "preload-require")


def look(etc: Path, etc_of_pbx: str, ari: bool) -> Part:
    """What is not loaded though it is needed. Raises NotReadable."""
    conf = read(etc, FILE, etc_of_pbx)
    section = conf.section("modules")
    if section is None:
        return Part(FILE)
    all_loaded = true(section.value("autoload", "no"))
    named = {_plain(one.value) for name in LOADING for one in section.every(name)}
    refused = {_plain(one.value): one for one in section.every("noload")}
    troubles: list[str] = []
    notes: list[str] = []
    for name, why in (NEEDED | (FOR_ARI if ari else {})).items():
        if name in refused:
            text = f"{refused[name].file}:{refused[name].line}: {name}.so is not loaded ({why}): take the noload out"
        elif not all_loaded and name not in named:
            text = f"{conf.path}: {name}.so is not loaded ({why}): add `load = {name}.so`"
        else:
            continue
        (troubles if name in NEEDED else notes).append(text)
    return Part(FILE, (), tuple(notes), tuple(troubles))


def _plain(name: str) -> str:
    return name.strip().removesuffix(".so")
