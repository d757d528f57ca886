"""The routes of this room."""

from gateway.http.routing import Route

ROUTES: list[Route] = []
