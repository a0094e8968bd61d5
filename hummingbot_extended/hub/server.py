"""The hub's server: one port. aiohttp holds the sockets and the candles, FastAPI behind it answers everything else."""

import contextlib
import errno
import logging
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Self

from aiohttp import web

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.account_face import AccountFace
from hummingbot_extended.hub.account_relay import AccountRelay
from hummingbot_extended.hub.account_view import AccountView
from hummingbot_extended.hub.answers import JSON, CandleAnswers, CandlesQuery
from hummingbot_extended.hub.app import create_app
from hummingbot_extended.hub.asgi_mount import AsgiMount
from hummingbot_extended.hub.event_face import EventFace, refusal_response
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.page_link import PageLink
from hummingbot_extended.hub.relay_face import PREFIX, RelayFace
from hummingbot_extended.hub.socket_face import SocketFace

logger = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 2.0
MAX_BODY_BYTES = 64 * 1024
MAX_LINE_BYTES = 8 * 1024


class HubServer:
    """The faces of `hub` at one address: `async with HubServer(hub, FaceSettings(port=0)) as server: ...`.

    `hub` is started and stopped by its owner. `account_stream_url` is a domain's `stream_url`, for relayed account
    streams; they need `settings.relay_account`. `account` is shown to who has the token; it needs one, and is its
    owner's to start and stop. Entering raises SettingsError when the port is taken; leaving closes every client with
    1001.
    """

    def __init__(
        self,
        hub: MarketDataHub,
        settings: FaceSettings | None = None,
        *,
        account_stream_url: str | None = None,
        account: AccountView | None = None,
    ) -> None:
        self.settings = settings or FaceSettings()
        if account is not None and self.settings.token is None:
            raise SettingsError("showing an account needs a token: whoever reaches the hub would see it")
        self.faces = Faces(hub, self.settings)
        self.port = self.settings.port
        self._account: AccountRelay | None = None
        if self.settings.relay_account and account_stream_url is not None:
            self._account = AccountRelay(account_stream_url)
        self._view = account
        self._link = PageLink(self.faces)
        self._stack = contextlib.AsyncExitStack()

    def __repr__(self) -> str:
        return f"<HubServer {self.url} {self.faces!r}>"

    async def __aenter__(self) -> Self:
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            handle_signals=False,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )
        await runner.setup()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            if self._account is not None:
                stack.push_async_callback(self._account.close)
            await self._listen(runner)
            stack.push_async_callback(self.faces.stop)
            self.faces.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _listen(self, runner: web.AppRunner) -> None:
        site = web.TCPSite(runner, self.settings.host, self.settings.port, ssl_context=self.settings.tls_context())
        try:
            await site.start()
        except OSError as error:
            where = f"{self.settings.host}:{self.settings.port}"
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(f"the hub cannot listen on {where}: {error.strerror or error}") from error
            raise SettingsError(
                f"port {where} is in use (hummingbot-api takes 8000 too); choose another with --port, 0 for a free one"
            ) from error
        self.port = runner.addresses[0][1]

    # --- where --------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Scheme, host and port of the page and of HTTP."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{'https' if self.settings.has_tls else 'http'}://{host}:{self.port}"

    @property
    def page_url(self) -> str:
        """Where a person opens the page; with a token, a link that works once and needs no token typed in."""
        return self._link.at(self.url)

    @property
    def ws_url(self) -> str:
        """Scheme, host and port of the WebSockets."""
        return self.url.replace("http", "ws", 1)

    @property
    def stream_url(self) -> str:
        """What EXTENDED_PERPETUAL_STREAM_URL is to be, for a connector to trade through this hub."""
        return self.ws_url + PREFIX

    # --- what ---------------------------------------------------------------------------------------------------------

    def _application(self) -> web.Application:
        app = create_app(faces=self.faces)
        self._candles: CandleAnswers = app.state.candles
        self._mount = AsgiMount(app)
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        for face in (
            SocketFace(self.faces),
            EventFace(self.faces),
            RelayFace(self.faces, self._account),
            AccountFace(self.faces, self._view),
            self._link,
        ):
            application.add_routes(face.routes())
        application.router.add_get("/streamer/candles/{symbol:.+}/{timeframe}", self._candles_now)
        application.router.add_route("*", "/{path:.*}", self._other)
        return application

    async def _candles_now(self, request: web.Request) -> web.StreamResponse:
        """The plain question of bots and monitors, without FastAPI on its way: bytes that are there already."""
        query = request.query
        limit = query.get("limit", "50")
        if query.keys() - {"limit"} or not limit.isdecimal() or self.faces.gate.refusal(request.headers) is not None:
            return await self._mount.handle(request)  # validates, explains, refuses
        answer = await self._candles.candles(
            request.match_info["symbol"],
            request.match_info["timeframe"],
            _query_of(limit),
            request.headers.get("If-None-Match", ""),
        )
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers, content_type=JSON)

    async def _other(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return refusal_response(HTTPStatus.FORBIDDEN, "there is no such socket")  # W7
        return await self._mount.handle(request)


@lru_cache(maxsize=1024)
def _query_of(limit: str) -> CandlesQuery:
    return CandlesQuery(limit=int(limit[:9]))
