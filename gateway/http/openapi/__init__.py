"""The OpenAPI 3.1 document of what is served. `whole.py` puts it together."""

from gateway.http.openapi.document import Document
from gateway.http.openapi.parts import PROBLEMS
from gateway.http.openapi.schemas import Json

__all__ = ["PROBLEMS", "Document", "Json"]
