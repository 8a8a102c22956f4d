"""On hold or in conversation: what a recorder on one leg would hear now. Pure."""

from __future__ import annotations

from controller.core.calls import Call, company
from controller.core.commands import LegId
from controller.core.decision import HoldRule
from controller.core.recording import Recording


def on_hold(call: Call, leg: LegId) -> bool:
    """Whether nobody talks on this leg: it hears the music, or all whom it could hear do."""
    if not call.held:
        return False
    met = company(call, leg)
    return leg in call.held or (bool(met) and met <= call.held)


def muted(call: Call, recording: Recording | None, rule: HoldRule) -> bool:
    """Whether the recorder is to be silent because its leg is on hold."""
    if rule is HoldRule.RECORD or not call.held or recording is None or recording.segment is None:
        return False
    return on_hold(call, recording.segment.leg)
