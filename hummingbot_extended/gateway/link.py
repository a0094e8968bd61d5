"""The client's connection and its life: connect, lose, come back, catch up."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from hummingbot_extended.gateway.enums import ConnectionStatus
from hummingbot_extended.gateway.errors import (
    ConnectionLostError,
    HummingbotClientException,
    ServerError,
)
from hummingbot_extended.gateway.protocol import Reply, ServerEvent, Welcome
from hummingbot_extended.gateway.publisher import Publisher
from hummingbot_extended.gateway.transports.base import GatewayTransport
from hummingbot_extended.streams.backoff import Backoff

logger = logging.getLogger(__name__)

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 30.0


class Link:
    """Keeps one transport connected. The state is `status`, and only `_set` changes it.

    `attempts` bounds the first connect, `max_reconnects` each return (None: no bound); after a loss the status is
    CONNECTING, and ERROR once there is no hope.
    """

    def __init__(
        self,
        transport: GatewayTransport,
        publisher: Publisher,
        *,
        timeout_s: float,
        attempts: int,
        auto_reconnect: bool,
        max_reconnects: int | None,
    ) -> None:
        self.status = ConnectionStatus.DISCONNECTED
        self.welcome = Welcome()
        self.subscriptions: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._transport = transport
        self._publisher = publisher
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._auto_reconnect = auto_reconnect
        self._max_reconnects = max_reconnects
        self._connecting = asyncio.Lock()
        self._settled = asyncio.Event()  # set unless CONNECTING
        self._settled.set()
        self._loss: HummingbotClientException | None = None
        self._task: asyncio.Task[None] | None = None  # what connects, first or again

    def __repr__(self) -> str:
        return f"{self._transport.name} {self.status.value}, {self._publisher.orders!r}"

    @property
    def name(self) -> str:
        """Where the link leads."""
        return self._transport.name

    @property
    def is_connected(self) -> bool:
        """Whether requests go out now."""
        return self.status is ConnectionStatus.CONNECTED

    @property
    def may_come_back(self) -> bool:
        """Whether it makes sense to try a request again."""
        return self.status in (ConnectionStatus.CONNECTED, ConnectionStatus.CONNECTING)

    async def connect(self) -> None:
        """Connect, if not connected. Raises AuthenticationError, ConnectionLostError."""
        async with self._connecting:
            if self.may_come_back:
                return
            self._set(ConnectionStatus.CONNECTING)
            task = self._task = asyncio.create_task(self._establish(self._attempts), name="gateway connect")
            try:
                await task
            except BaseException as error:
                self._set(ConnectionStatus.DISCONNECTED)
                await self._transport.close()
                is_ours = (caller := asyncio.current_task()) is not None and caller.cancelling() > 0
                if task.cancelled() and self._task is not task and not is_ours:
                    raise ConnectionLostError("the client disconnected while it was connecting", sent=False) from error
                raise

    async def disconnect(self) -> None:
        """Close the connection and stop trying to connect or to return."""
        self._set(ConnectionStatus.DISCONNECTED)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._transport.close()
        self.subscriptions.clear()

    async def request(self, method: str, params: Mapping[str, Any]) -> Reply:
        """Send a request; one made while the connection is coming back waits for it, within the timeout."""
        if not self._settled.is_set():
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._settled.wait()
            except TimeoutError:
                raise ConnectionLostError(
                    f"no connection to {self.name} now; it is being restored", sent=False
                ) from None
        if not self.is_connected:
            raise ConnectionLostError(f"not connected to {self.name}; call connect() first", sent=False)
        return await self._transport.request(method, params, timeout_s=self._timeout_s)

    def on_event(self, event: ServerEvent) -> None:
        """See `TransportListener.on_event`."""
        self._publisher.event(event)

    def on_lost(self, error: HummingbotClientException) -> None:
        """See `TransportListener.on_lost`."""
        self._loss = error
        if self.status is not ConnectionStatus.CONNECTED:
            return  # whoever is opening it looks at the loss itself
        logger.warning("%s: %s", self.name, error.message)
        self._set(ConnectionStatus.CONNECTING if self._auto_reconnect else ConnectionStatus.DISCONNECTED)
        if self._auto_reconnect:
            self._task = asyncio.get_running_loop().create_task(self._come_back(), name="gateway reconnect")
        self._publisher.lost(error)

    async def _come_back(self) -> None:
        try:
            await self._establish(self._max_reconnects)
        except HummingbotClientException as error:
            await self._give_up(error)
        except Exception as error:  # whatever a server may answer: who waits for the connection is to know
            logger.exception("%s: a reconnect failed in a way nobody has thought of.", self.name)
            await self._give_up(ServerError(f"the server's answers after the reconnect make no sense: {error!r}"))
        else:
            self._publisher.info("reconnected", f"connected to {self.name} again")
            logger.info("%s: connected again", self.name)

    async def _give_up(self, error: HummingbotClientException) -> None:
        self._set(ConnectionStatus.ERROR)
        self._publisher.lost(error)
        logger.warning("%s: gave up reconnecting: %s", self.name, error.message)
        await self._transport.close()

    async def _establish(self, attempts: int | None) -> None:
        """Open the transport and catch up, with growing pauses, `attempts` times or until it works: CONNECTED then."""
        backoff = Backoff(first_s=FIRST_DELAY_S, max_s=MAX_DELAY_S)
        tried = 0
        while True:
            tried += 1
            try:
                await self._open()
                await self._catch_up()
                if self._loss is not None:
                    raise self._loss
            except HummingbotClientException as error:
                if not error.retryable:
                    raise
                if attempts is not None and tried >= attempts:
                    raise ConnectionLostError(error.message, sent=False) from error
                await asyncio.sleep(backoff.next_delay_s(at_least_s=error.retry_after_s or 0.0))
            else:
                self._set(ConnectionStatus.CONNECTED)  # at once: a loss from now on is told
                return

    async def _open(self) -> None:
        self._loss = None
        position = self._publisher.position
        self.welcome = await self._transport.open(self, timeout_s=self._timeout_s, resume_from=position)
        if self._publisher.position is None:
            self._publisher.position = self.welcome.position

    async def _catch_up(self) -> None:
        """Renew the subscriptions and publish what became of the orders meanwhile. Raises ConnectionLostError."""
        for params in list(self.subscriptions.values()):
            await self._ask("subscribe", params)
        known = self._publisher.orders.open_orders()
        listed: set[str] = set()
        for exchange, market in {(exchange, market) for exchange, market, _ in known}:
            for order in await self._ask("get_open_orders", {"exchange": exchange, "market": market}) or ():
                listed.add(str(order["order_id"]))
                self._publisher.order({**order, "resync": True})
        for exchange, market, order_id in known:
            if order_id not in listed:
                params = {"exchange": exchange, "market": market, "order_id": order_id}
                if order := await self._ask("get_order", params):
                    self._publisher.order({**order, "resync": True})

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Return what the server says before this link counts as connected; None where it refuses to say."""
        try:
            return (await self._transport.request(method, params, timeout_s=self._timeout_s)).data
        except HummingbotClientException as error:
            if error.retryable:
                raise ConnectionLostError(error.message) from error
            logger.warning("%s: %s after the reconnect: %s", self.name, method, error.message)
            return None

    def _set(self, status: ConnectionStatus) -> None:
        self.status = status
        if status is ConnectionStatus.CONNECTING:
            self._settled.clear()
        else:
            self._settled.set()
