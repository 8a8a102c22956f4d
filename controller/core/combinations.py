"""Conditions made of conditions: all of them, any of them, the opposite of one."""

from __future__ import annotations

from dataclasses import dataclass

from controller.core.view import Condition, View

COMBINATIONS = ("not", "any", "all")


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of the parts. None at all would hold for every call, which nobody can have meant: it is refused."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("an empty list of conditions would hold for every call: leave it out")

    def holds(self, view: View) -> bool:
        return all(part.holds(view) for part in self.parts)

    def fact(self, view: View) -> str:
        """The first part that fails is what the person wants to know."""
        return next((part.fact(view) for part in self.parts if not part.holds(view)), self.parts[0].fact(view))

    def __str__(self) -> str:
        return " and ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the parts; none at all never holds, and is refused because nobody can have meant it."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("an empty any holds for no call: leave it out")

    def holds(self, view: View) -> bool:
        return any(part.holds(view) for part in self.parts)

    def fact(self, view: View) -> str:
        return "; ".join(dict.fromkeys(part.fact(view) for part in self.parts))

    def __str__(self) -> str:
        return "(" + " or ".join(str(part) for part in self.parts) + ")"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite. Beware: while nothing is known of the other side, `not` of anything about it holds."""

    part: Condition

    def holds(self, view: View) -> bool:
        return not self.part.holds(view)

    def fact(self, view: View) -> str:
        return self.part.fact(view)

    def __str__(self) -> str:
        return f"not ({self.part})"
