"""The server over Streamable HTTP: for this machine, or for a team that signs in."""

from server.http.serving import serve

__all__ = ["serve"]
