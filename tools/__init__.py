"""Everything a model can do here: what only reads, and what changes a service."""

from tools.catalogue import TOOLS, Tool

__all__ = ["TOOLS", "Tool"]
