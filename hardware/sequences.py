"""Codes that a company's people press during a call (`*1` starts, `*2` pauses, …), found in a stream of digits.

Pure: a code book, what a leg typed so far, one digit and its time go in; what it typed now and perhaps a Key come
out. Whoever feeds this must feed only legs that are entitled: the outside party can never command (guard.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardware.keys import Key

DIGITS = "0123456789*#ABCD"
LONGEST = 8
PAUSE_S = 2.0
"""The longest wait between two digits of one code. FreeSWITCH waits 1.5 s, Asterisk's featuredigittimeout is 1 s."""


class CodeError(ValueError):
    """A code book that cannot work; the text names the place, the codes and the way out."""


@dataclass(frozen=True, slots=True)
class Code:
    digits: str
    key: Key


@dataclass(frozen=True, slots=True)
class CodeBook:
    """The codes of one company, longest first. Make it with `book`, which checks them."""

    codes: tuple[Code, ...]
    pause: float = PAUSE_S

    @property
    def longest(self) -> int:
        return max((len(code.digits) for code in self.codes), default=0)


@dataclass(frozen=True, slots=True)
class Typed:
    """What one leg typed that may still become a code, and when the last digit came."""

    digits: str = ""
    at: float = 0.0


NOTHING_TYPED = Typed()


def book(codes: Mapping[str, Key], where: str = "codes", pause: float = PAUSE_S) -> CodeBook:
    """A code book. Raises CodeError.

    Codes may end alike (`1*1` and `*1`: both complete with the same digit, and the longer one wins). A code may not
    stand at the beginning or in the middle of another: it would act before the longer one could be finished, or
    would have to wait for the pause, and a recording that starts two seconds late has lost a sentence.
    """
    if not 0.2 <= pause <= 10:
        raise CodeError(f"{where}: a pause of {pause} s; choose 0.2 to 10 s")
    for digits in codes:
        _check(digits, where)
    for short in codes:
        for long in codes:
            if short in long[:-1]:
                raise CodeError(
                    f"{where}: {short!r} is a part of {long!r}, so {long!r} could never be pressed without it; "
                    f"change one of them so that {short!r} does not occur before the last digit of {long!r}"
                )
    ordered = sorted(codes.items(), key=lambda item: (-len(item[0]), item[0]))
    return CodeBook(tuple(Code(digits, key) for digits, key in ordered), pause)


def _check(digits: str, where: str) -> None:
    if not 1 <= len(digits) <= LONGEST or any(digit not in DIGITS for digit in digits):
        raise CodeError(f"{where}: {digits!r} is no code; a code is 1 to {LONGEST} of {DIGITS}")
    if digits.isdigit():
        # People type account and menu numbers in calls; without a mark any of them would hold a code some day.
        raise CodeError(f"{where}: {digits!r} may be part of any number typed in a call; put * or # into it")


def feed(codes: CodeBook, typed: Typed, digit: str, at: float) -> tuple[Typed, Key | None]:
    """One more digit of one leg, `at` Unix time in seconds; digits may come faster than any finger (an INFO has no
    length), and two may have the same time. What is no DTMF digit (a flash, noise) ends whatever was begun.

    After a code has matched its digits are used up: they begin no other code.
    """
    digit = digit.upper()
    if len(digit) != 1 or digit not in DIGITS:
        return NOTHING_TYPED, None
    fresh = at - typed.at > codes.pause  # a clock that was set back counts as no pause
    seen = ("" if fresh else typed.digits) + digit
    for code in codes.codes:
        if seen.endswith(code.digits):
            return NOTHING_TYPED, code.key
    return Typed(_hopeful(codes, seen), at), None


def _hopeful(codes: CodeBook, seen: str) -> str:
    """The longest end of what was typed that a code begins with: after `**` the second `*` may begin `*1`."""
    ends = (seen[start:] for start in range(max(0, len(seen) - codes.longest + 1), len(seen)))
    return next((end for end in ends if any(code.digits.startswith(end) for code in codes.codes)), "")
