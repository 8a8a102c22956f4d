"""What a person is told who asked for something: whether it came to be on the PBX, and if not, why not."""

from __future__ import annotations

from dataclasses import dataclass

from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.session import Session
from controller.core.wanted import wanted


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a person's request: `why` is for the person."""

    granted: bool
    why: str = ""
    state: State = State.OFF


def answer(session: Session, rules: Policy, link: str) -> Answer | None:
    """None: not known yet. `link`: why its PBX cannot be reached; "" where it can."""
    current, want = session.recording, wanted(session, rules)
    if current is None:
        if want is not State.OFF:
            return None
        waits = session.wish.record or session.wish.paused
        return Answer(
            True, "it takes effect when the call is talking" if waits else "nothing was recorded", State.OFF
        )
    if current.asked is not None or current.waiting:
        return None
    if current.state is want:
        return Answer(True, "", current.state)
    if current.given_up or current.unpausable or current.stuck:
        reasons = [mark.note for mark in current.marks if mark.kind in ("failed", "lost")]
        return Answer(False, reasons[-1] if reasons else "the PBX would not", current.state)
    return Answer(False, f"the PBX is not connected: {link}", current.state) if link else None
