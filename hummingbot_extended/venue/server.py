"""The practice venue as a server: one process, one loop, one port for REST, streams and control."""

import asyncio
import contextlib
import errno
from types import TracebackType
from typing import Self

from aiohttp import web

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.control import ControlApi
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.faults import FaultPlan
from hummingbot_extended.venue.market_maker import Habits
from hummingbot_extended.venue.markets import DEFAULT_MARKETS, MarketSpec
from hummingbot_extended.venue.rest import API_PREFIX, Rest
from hummingbot_extended.venue.rest_orders import OrdersApi
from hummingbot_extended.venue.rest_private import PrivateApi
from hummingbot_extended.venue.rest_public import PublicApi
from hummingbot_extended.venue.rpc_api import RPC_PATH, RpcApi
from hummingbot_extended.venue.settings import VenueSettings
from hummingbot_extended.venue.stream_api import STREAM_PREFIX, StreamApi
from hummingbot_extended.venue.venue_core import Trader, VenueCore

SHUTDOWN_TIMEOUT_S = 2.0
GOING_AWAY = 1001
MAX_BODY_BYTES = 2**20


class PracticeVenue:
    """A venue in this process: `async with PracticeVenue(VenueSettings(port=0)) as venue: ...`.

    While it runs, `rest_url`, `stream_url` and `rpc_url` say where, `api_key`, `stark_private_key`, `stark_public_key`
    (hex strings) and `vault` are its first trader's, `engine`, `core` and `faults` are its inside. Leaving ends every
    connection with code 1001, lets received orders reach the engine, and saves the state if it has a file. Entering
    raises SettingsError when the port is taken or a file cannot be used.
    """

    def __init__(
        self,
        settings: VenueSettings | None = None,
        *,
        markets: tuple[MarketSpec, ...] = DEFAULT_MARKETS,
        habits: Habits | None = None,
    ) -> None:
        self.settings = settings or VenueSettings(port=0)
        self._markets = markets
        self._habits = habits
        self._runner: web.AppRunner | None = None
        self._life: asyncio.Task[None] | None = None
        self.port = self.settings.port

    async def __aenter__(self) -> Self:
        self.core = VenueCore(self.settings, markets=self._markets, habits=self._habits)
        self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S, handle_signals=False
        )
        await self._runner.setup()
        try:
            await self._listen(self._runner)
        except BaseException:
            await self._runner.cleanup()
            raise
        self._life = asyncio.create_task(self.core.run(), name="practice venue")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._life is not None:
                self._life.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._life
        finally:
            for connection in self.core.hub.connections:
                connection.finish(GOING_AWAY)
            if self._runner is not None:
                await self._runner.cleanup()
            await self.core.stop()

    async def serve(self) -> None:
        """Wait until the venue fails; its life is endless otherwise. Cancel it to leave."""
        if self._life is not None:
            await asyncio.shield(self._life)

    def _application(self) -> web.Application:
        self.rest = Rest(self.core)
        streams = StreamApi(self.rest)
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        for api in (
            PublicApi(self.rest),
            OrdersApi(self.rest),
            PrivateApi(self.rest),
            RpcApi(self.rest, streams),
            streams,
            ControlApi(self.rest),
        ):
            application.add_routes(api.routes())
        return application

    async def _listen(self, runner: web.AppRunner) -> None:
        site = web.TCPSite(runner, self.settings.host, self.settings.port)
        try:
            await site.start()
        except OSError as error:
            where = f"{self.settings.host}:{self.settings.port}"
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(f"the venue cannot listen on {where}: {error.strerror or error}") from error
            raise SettingsError(
                f"port {where} is in use; choose another with --port, or --port 0 for a free one"
            ) from error
        self.port = runner.addresses[0][1]

    # --- where and who ------------------------------------------------------------------------------------------------

    @property
    def _authority(self) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as EXTENDED_PERPETUAL_LOCAL_URL wants it."""
        return f"http://{self._authority}"

    @property
    def rest_url(self) -> str:
        """Base URL of REST."""
        return self.origin + API_PREFIX

    @property
    def stream_url(self) -> str:
        """Base URL of the v1 streams."""
        return f"ws://{self._authority}{STREAM_PREFIX}"

    @property
    def rpc_url(self) -> str:
        """URL of the RPC socket."""
        return f"ws://{self._authority}{RPC_PATH}"

    @property
    def trader(self) -> Trader:
        """The first trader."""
        return self.core.traders[0]

    @property
    def api_key(self) -> str:
        """API key of the first trader."""
        return self.trader.keys.api_key

    @property
    def stark_private_key(self) -> str:
        """Stark private key of the first trader, hex."""
        return hex(self.trader.keys.stark_private_key)

    @property
    def stark_public_key(self) -> str:
        """Stark public key of the first trader, hex."""
        return hex(self.trader.keys.stark_public_key)

    @property
    def vault(self) -> str:
        """Vault (position id) of the first trader."""
        return str(self.trader.account.vault)

    @property
    def engine(self) -> Engine:
        """The engine. Commands given to it directly are told to the streams at the next tick, or by `core.publish`."""
        return self.core.engine

    @property
    def faults(self) -> FaultPlan:
        """The faults; `faults.add(FaultSpec(...), venue.core.now_ms())` sets one."""
        return self.core.plan

    def facts(self) -> dict[str, str]:
        """Return what a client needs, as `--json` prints it (design §5)."""
        return {
            "rest_url": self.rest_url,
            "stream_url": self.stream_url,
            "api_key": self.api_key,
            "stark_private_key": self.stark_private_key,
            "stark_public_key": self.stark_public_key,
            "vault": self.vault,
            "chain_id": self.settings.chain_id,
        }
