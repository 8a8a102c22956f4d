"""A PBX made of paper: for tests, and the one to copy when you add a PBX (docs/adding/a-pbx.md)."""

from controller.pbx.paper.driver import PaperPbx

__all__ = ["PaperPbx"]
