"""A server of one tool, with every default of the SDK."""

from mcp.server import MCPServer

mcp = MCPServer("hello")


@mcp.tool()
async def hello(name: str) -> str:
    """Greet somebody."""
    return f"Hello, {name}."


if __name__ == "__main__":
    mcp.run("stdio")
