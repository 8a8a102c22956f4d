"""Two calls that became one: what goes on, and what comes to an end with it. Pure."""

from __future__ import annotations

from types import MappingProxyType

from controller.core import consent, updating
from controller.core import keypad as keypads
from controller.core.altered import replace
from controller.core.calls import Leg
from controller.core.deciding import decided
from controller.core.policy import Policy
from controller.core.recorders import union
from controller.core.roster import Party
from controller.core.state import Session
from controller.core.subjects import is_consultation, party
from controller.core.wishes import Wish


def merge(session: Session, other: Session, rules: Policy) -> Session:
    """Two calls became one. One recording goes on; another one that ran is stopped and handed over with this call."""
    kept, more = session.recording, other.recording
    about = _is_about(other, session, rules)
    if about and more is not None:
        more = replace(more, consultation=True, owners=other.owners)
    elif kept is None or (more is not None and kept.settled and not more.settled):
        kept, more = more, kept
    rest = (*session.rest, *other.rest, *(each for each in (other.aside, more) if each is not None))
    merged = replace(
        session,
        call=updating.merge(session.call, other.call),
        recording=kept,
        rest=rest,
        wish=_joined(session.wish, other.wish),
        armed=MappingProxyType({**other.armed, **session.armed}),
        consent=consent.joined(session.consent, other.consent),
        # Else the mark that opened a blank would never be closed, and the rest of the file would be silent.
        keypad=keypads.joined(session.keypad, other.keypad),
        owners=session.owners if about else union(session.owners, other.owners),
        verdict=session.verdict or other.verdict,
        handed_over=False,
    )
    return decided(merged, rules)


def _is_about(other: Session, session: Session, rules: Policy) -> bool:
    """Whether the other call was a consultation about this one: placed by somebody with this one's party on hold, or
    later, among people of the house only, while an outside party was here."""
    if is_consultation(other.call, rules.roster) and other.call.consults == session.call.id:
        return True
    outside = [any(_is_outside(leg, rules) for leg in one.call.legs.values()) for one in (other, session)]
    return other.call.began_at > session.call.began_at and outside == [False, True]


def _is_outside(leg: Leg, rules: Policy) -> bool:
    return leg.joined_at is not None and party(leg, rules.roster) is Party.EXTERNAL


def _joined(wish: Wish, other: Wish) -> Wish:
    """What people asked for on either call; what was asked to be kept stays so."""
    first = wish if wish.record is not None or wish.paused else other
    return replace(first, keep=wish.keep or other.keep, refused=wish.refused or other.refused)
