"""A commented configuration file to start from."""

from __future__ import annotations

from importlib import resources


def starter() -> str:
    """A small commented file: people may record on demand, nothing else is recorded."""
    return resources.files(__package__).joinpath("starter.toml").read_text(encoding="utf-8")
