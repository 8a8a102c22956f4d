"""A synthetic call through the PBX, proved by listening to what became of it."""

from controller.selftest.trial import Selftest

__all__ = ["Selftest"]
