"""What a route asks of its caller: a guard of the framework's, run once a route is found, so that
no spelling of a path goes around it.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.http.guard.caller import caller_of

NEEDS = "needs"
HOUSE = "*"

SYSTEM = "/api/{family:str}/{system:str}"
OWN = {
    f"{SYSTEM}/commands/{{name:str}}": "command",
    f"{SYSTEM}/queries/{{name:str}}": "read",
    f"{SYSTEM}/partitions/{{partition:int}}/commands/{{offset:int}}": "read",
    f"{SYSTEM}/partitions/{{partition:int}}/events": "read",
    "/api": "",
    "/api/live": "",
    "/api/tickets": "",
}
"""What the routes of every system want. Empty: nothing but that one is known; a WebSocket's
messages ask for themselves."""


def needs(action: str, system: str = "") -> dict[str, Any]:
    """For the `opt` of a route: the scope that it wants, `read`, `operate` or a verb of its own.
    Empty: any caller. `system` is the one of the path, if there is one, else the whole house."""
    return {NEEDS: (system, action)}


async def authorize(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Errors: ProblemFound (401, 403)."""
    path = next(iter(handler.paths))
    if path != "/api" and not path.startswith("/api/"):
        return
    caller = caller_of(connection)
    system, action = handler.opt.get(NEEDS, ("", OWN.get(path, "operate")))
    if not action:
        return
    given = connection.path_params
    if not system:
        own = "family" in given and "system" in given
        system = f"{given['family']}.{given['system']}" if own else HOUSE
    caller.check(system, str(given["name"]) if action == "command" else action)
