"""The page on which a person decides, outside the client and out of the model's reach."""

from server.approvals.pages import Pages

__all__ = ["Pages"]
