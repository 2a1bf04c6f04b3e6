"""What operators see of the work: figures and traces, never what was asked or answered."""

from server.observing.calls import timed
from server.observing.requests import Observed

__all__ = ["Observed", "timed"]
