"""The requests that the service never answers, and those that its database refuses in SQL."""

import anyio
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from server.sandbox.faults import Sleep

NGINX_WAITS = 1800.0
"""Seconds before what stands in front of the service gives up."""

TIMED_OUT = """<html>
<head><title>504 Gateway Time-out</title></head>
<body>
<center><h1>504 Gateway Time-out</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""


class Silence(Response):
    """No answer, for as long as nginx and the client wait for one."""

    def __init__(self, sleep: Sleep) -> None:
        super().__init__()
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as waiting:

            async def until_the_client_leaves() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                waiting.cancel_scope.cancel()

            waiting.start_soon(until_the_client_leaves)
            await self._sleep(NGINX_WAITS)
            await HTMLResponse(TIMED_OUT, 504)(scope, receive, send)
            waiting.cancel_scope.cancel()


class SilentError(Exception):
    """Something throws where nothing catches: no answer is ever sent."""


class RefusedError(Exception):
    """A refusal, with the document that says why."""

    def __init__(self, document: dict[str, object], status: int = 422) -> None:
        super().__init__(document, status)
        self.document = document
        self.status = status


class DatabaseError(RefusedError):
    """The database refuses a row: the service answers with its statement, whole."""

    def __init__(self, statement: str, why: str) -> None:
        super().__init__({"errors": [{"msg": f"{statement} - {why}"}]})


def crashed(message: str) -> RefusedError:
    """What JavaScript says of a value that is not there, passed on as an answer."""
    return RefusedError({"errors": [{"msg": message}]})


def violation(table: str, columns: tuple[str, ...], constraint: str) -> DatabaseError:
    """A row that breaks a constraint: a key that is taken, or a value outside its list."""
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    kind = (
        f'insert or update on table "{table}" violates foreign key constraint'
        if constraint.endswith("_fkey")
        else "duplicate key value violates unique constraint"
    )
    statement = f'insert into "{table}" ({names}) values ({values}) returning "id"'  # noqa: S608
    return DatabaseError(statement, f'{kind} "{constraint}"')
