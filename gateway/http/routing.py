"""What a room of the gateway declares: `ROUTES`, its handlers."""

from litestar.types import ControllerRouterHandler

Route = ControllerRouterHandler
