"""The hub as an ASGI application: every face in FastAPI, for uvicorn, for tests, for mounting elsewhere.

The hub's own server (`server.py`) puts aiohttp in front of the same application for the sockets, which costs a third
for each message (bench/hub.py).
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.datastructures import Headers

from hummingbot_extended import __version__
from hummingbot_extended.hub.answers import CandleAnswers, refusal
from hummingbot_extended.hub.asgi_sockets import sockets_router
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.http_routes import epoch_ms, probe_router, response, streamer_router
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.metrics import metrics_router
from hummingbot_extended.hub.page import page_router
from hummingbot_extended.hub.settings import HubSettings

logger = logging.getLogger(__name__)

# What a browser may load before it has a token: files without data, and probes.
OPEN_PATHS = ("/", "/docs", "/openapi.json", "/healthz")

type Scope = dict[str, Any]


def create_app(
    hub: MarketDataHub | None = None,
    *,
    settings: HubSettings | None = None,
    faces: Faces | None = None,
    face_settings: FaceSettings | None = None,
) -> FastAPI:
    """Return the application of `hub`, or of a new one with `settings` that lives as long as the application.

    A given hub is its owner's to start and stop. `faces` are given by a server that runs them itself; otherwise they
    are made with `face_settings` and live as long as the application.
    """
    own = hub is None and faces is None
    served = hub or (faces.hub if faces else _new_hub(settings))
    shared = faces or Faces(served, face_settings)
    app = FastAPI(
        title="hummingbot-extended hub",
        version=__version__,
        description="Candles, live data and a relay for any number of bots.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(served if own else None, shared if faces is None else None),
    )
    app.state.hub, app.state.faces = served, shared
    app.state.candles = CandleAnswers(served, epoch_ms)
    app.include_router(streamer_router(served, candles=app.state.candles))
    app.include_router(probe_router(served))
    app.include_router(metrics_router(shared))
    app.include_router(page_router())
    app.include_router(sockets_router(shared))
    app.add_exception_handler(Exception, _internal_error)
    app.add_middleware(GateMiddleware, faces=shared)
    return app


def _new_hub(settings: HubSettings | None) -> MarketDataHub:
    from hummingbot_extended.hub.service import Hub

    return Hub(settings or HubSettings())


def _lifespan(
    hub: MarketDataHub | None, faces: Faces | None
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if hub is not None:
                stack.push_async_callback(hub.stop)
                await hub.start()
            if faces is not None:
                stack.push_async_callback(faces.stop)
                faces.start()
            yield

    return lifespan


async def _internal_error(request: Request, error: Exception) -> Response:
    """Tell the client nothing but that it failed; the log has the rest, under the same path."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response(refusal(500, "internal error", "INTERNAL_ERROR"))


class GateMiddleware:
    """Asks the gate before anything else is done, and lets pages of allowed origins read the answers."""

    def __init__(self, app: Callable[..., Awaitable[None]], faces: Faces) -> None:
        self._app = app
        self._gate = faces.gate

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """See ASGI. Sockets are judged by their own face."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._gate.refusal(headers)
        is_open = scope["path"] in OPEN_PATHS or scope["path"].startswith("/static/")
        if refused is not None and not (is_open and refused.status == 401):
            code = "UNAUTHORIZED" if refused.status == 401 else "FORBIDDEN"
            await response(refusal(refused.status, refused.message, code))(scope, receive, send)
            return
        origin = headers.get("Origin", "")
        if origin and self._gate.is_foreign_allowed(origin):
            send = _with_cors(send, origin)
        await self._app(scope, receive, send)


def _with_cors(send: Any, origin: str) -> Any:
    async def send_with_cors(message: Scope) -> None:
        if message["type"] == "http.response.start":
            cors = [(b"access-control-allow-origin", origin.encode("latin-1", "ignore")), (b"vary", b"Origin")]
            message = {**message, "headers": [*message.get("headers", ()), *cors]}
        await send(message)

    return send_with_cors
