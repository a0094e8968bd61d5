"""One WebSocket client: what it says, what it is subscribed to, what is told to it (statements W1–W38)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import msgspec

from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.hub.client_messages import (
    ALL_SYMBOLS,
    AlertClear,
    AlertSet,
    ClientMessage,
    ErrorCode,
    ListSubscriptions,
    Ping,
    Refused,
    StreamType,
    Subscribe,
    Unsubscribe,
    parse_client_message,
)
from hummingbot_extended.hub.client_subscription import ClientSubscription
from hummingbot_extended.hub.events import Row, cached_iso
from hummingbot_extended.hub.face_limits import FaceLimits, TokenBucket
from hummingbot_extended.hub.face_topics import FaceTopics, Topic, TopicKey
from hummingbot_extended.hub.interface import UnknownMarket
from hummingbot_extended.hub.kinds import FEEDS_OF, Kind
from hummingbot_extended.hub.listener import Listener, Pacer, Wire
from hummingbot_extended.hub.replay_task import run_replay
from hummingbot_extended.hub.timers import Timers

logger = logging.getLogger(__name__)

DISCLAIMER: Final = "Market data as the sources gave it, without warranty; see LICENSE. No financial advice."
_encode = msgspec.json.Encoder(decimal_format="string").encode


class ClientSession(Listener):
    """The subscriptions and alerts of one connection. `hear` takes what the client says, `stop` ends everything."""

    def __init__(
        self,
        wire: Wire,
        *,
        pacer: Pacer,
        limits: FaceLimits,
        topics: FaceTopics,
        timers: Timers,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(wire, pacer, limits)
        self.subscriptions: dict[str, ClientSubscription] = {}
        self._topics = topics
        self._timers = timers
        self._clock = clock
        self._now_ms = now_ms
        self._replies: list[bytes] = []
        self._reply_bytes = 0
        self._news: dict[ClientSubscription, None] = {}
        self._statuses: dict[str, tuple[Topic, int]] = {}  # by market: the topic, and how many subscriptions want it
        self._alerts: dict[str, dict[str, Any]] = {}
        self._replays: set[asyncio.Task[None]] = set()
        self._bucket = TokenBucket(limits.messages_per_s, limits.message_burst, clock())
        self._read_on: asyncio.Event | None = None  # set when a reader that was behind has taken what waited
        self._is_stopped = False
        timers.add(clock() + limits.heartbeat_s, self._heartbeat)

    def __repr__(self) -> str:
        return f"<ClientSession {len(self.subscriptions)} subscriptions, {self.messages_sent} messages>"

    # --- what the client says ---------------------------------------------------------------------------------------

    def hear(self, text: str) -> bool:
        """Obey one message, or answer why not. False when the client says too much and is to be closed (1008)."""
        if not self._bucket.take(self._clock()):
            return False
        try:
            self._obey(parse_client_message(text))
        except Refused as refusal:
            self.refuse(refusal)
        return True

    def refuse(self, refusal: Refused) -> None:
        """Tell the client why its message is not obeyed (W34)."""
        self.reply({"type": "error", "error_code": refusal.code, "message": refusal.message, "timestamp": self._iso()})

    def reply(self, message: dict[str, Any]) -> None:
        """Queue a message that comes before all data."""
        self._reply_raw(_encode(message))

    def _reply_raw(self, payload: bytes) -> None:
        self._replies.append(payload)
        self._reply_bytes += len(payload)
        self.has_news()

    @property
    def is_overfull(self) -> bool:
        """Whether more replies wait than a reader may leave unread; it is then to be closed (1008)."""
        return self._reply_bytes > self.limits.max_waiting_bytes

    def _iso(self) -> str:
        return cached_iso(self._now_ms())

    def _obey(self, message: ClientMessage) -> None:
        match message:
            case Subscribe():
                self.subscribe(message)
            case Unsubscribe():
                self._unsubscribe(message)
            case Ping():
                self.reply({"type": "pong", "timestamp": self._iso()})
            case ListSubscriptions():
                listed = [subscription.describe() for subscription in self.subscriptions.values()]
                alerts = [{"alert_id": alert_id, **alert} for alert_id, alert in self._alerts.items()]
                self.reply({"type": "subscriptions", "subscriptions": listed, "alerts": alerts})
            case AlertSet():
                self._set_alert(message)
            case AlertClear(alert_id):
                known = self._alerts.pop(alert_id, None) is not None and self._topics.hub.remove_alert(alert_id)
                self.reply({"type": "alert_ack", "alert_id": alert_id, "active": False, "known": known})

    # --- subscriptions ----------------------------------------------------------------------------------------------

    def subscribe(self, asked: Subscribe) -> None:
        """Begin a subscription; its acknowledgment comes before its data (W18). Raises Refused."""
        if len(self.subscriptions) >= self.limits.max_subscriptions:
            limit = self.limits.max_subscriptions
            raise Refused(ErrorCode.SUBSCRIPTION_ERROR, f"a connection has at most {limit} subscriptions")
        markets = self._resolve(asked)
        is_live = asked.params.replay is None
        subscription = ClientSubscription(
            str(uuid4()),
            asked,
            self._join(asked, markets) if is_live else {},
            max_waiting=self.limits.max_waiting_events,
            has_news=self._subscription_has_news,
            send_now=self.send_now,
            metadata=None if is_live else {"replay": True},
        )
        self.subscriptions[subscription.id] = subscription
        self.reply(
            {
                "type": "subscription_ack",
                "stream_type": asked.stream_type,
                "symbols": markets,
                "subscription_id": subscription.id,
                "interval_ms": asked.interval_ms,
                "timestamp": self._iso(),
                "mode": subscription.mode,
                "disclaimer": DISCLAIMER,
            }
        )
        if not is_live:
            self._begin_replay(subscription, markets)
        else:
            self._begin(subscription)

    def _begin(self, subscription: ClientSubscription) -> None:
        if FEEDS_OF[subscription.asked.stream_type.kind]:
            for market in subscription.topics:
                self._watch_status(market)
        is_depth = subscription.asked.stream_type is StreamType.DEPTH
        if subscription.asked.params.snapshot or is_depth:
            subscription.begin()
        interval_s = subscription.asked.interval_ms / 1000
        due_s = self._clock() + interval_s

        def fire(now_s: float) -> float | None:
            nonlocal due_s
            if subscription.is_over:
                return None
            subscription.due()
            due_s = max(due_s + interval_s, now_s)  # the phase is kept; what was missed is not made up for
            return due_s

        if subscription.mode != "tick":
            self._timers.add(due_s, fire)

    def _resolve(self, asked: Subscribe) -> list[str]:
        if asked.stream_type is StreamType.NEWS and asked.symbols == (ALL_SYMBOLS,):
            return [ALL_SYMBOLS]
        try:
            return list(dict.fromkeys(self._topics.hub.resolve(symbol) for symbol in asked.symbols))
        except UnknownMarket:
            raise Refused(ErrorCode.SUBSCRIPTION_ERROR, "one of the symbols is not known") from None

    def _join(self, asked: Subscribe, markets: list[str]) -> dict[str, Topic]:
        joined: dict[str, Topic] = {}
        kind = asked.stream_type.kind
        try:
            for market in markets:
                frame = asked.params.timeframe if kind is Kind.OHLCV else None
                levels = asked.params.levels if kind is Kind.DEPTH else None
                joined[market] = self._topics.join(TopicKey(kind, market, frame, levels))
        except ExtendedError as error:
            for topic in joined.values():
                self._topics.leave(topic)
            logger.info("A subscription to %s is refused: %s", kind, error)
            raise Refused(ErrorCode.SUBSCRIPTION_ERROR, "the hub cannot serve this stream now") from None
        return joined

    def _subscription_has_news(self, subscription: ClientSubscription) -> None:
        self._news[subscription] = None
        if not self._is_marked:
            self.has_news()

    def _unsubscribe(self, asked: Unsubscribe) -> None:
        if asked.subscription_id is not None:
            found = self.subscriptions.get(asked.subscription_id)
            if found is None:
                raise Refused(ErrorCode.UNSUBSCRIBE_ERROR, "there is no such subscription on this connection")
            symbols, stream_type = list(found.topics), found.asked.stream_type
            self._drop(found, set(found.topics))
            extra = {"subscription_id": found.id}
        else:
            assert asked.stream_type is not None  # noqa: S101 (what the parser promises)
            stream_type, extra = asked.stream_type, {}
            symbols = self._unsubscribe_type(stream_type, asked.symbols)
        self.reply({"type": "unsubscribe_ack", "stream_type": stream_type, "symbols": symbols, **extra})

    def _unsubscribe_type(self, stream_type: StreamType, symbols: tuple[str, ...] | None) -> list[str]:
        """End what is subscribed of a stream type: all of it, or these symbols. Return the symbols meant."""
        mine = [each for each in self.subscriptions.values() if each.asked.stream_type is stream_type]
        if symbols is None:
            markets = list(dict.fromkeys(market for each in mine for market in each.topics))
        else:
            markets = list(dict.fromkeys(self._name_of(symbol) for symbol in symbols))
        for subscription in mine:
            if symbols is None or set(markets) & subscription.topics.keys():
                self._drop(subscription, set(markets))
        return markets

    def _name_of(self, symbol: str) -> str:
        try:
            return self._topics.hub.resolve(symbol)
        except UnknownMarket:
            return symbol.upper()

    def _drop(self, subscription: ClientSubscription, markets: set[str]) -> None:
        for topic in subscription.drop_markets(markets):
            self._topics.leave(topic)
            if FEEDS_OF[topic.key.kind]:
                self._unwatch_status(topic.key.market)
        if subscription.is_over:
            self.subscriptions.pop(subscription.id, None)
            self._news.pop(subscription, None)

    # --- status, alerts, replay -------------------------------------------------------------------------------------

    def _watch_status(self, market: str) -> None:
        topic, count = self._statuses.get(market, (None, 0))
        if topic is None:
            topic = self._topics.join(TopicKey(Kind.STATUS, market))
            topic.sinks[self._tell_status] = None
        self._statuses[market] = topic, count + 1

    def _unwatch_status(self, market: str) -> None:
        topic, count = self._statuses[market]
        if count > 1:
            self._statuses[market] = topic, count - 1
            return
        del self._statuses[market]
        topic.sinks.pop(self._tell_status, None)
        self._topics.leave(topic)

    def _tell_status(self, row: Row) -> None:
        """Tell of a feed that went or came back, if a subscription of its market is made of it (W38)."""
        feed = getattr(row, "feed", "")
        wanted = (each.asked.stream_type.kind for each in self.subscriptions.values() if row.market in each.topics)
        if any(feed in FEEDS_OF[kind] for kind in wanted):
            self._reply_raw(b'{"type":"status",' + row.numbers[1:])

    def _set_alert(self, asked: AlertSet) -> None:
        if len(self._alerts) >= self.limits.max_alerts:
            raise Refused(ErrorCode.ALERT_ERROR, f"a connection has at most {self.limits.max_alerts} alerts")
        try:
            alert_id = self._topics.hub.set_alert(asked.alert, self._tell_alert)
        except ExtendedError:
            raise Refused(
                ErrorCode.ALERT_ERROR, "the alert cannot be set: see its kind, symbol and threshold"
            ) from None
        self._alerts[alert_id] = asked.alert
        self.reply({"type": "alert_ack", "alert_id": alert_id, "active": True, "alert": asked.alert})

    def _tell_alert(self, row: Row) -> None:
        self._reply_raw(b'{"type":"alert",' + row.numbers[1:])

    def _begin_replay(self, subscription: ClientSubscription, markets: list[str]) -> None:
        task = asyncio.get_running_loop().create_task(
            run_replay(self._topics.hub, subscription, markets, self), name=f"replay {subscription.id}"
        )
        self._replays.add(task)
        task.add_done_callback(self._replays.discard)

    async def send_replay(self, payload: bytes) -> None:
        """Queue a message of a replay, which waits while the reader is behind."""
        self._reply_raw(payload)
        if self._reply_bytes > self.limits.max_waiting_bytes // 4:
            self._read_on = asyncio.Event()
            await self._read_on.wait()

    def end_replay(self, subscription: ClientSubscription, *, error: str | None = None) -> None:
        """The replay is over: the subscription is, too."""
        self.subscriptions.pop(subscription.id, None)
        message: dict[str, Any] = {"type": "replay_end", "subscription_id": subscription.id, "timestamp": self._iso()}
        self.reply(message if error is None else message | {"error": error})

    # --- what goes out ----------------------------------------------------------------------------------------------

    def collect(self) -> list[bytes]:
        """See Listener: replies first."""
        payloads: list[bytes] = []
        if self._replies:
            payloads += self._replies
            self._replies.clear()
            self._reply_bytes = 0
            if self._read_on is not None:
                self._read_on.set()
        if self._news:
            now_ms = self._pacer.time_ms()
            if len(self._news) == 1:
                subscription, _ = self._news.popitem()
                return payloads + subscription.collect(now_ms) if payloads else subscription.collect(now_ms)
            news, self._news = self._news, {}
            for subscription in news:
                payloads += subscription.collect(now_ms)
        return payloads

    def _heartbeat(self, now_s: float) -> float | None:
        if self._is_stopped:
            return None
        active = len(self.subscriptions)
        self.reply({"type": "heartbeat", "timestamp": self._iso(), "active_subscriptions": active})
        return now_s + self.limits.heartbeat_s

    async def stop(self) -> None:
        """End every subscription, alert and replay: at once, so that counts are right; then the writer."""
        self._is_stopped = True
        for subscription in list(self.subscriptions.values()):
            self._drop(subscription, set(subscription.topics))
            subscription.is_over = True
        self.subscriptions.clear()
        for alert_id in self._alerts:
            self._topics.hub.remove_alert(alert_id)
        self._alerts.clear()
        for task in self._replays:
            task.cancel()
        await asyncio.gather(*self._replays, return_exceptions=True)
        await super().stop()
