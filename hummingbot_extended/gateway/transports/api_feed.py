"""hummingbot-api's market-data WebSocket, read by our own hand: its client mistakes heartbeats for replies."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from hummingbot_extended.errors import ExtendedError, StreamClosed
from hummingbot_extended.gateway.errors import ConnectionLostError, HummingbotClientException, InvalidOrderError
from hummingbot_extended.gateway.protocol import ServerEvent
from hummingbot_extended.gateway.transports.api_rest import text_of
from hummingbot_extended.streams.aiohttp_transport import AiohttpWebSocketTransport
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest

logger = logging.getLogger(__name__)

PATH = "/ws/market-data"
UPDATE_S = 0.25  # the shortest it offers
SILENCE_S = 75.0  # it sends a heartbeat every 30 s
DEPTH = 20
CHANNELS = ("order_book", "trades")


class ApiFeed:
    """The subscriptions on one connection that comes back by itself. `tell` receives the events."""

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        credentials: Mapping[str, str],
        tell: Callable[[ServerEvent], None],
    ) -> None:
        self._url = url + PATH
        self._session = session
        self._credentials = credentials
        self._tell = tell
        self._wanted: dict[str, tuple[str, str, str]] = {}  # channel, exchange, market by the server's subscription id
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._connection: StreamConnection | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<ApiFeed {'open' if self._connection else 'closed'}, {len(self._wanted)} subscriptions>"

    async def subscribe(self, channel: str, exchange: str, market: str, timeout_s: float) -> None:
        """Subscribe and wait for the server's word. Raises InvalidOrderError, ConnectionLostError."""
        feed_id = f"{channel}_{exchange}_{market}"
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="hummingbot-api market data")
        answer = self._answers[feed_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._connected.wait()
                self._wanted[feed_id] = (channel, exchange, market)
                await self._ask(feed_id)
                await answer
        except TimeoutError:
            self._wanted.pop(feed_id, None)
            raise ConnectionLostError(f"{self._url}: no answer within {timeout_s:g} s") from None
        except (StreamClosed, HummingbotClientException):
            self._wanted.pop(feed_id, None)
            raise
        finally:
            self._answers.pop(feed_id, None)

    async def unsubscribe(self, channel: str, exchange: str, market: str) -> None:
        """End a subscription; one that is not there is no error."""
        feed_id = f"{channel}_{exchange}_{market}"
        if self._wanted.pop(feed_id, None) is not None and self._connection is not None:
            await self._send({"action": "unsubscribe", "subscription_id": feed_id})

    async def close(self) -> None:
        """Close the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _headers(self) -> Mapping[str, str]:
        return self._credentials

    async def _run(self) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._live()
            except ExtendedError as error:
                logger.warning("%s is down, reconnecting: %s", self._url, error)
            await asyncio.sleep(backoff.next_delay_s())

    async def _live(self) -> None:
        request = StreamRequest(url=self._url, headers=self._headers, data_timeout_s=SILENCE_S)
        connection = await AiohttpWebSocketTransport(self._session).open(request)
        self._connection = connection
        try:
            for feed_id in self._wanted:
                await self._ask(feed_id)
            self._connected.set()
            while True:
                for text in await connection.receive():
                    try:
                        message = msgspec.json.decode(text)
                    except msgspec.DecodeError:  # it writes NaN where Hummingbot has no number
                        logger.warning("%s: a message that is not JSON is left out", self._url)
                        continue
                    self._take(message)
        finally:
            self._connected.clear()
            self._connection = None
            await connection.close()

    async def _ask(self, feed_id: str) -> None:
        channel, exchange, market = self._wanted[feed_id]
        await self._send(
            {
                "action": "subscribe",
                "type": channel,
                "connector": exchange,
                "trading_pair": market,
                "update_interval": UPDATE_S,
                "depth": DEPTH,
            }
        )

    async def _send(self, message: Mapping[str, Any]) -> None:
        if self._connection is not None:
            await self._connection.send(msgspec.json.encode(message).decode())

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        feed_id = str(message.get("subscription_id", ""))
        match message.get("type"):
            case "subscribed":
                if (answer := self._answers.get(feed_id)) and not answer.done():
                    answer.set_result(None)
            case "error":
                self._refuse(str(message.get("message", "refused")))
            case "order_book" if feed_id in self._wanted:
                self._tell_book(self._wanted[feed_id], message)
            case "trades" if feed_id in self._wanted:
                self._tell_trades(self._wanted[feed_id], message)

    def _refuse(self, message: str) -> None:
        """An error names no subscription: it answers the oldest one that waits."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(InvalidOrderError(message))
                return
        logger.warning("%s: %s", self._url, message)

    def _tell_book(self, feed: tuple[str, str, str], message: Mapping[str, Any]) -> None:
        _, exchange, market = feed
        data = {
            "symbol": market,
            "exchange": exchange,
            "bids": levels(message["data"]["bids"]),
            "asks": levels(message["data"]["asks"]),
            "timestamp": message.get("timestamp"),
        }
        self._tell(ServerEvent("order_book_update", data))

    def _tell_trades(self, feed: tuple[str, str, str], message: Mapping[str, Any]) -> None:
        _, exchange, market = feed
        for trade in message["data"]:
            data = {
                "trade_id": None,
                "own": False,
                "symbol": market,
                "exchange": exchange,
                "price": text_of(trade.get("price")),
                "amount": text_of(trade.get("amount")),
                "side": trade.get("side"),
                "timestamp": trade.get("timestamp"),
            }
            self._tell(ServerEvent("trade", data))


def levels(rows: Any) -> list[list[str | None]]:
    """Return [price, amount] rows as texts."""
    return [[text_of(price), text_of(amount)] for price, amount in rows]
