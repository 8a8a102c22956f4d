"""What becomes of a call that is to be recorded and cannot be: it goes on, its people are told, or it ends (B-02)."""

from __future__ import annotations

from controller.core.commands import CallId, Command, LegId, Tell
from controller.core.decision import OnFailure, Options
from controller.core.recording import Recording

NOT_RECORDED = "not-recorded"
"""The notice that this call cannot be recorded."""


def step(
    call: CallId, before: Recording | None, current: Recording | None, options: Options, anchor: LegId | None
) -> tuple[Command, ...]:
    """What to ask for at the moment in which starting is given up; once, however often it is tried again."""
    if current is None or anchor is None or not current.given_up or (before is not None and before.given_up):
        return ()
    if options.on_failure is OnFailure.CONTINUE or any(mark.kind == NOT_RECORDED for mark in current.marks):
        return ()
    return (Tell(call, anchor, NOT_RECORDED, ending=options.on_failure is OnFailure.END),)
