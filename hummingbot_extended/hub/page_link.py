"""A link that opens the page of a hub with a token, once: the token itself is in no URL.

The link ends in a code behind "#", the part of a URL that a browser keeps to itself. The page sends it in the body of a
POST and gets the token for it; after that the code is worth nothing.
"""

import hmac
import secrets
from http import HTTPStatus

from aiohttp import web

from hummingbot_extended.hub.event_face import refusal_response
from hummingbot_extended.hub.faces import Faces


class PageLink:
    """The code of one start of a hub with a token. Without a token there is nothing to open, and the link is bare."""

    def __init__(self, faces: Faces) -> None:
        self._gate = faces.gate
        self._token = faces.settings.token
        self._code = secrets.token_urlsafe(12) if self._token else ""

    def __repr__(self) -> str:
        return f"<PageLink {'open' if self._code else 'used'}>"

    def at(self, url: str) -> str:
        """Return the link for the hub at `url`."""
        return f"{url}/#code={self._code}" if self._code else f"{url}/"

    def routes(self) -> list[web.RouteDef]:
        """Return the route that changes the code into the token."""
        return [web.post("/page/token", self._redeem)]

    async def _redeem(self, request: web.Request) -> web.StreamResponse:
        refusal = self._gate.refusal(request.headers)
        if refusal is not None and refusal.status is not HTTPStatus.UNAUTHORIZED:
            return refusal_response(refusal.status, refusal.message)
        given = await request.read()
        if not self._code or not hmac.compare_digest(given, self._code.encode()):
            return refusal_response(HTTPStatus.UNAUTHORIZED, "this link was used before; enter the token")
        self._code = ""
        return web.json_response({"token": self._token}, headers={"Cache-Control": "no-store"})
