"""The bridge's server: one WebSocket path on the event loop of a running Hummingbot."""

import asyncio
import errno
import logging
import sqlite3
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import hummingbot
import msgspec
from aiohttp import web
from hummingbot.client import settings as hummingbot_settings
from hummingbot.connector.connector_base import ConnectorBase

from hummingbot_extended.bridge.connector_watch import ConnectorWatch
from hummingbot_extended.bridge.departures import Departures
from hummingbot_extended.bridge.exchanges import Exchange, Exchanges
from hummingbot_extended.bridge.feeds import Feeds
from hummingbot_extended.bridge.hummingbot_events import HummingbotEvents
from hummingbot_extended.bridge.journal import KEEP_S, Journal
from hummingbot_extended.bridge.login import Door
from hummingbot_extended.bridge.order_desk import OrderDesk
from hummingbot_extended.bridge.order_watch import OrderWatch
from hummingbot_extended.bridge.registry import OrderRecord, Registry
from hummingbot_extended.bridge.requests import Requests
from hummingbot_extended.bridge.session import Session
from hummingbot_extended.bridge.settings import KEY_FILE, AccessKey, BridgeSettings, load_keys
from hummingbot_extended.bridge.tasks import start_in_background
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.gateway.protocol import CLOSE_GOING_AWAY, DEFAULT_PORT, PATH, encode_event

if TYPE_CHECKING:
    from hummingbot.strategy.strategy_v2_base import StrategyV2Base

logger = logging.getLogger(__name__)

HEARTBEAT_S = 20.0
MAX_FRAME_BYTES = 2**20
SHUTDOWN_S = 3.0
CANCEL_ON_STOP_S = 10.0
TIDY_EVERY_S = 3600.0


class BridgeServer:
    """Serves Hummingbot's connectors to clients of `hummingbot_extended.gateway`.

    `connectors` is Hummingbot's own mapping by name; `journal` the file of what must survive a crash (None: in memory).
    Runs in the event loop it was started in, beside the bot: nothing here blocks it.
    """

    def __init__(
        self, connectors: Mapping[str, ConnectorBase], settings: BridgeSettings, *, journal: Path | None = None
    ) -> None:
        self.settings = settings
        self.port = settings.port
        self.journal = Journal(journal)
        self.exchanges = Exchanges(connectors)
        self._sessions: set[Session] = set()
        self.registry = Registry(self.journal, self._tell_order)
        self.watch = OrderWatch(self.exchanges, self.registry, self.tell, self._tell_failure)
        self.feeds = Feeds(self.exchanges)
        wait_s = settings.acknowledge_within_s
        self.desk = OrderDesk(self.exchanges, self.registry, self.journal, wait_s=wait_s)
        self.requests = Requests(self.exchanges, self.desk, self.feeds, self.journal, wait_s)
        self.departures = Departures(self.journal, self.registry, self.desk.request_cancel, self._reaches)
        self._connector_watch = ConnectorWatch(self.exchanges, self.tell, self._listen, self.registry)
        self._events: dict[str, HummingbotEvents] = {}
        self._door = Door(settings.keys, self.journal.journal_id)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<BridgeServer {self.settings.host}:{self.port}, {len(self._sessions)} clients, {self.registry!r}>"

    @classmethod
    def for_strategy(cls, strategy: "StrategyV2Base", settings: BridgeSettings | None = None) -> Self:
        """Return a bridge for the connectors of a running strategy, with Hummingbot's own folders.

        Start it in the strategy's `start` and stop it first thing in its `on_stop`. Raises SettingsError without a key.
        """
        settings = settings or default_settings()
        return cls(strategy.connectors, settings, journal=default_journal(settings.port))

    def format_status(self) -> str:
        """Return a few lines for Hummingbot's `status`."""
        clients = ", ".join(sorted(f"{each.login.key.name} from {each.login.address}" for each in self._sessions))
        return "\n".join(
            (
                f"  The bridge listens on {self.settings.host}:{self.port}{PATH}",
                f"  Clients: {clients or 'none'}",
                f"  Open orders: {len(self.registry.open_orders())}",
            )
        )

    # Life

    async def start(self) -> None:
        """Listen. Raises SettingsError when the port is taken or the certificate cannot be used."""
        for exchange in self.exchanges:
            self._listen(exchange)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        try:
            await self._bind(self._runner)
        except BaseException:
            await self.stop(cancel=False)
            raise
        self._tasks = [
            start_in_background(self.watch.run(), "order watch"),
            start_in_background(self.feeds.run(), "feeds"),
            start_in_background(self._connector_watch.run(), "connector watch"),
            start_in_background(self._tidy(), "tidying"),
        ]
        self.departures.start()
        if not self.settings.is_loopback:
            logger.warning("The bridge listens on %s: whoever has a key trades from there.", self.settings.host)
        logger.info("The bridge listens on %s:%d%s.", self.settings.host, self.port, PATH)

    async def stop(self, *, cancel: bool | None = None) -> None:
        """Take no more orders, cancel as `on_stop` says (or `cancel`), tell the clients, and end. Safe to repeat."""
        self.desk.is_open = False
        if self._tasks:
            self.tell("info", None, None, {"kind": "stopping", "message": "the bridge is stopping"})
            if (self.settings.on_stop == "cancel_all") if cancel is None else cancel:
                await self._cancel_orders()
        for session in list(self._sessions):
            session.close(CLOSE_GOING_AWAY, "the bridge is stopping")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.departures.stop()
        for events in self._events.values():
            events.stop()
        self._events.clear()
        self.registry.save()
        self.journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _cancel_orders(self) -> None:
        result = await self.desk.cancel_all(self.registry.open_orders(), CANCEL_ON_STOP_S)
        if result["failed"]:
            logger.error("The bridge stops, and these orders are still open: %s", ", ".join(result["failed"]))

    async def _bind(self, runner: web.AppRunner) -> None:
        host, port = self.settings.host, self.settings.port
        site = web.TCPSite(runner, host, port, ssl_context=_tls(self.settings))
        try:
            await site.start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(f"the bridge cannot listen on {host}:{port}: {error.strerror}") from error
            owner = ", probably by Hummingbot's Gateway, whose port that is" if port == DEFAULT_PORT else ""
            message = f"the port {port} is taken{owner}; give the bridge another one (15889, say), and its clients too"
            raise SettingsError(message) from error
        self.port = runner.addresses[0][1]

    # What clients are told

    def welcome(self, key: AccessKey) -> Mapping[str, Any]:
        """See `session.Host`."""
        return {
            "exchanges": {
                exchange.name: [pair for pair in exchange.pairs if key.may_use(exchange.name, pair)]
                for exchange in self.exchanges
                if key.may_use(exchange.name)
            },
            "market_types": {
                exchange.name: exchange.market_type.value for exchange in self.exchanges if key.may_use(exchange.name)
            },
            "position": f"{self.journal.journal_id}:{self.journal.last_fill}",
        }

    def enter(self, session: Session) -> None:
        """See `session.Host`."""
        self._sessions.add(session)
        self.departures.came(session.login)

    def leave(self, session: Session) -> None:
        """See `session.Host`."""
        self._sessions.discard(session)
        self.feeds.remove(session)
        is_back = any(each.login.identity == session.login.identity for each in self._sessions)
        if self._tasks and not is_back:  # while the server stops, nobody is lost
            self.departures.left(session.login)

    def tell(self, event_type: str, exchange: str | None, market: str | None, data: Mapping[str, Any]) -> None:
        """Tell every client that may know of it."""
        event = encode_event(event_type, {"timestamp": time.time(), "exchange": exchange, **data})
        for session in self._listening(exchange, market):
            session.offer(event)

    def _tell_order(self, record: OrderRecord) -> None:
        sessions = self._listening(record.exchange, record.market)
        if sessions:
            event = encode_event("order_update", record.to_wire())
            for session in sessions:
                session.offer(event)

    def _tell_fill(self, record: OrderRecord, trade_id: str, data: Mapping[str, Any]) -> None:
        """Number an own fill, write it down, and tell of it; one that is written already was told before."""
        number = self.journal.last_fill + 1
        text = msgspec.json.encode({**data, "position": f"{self.journal.journal_id}:{number}"}).decode()
        where = (record.exchange, record.market)
        try:
            is_new = self.journal.add_fill(number, *where, record.order_id, trade_id, data["timestamp"], text)
        except sqlite3.OperationalError:  # its disk is full, say: who listens now is told; nobody can resume it
            logger.exception("The fill %s of the order %s is not in the bridge's journal.", trade_id, record.order_id)
            text, is_new = msgspec.json.encode(data).decode(), True
        if is_new:
            event = b'{"type":"trade","data":' + text.encode() + b"}"
            for session in self._listening(*where):
                session.offer_fill(event)

    def _tell_failure(self, record: OrderRecord) -> None:
        """Tell that an order failed; who has just asked for it learns it by the reply."""
        wire = record.to_wire()
        names = ("exchange", "symbol", "order_id", "client_ref", "code", "timestamp")
        event = encode_event(
            "error", {"kind": "order", "message": record.reason, **{name: wire[name] for name in names}}
        )
        for session in self._listening(record.exchange, record.market):
            if session is not self.desk.asking.get(record.order_id):
                session.offer(event)

    def _listening(self, exchange: str | None, market: str | None) -> list[Session]:
        return [each for each in self._sessions if exchange is None or each.login.key.may_use(exchange, market)]

    def _listen(self, exchange: Exchange) -> HummingbotEvents:
        events = self._events.get(exchange.name)
        if events is None or not events.is_of(exchange):
            if events is not None:
                events.stop()
            events = HummingbotEvents(exchange, self.registry, self.tell, self._tell_fill, self._tell_failure)
            self._events[exchange.name] = events
            events.start()
            exchange.adopt_orders()
        return events

    def _reaches(self, key_name: str, record: OrderRecord) -> bool:
        keys = (key for key in self.settings.keys if key.name == key_name)
        return any(key.may_use(record.exchange, record.market) for key in keys)

    async def _tidy(self) -> None:
        while True:
            try:
                self.journal.forget_before(time.time() - KEEP_S)
            except sqlite3.OperationalError:
                logger.exception("Old orders and fills could not be removed from the bridge's journal.")
            await asyncio.sleep(TIDY_EVERY_S)

    # HTTP

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Open the WebSocket at its path; anything else gets JSON: Hummingbot asks 15888 for its Gateway every 2 s."""
        if request.path != PATH or request.headers.get("Upgrade", "").lower() != "websocket":
            return _refusal(404, "this is the bridge of hummingbot-extended; its WebSocket is at /ws")
        if "Origin" in request.headers:
            return _refusal(403, "browsers are not let in")
        address = request.remote or ""
        wait_s = self._door.failed_logins.wait_s(address, asyncio.get_running_loop().time())
        if wait_s:
            return _refusal(429, "too many wrong keys from this address", **{"Retry-After": str(round(wait_s) + 1)})
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_FRAME_BYTES, compress=False)
        await socket.prepare(request)
        login = await self._door.let_in(socket, address)
        if login is not None:
            await Session(self, socket, request.transport, login).run()
        return socket


def default_settings(**more: Any) -> BridgeSettings:
    """Return settings with the keys of Hummingbot's conf/ and of the environment. Raises SettingsError without any."""
    return BridgeSettings(keys=load_keys(Path(hummingbot_settings.CONF_DIR_PATH) / KEY_FILE), **more)


def default_journal(port: int) -> Path:
    """Return the journal beside Hummingbot's databases; each port has its own."""
    return Path(hummingbot.data_path()) / f"extended_bridge_{port}.sqlite"


def _tls(settings: BridgeSettings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise SettingsError(f"the bridge's certificate cannot be used: {error}") from error
    return context


def _refusal(status: int, message: str, **headers: str) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)
