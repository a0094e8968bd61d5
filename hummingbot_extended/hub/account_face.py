"""/sse/account: the account of a hub's owner as an event stream. It is served with the hub's token only."""

from http import HTTPStatus

from aiohttp import web

from hummingbot_extended.hub.account_view import AccountView
from hummingbot_extended.hub.event_face import serve_events, stream_refusal
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.listener import Listener, Pacer, Wire
from hummingbot_extended.hub.wires import encode_event


class AccountSession(Listener):
    """One reader of the account: after each change it gets the state, and the fills that it has not had yet.

    A reader that is behind misses states that are past, and no fill; it costs nothing while it waits.
    """

    def __init__(self, wire: Wire, view: AccountView, pacer: Pacer, limits: FaceLimits) -> None:
        super().__init__(wire, pacer, limits)
        self._view = view
        self._told_fills = 0
        view.watch(self.has_news)
        self.has_news()

    def __repr__(self) -> str:
        return f"<AccountSession {self.messages_sent} events>"

    def collect(self) -> list[bytes]:
        """See Listener."""
        news, self._told_fills = self._view.news(self._told_fills)
        return [encode_event(news, event=b"account")]

    async def stop(self) -> None:
        """Look no more."""
        self._view.leave(self.has_news)
        await super().stop()


class AccountFace:
    """The stream of an account. Without one (`view` None) it answers 204, after which an EventSource stops asking."""

    def __init__(self, faces: Faces, view: AccountView | None) -> None:
        self._faces = faces
        self._view = view

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/sse/account", self._stream)]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        faces, view = self._faces, self._view
        if (refusal := stream_refusal(faces, request)) is not None:
            return refusal
        if view is None:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        return await serve_events(
            faces, request, "account", lambda wire: AccountSession(wire, view, faces.pacer, faces.limits)
        )
