"""`onrecord doctor`: examines live PBXs and this machine, and says how to mend what it finds. See checks.py first."""

from controller.doctor.checks import NAMES
from controller.doctor.examine import Examination
from controller.doctor.finding import Finding, Status

__all__ = ["NAMES", "Examination", "Finding", "Status"]
