"""What the policy says of a call as it stands, and which of its decisions the catalogue keeps. Pure."""

from __future__ import annotations

from controller.core import aside, policy, recording
from controller.core.altered import replace
from controller.core.calls import talking
from controller.core.decision import Mode
from controller.core.policy import Policy
from controller.core.state import Session


def decided(session: Session, rules: Policy, ending: bool = False) -> Session:
    """`ending`: somebody left, or the call left its queue. That he is gone says nothing about who was there."""
    main, consultation = aside.split(session.call, rules.roster)
    apart = policy.decide(rules, consultation) if consultation is not None else None
    if apart != session.apart:
        session = replace(session, apart=apart)
    decision, old, call = policy.decide(rules, main), session.decision, session.call
    if decision == old == session.verdict:
        return session
    heard = bool(talking(call))
    if decision == old and not heard:
        return session
    if old is not None and old.mode is Mode.NEVER and not heard and (ending or call.talked_at is not None):
        # Otherwise the end of a call with an excluded number would start a recording of whoever hangs up last.
        decision = decision if decision.mode is Mode.NEVER else old
    session = replace(session, decision=decision)
    if session.recording is not None and old is not None and old.mode is not decision.mode:
        session = replace(session, recording=recording.trying_again(session.recording))
    if call.ended_at is not None or not (heard or (call.talked_at is None and not ending)):
        return session
    if decision.mode is Mode.NEVER and recording.has_begun(session.recording):
        return session  # handed on to somebody whom no rule wants: why it was recorded stays true
    return replace(session, verdict=decision)
