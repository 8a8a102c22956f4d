"""Which recording of a prompt people really heard: evidence names it by version and hash, not by its words alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from controller.core.finished import Finished, FinishedConsent
from controller.prompts.find import find

_SPOKEN = re.compile(r"(?P<prompt>[a-z][a-z0-9-]*) \((?P<language>[a-z0-9-]+)\)")
"""As the core notes it: "opt-out (en)"."""


def cited(finished: Finished, own: Path) -> Finished:
    """The same, each consent with the version of its prompt: "opt-out/en@1a2b3c4d". What nobody can find stays as it
    was noted."""
    if not finished.consents:
        return finished
    return replace(finished, consents=tuple(_with_version(one, own) for one in finished.consents))


def _with_version(consent: FinishedConsent, own: Path) -> FinishedConsent:
    said = _SPOKEN.fullmatch(consent.prompt)
    found = find(said["prompt"], said["language"], own) if said is not None else None
    # The gate plays exactly what was asked for: a neighbour's language would be another prompt.
    if said is None or found is None or found.language != said["language"]:
        return consent
    return replace(consent, prompt=found.version)
