"""The event-stream face: /sse/stream, for browsers, curl and whatever reads Server-Sent Events."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from hummingbot_extended.errors import ExtendedError, SettingsError
from hummingbot_extended.hub.event_session import EventSession, read_event_topics
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.listener import Listener, Wire
from hummingbot_extended.hub.wires import EventStreamWire, open_event_stream

ALIVE_S = 15.0
CHECK_S = 1.0


def refusal_response(status: HTTPStatus, message: str, **headers: str) -> web.Response:
    """Return an error as every face of the hub writes one."""
    return web.json_response({"success": False, "error": message}, status=status, headers=headers)


class EventFace:
    """Event streams of the hub's own rows."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/sse/stream", self._stream)]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        faces = self._faces
        if (refusal := stream_refusal(faces, request)) is not None:
            return refusal
        try:
            keys = read_event_topics(faces.hub, request.query)
            for key in keys:  # what cannot be served is told before the stream begins
                faces.topics.leave(faces.topics.join(key))
        except SettingsError as error:
            return refusal_response(HTTPStatus.BAD_REQUEST, str(error))
        except ExtendedError:
            return refusal_response(HTTPStatus.SERVICE_UNAVAILABLE, "not served now", **{"Retry-After": "1"})

        def session(wire: Wire) -> EventSession:
            return EventSession(
                wire,
                pacer=faces.pacer,
                limits=faces.limits,
                log=faces.events,
                keys=keys,
                last_event_id=request.headers.get("Last-Event-ID", ""),
                strings=request.query.get("numbers") == "string",
            )

        return await serve_events(faces, request, "sse", session)


def stream_refusal(faces: Faces, request: web.Request) -> web.Response | None:
    """Return why this client gets no event stream: its token or origin, or because the hub is full."""
    refusal = faces.gate.refusal(request.headers)
    if refusal is not None:
        return refusal_response(refusal.status, refusal.message)
    if faces.is_full:
        return refusal_response(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients", **{"Retry-After": "5"})
    return None


async def serve_events(
    faces: Faces, request: web.Request, kind: str, session_of: Callable[[Wire], Listener]
) -> web.StreamResponse:
    """Answer with an event stream to a session of its wire, counted as `kind`, until the client is gone."""
    response, wire = await open_event_stream(request)
    session = session_of(wire)
    faces.welcome(session, kind)
    try:
        await _keep_alive(wire)
    finally:
        await faces.forget(session)
    return response


async def _keep_alive(wire: EventStreamWire) -> None:
    """Send a comment now and then until the client is gone or was closed; aiohttp does not tell a handler."""
    seconds = 0.0
    while not wire.is_closing:
        if seconds % ALIVE_S == 0 and wire.is_free:
            wire.write([b": alive\n\n"])
        await asyncio.sleep(CHECK_S)
        seconds += CHECK_S
