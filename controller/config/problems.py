"""What is wrong with a configuration file: each problem with its line, its key, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath

from controller.config.positions import Path, line_of

MOST_GUESSES = 50


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. `line` 0: the file as a whole. `key` such as `rule 'sales'.when.time`."""

    line: int
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}" if self.key else self.what


class ConfigError(Exception):
    """The file cannot be used. Holds every problem that was found; none of it is in force."""

    def __init__(self, path: FilePath, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems))
        super().__init__(str(self))

    def __str__(self) -> str:
        return "\n".join(located(self.path, problem) for problem in self.problems)


def located(path: FilePath, problem: Problem) -> str:
    """`file:line: key: what`, as compilers and editors write it."""
    return f"{path}:{problem.line}: {problem}" if problem.line else f"{path}: {problem}"


class Notes:
    """Collects problems while a file is read; knows the lines."""

    def __init__(self, lines: dict[Path, int], raw: dict[str, object]) -> None:
        self._lines = lines
        self._raw = raw
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._guesses = 0

    def wrong(self, path: Path, what: str) -> None:
        self.problems.append(Problem(line_of(self._lines, path), self._words(path), what))

    def warn(self, path: Path, what: str) -> None:
        self.warnings.append(Problem(line_of(self._lines, path), self._words(path), what))

    def meant(self, word: str, known: Iterable[str]) -> str:
        """As `meant`, for long lists of names: it is slow there, so after some guesses it guesses no more."""
        self._guesses += 1
        return meant(word, known) if self._guesses <= MOST_GUESSES else ""

    def line(self, path: Path) -> int:
        return line_of(self._lines, path)

    def _words(self, path: Path) -> str:
        """The path for a person: list entries by their name or number, where they have one."""
        words: list[str] = []
        here: object = self._raw
        for part in path:
            try:
                here = here[part]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                here = None
            if not isinstance(part, int):
                words.append(part)
                continue
            name = here.get("name") or here.get("number") if isinstance(here, dict) else None
            words[-1] += f" '{name}'" if isinstance(name, str) else f" {part + 1}"
        return ".".join(words)


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where one of the known words is near; else ""."""
    names = {name.lower(): name for name in sorted(set(known))}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean '{names[near[0]]}'?" if near else ""
