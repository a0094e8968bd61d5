"""From engine events to stream updates, and from updates to whoever listens (API reference §6).

Books are told every 100 ms as one DELTA of what changed, best prices every 10 ms, everything else at once. Updates are
encoded only when somebody listens.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from hummingbot_extended.venue.candles import Candle, CandleKind, CandleStore
from hummingbot_extended.venue.connection import Connection
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import PriceSource, Side
from hummingbot_extended.venue.events import (
    AccountTradeEvent,
    BalanceEvent,
    BookEvent,
    Event,
    FundingPaymentEvent,
    FundingRateEvent,
    OrderEvent,
    PositionEvent,
    PriceEvent,
    PublicTradeEvent,
)
from hummingbot_extended.venue.faults import FaultKind, FaultPlan
from hummingbot_extended.venue.frames import Channel, Scope, Update
from hummingbot_extended.venue.settings import VenueSettings
from hummingbot_extended.venue.wire import Json, Wire, encode, plain, short

type Listener = tuple[Connection, str]  # a connection and, on the RPC socket, its topic
ALL_MARKETS = None


@dataclass(slots=True)
class PendingLevel:
    """What happened to a level since the last DELTA."""

    change: Decimal
    total: Decimal


@dataclass(slots=True)
class MarketFeed:
    """What one market has to tell at the next push."""

    levels: dict[tuple[Side, Decimal], PendingLevel] = field(default_factory=dict)
    top: tuple[object, object] = (None, None)


class StreamsHub:
    """All listeners by channel. The venue feeds it with events and calls the `push_*` methods when they are due."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        candles: CandleStore,
        wire: Callable[[], Wire],
        settings: VenueSettings,
        plan: FaultPlan,
        now_ms: Callable[[], int],
        wire_ms: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._candles = candles
        self._wire = wire
        self._settings = settings
        self._plan = plan
        self._now_ms = now_ms
        self._wire_ms = wire_ms
        self._listeners: dict[Channel, dict[Listener, None]] = {}
        self._feeds = {spec.name: MarketFeed() for spec in engine().queries.market_specs()}
        self._attached: set[Connection] = set()
        self._last_books_ms = now_ms()
        self._last_candles: dict[Channel, tuple[object, ...]] = {}

    # --- listeners --------------------------------------------------------------------------------------------------

    def attach(self, connection: Connection) -> None:
        """Keep a connection alive that listens to nothing yet (an RPC socket)."""
        self._attached.add(connection)

    def detach(self, connection: Connection) -> None:
        """Forget a connection and all its subscriptions."""
        self._attached.discard(connection)
        self.unsubscribe(connection)

    def subscribe(self, channel: Channel, connection: Connection, topic: str = "") -> None:
        """Add a listener and send it what its channel starts with: snapshots, recent trades, current values."""
        for market in self._markets(channel):
            if channel.scope is Scope.BOOKS:
                # Others get their DELTA first, so that the newcomer's next one fits its SNAPSHOT.
                self._push_book(market)
        self._listeners.setdefault(channel, {})[connection, topic] = None
        for update in self._opening(channel):
            connection.deliver(update, topic)

    def unsubscribe(self, connection: Connection, topic: str | None = None) -> None:
        """Remove a connection from every channel, or from the channel it listens to as `topic`."""
        for channel, listeners in list(self._listeners.items()):
            for listener in list(listeners):
                if listener[0] is connection and topic in (None, listener[1]):
                    del listeners[listener]
            if not listeners:
                del self._listeners[channel]

    @property
    def connections(self) -> set[Connection]:
        """Every connection that listens to something."""
        return self._attached | {connection for listeners in self._listeners.values() for connection, _ in listeners}

    def count_by_path(self) -> dict[str, int]:
        """Return how many connections are open, by path."""
        counts: dict[str, int] = {}
        for connection in self.connections:
            counts[connection.path] = counts.get(connection.path, 0) + 1
        return counts

    def listening(self, scope: Scope) -> bool:
        """Return whether anybody listens to `scope`."""
        return any(channel.scope is scope for channel in self._listeners)

    def _markets(self, channel: Channel) -> Iterable[str]:
        return self._feeds if channel.market is None and channel.scope is not Scope.ACCOUNT else [channel.market or ""]

    def _publish(self, update: Update, detail: str = "") -> None:
        for market in (update.market, ALL_MARKETS):
            for connection, topic in list(self._listeners.get(Channel(update.scope, market, detail), ())):
                connection.deliver(update, topic)

    def _heard(self, scope: Scope, market: str) -> bool:
        return Channel(scope, market) in self._listeners or Channel(scope, ALL_MARKETS) in self._listeners

    # --- what a channel starts with ---------------------------------------------------------------------------------

    def _opening(self, channel: Channel) -> list[Update]:
        if channel.scope is Scope.ACCOUNT:
            return self._account_opening(int(channel.detail))
        updates: list[Update] = []
        for market in self._markets(channel):
            updates += self._market_opening(channel, market)
        return updates

    def _market_opening(self, channel: Channel, market: str) -> list[Update]:
        view = self._engine().queries.market(market)
        match channel.scope:
            case Scope.BOOKS:
                return [self._snapshot(market)]
            case Scope.TOP_OF_BOOKS:
                return [self._top(market)]
            case Scope.TRADES:
                recent = self._engine().queries.public_trades(market, self._settings.recent_trades)
                rows = [self._wire().public_trade(trade) for trade in recent]
                return [self._update(Scope.TRADES, market, "", rows)] if rows else []
            case Scope.FUNDING:
                return [self._funding(market, view.funding_rate, self._wire_ms())]
            case Scope.MARK:
                return [self._price(market, PriceSource.MARK, view.mark_price, self._now_ms())]
            case Scope.INDEX:
                return [self._price(market, PriceSource.INDEX, view.index_price, self._now_ms())]
            case _:
                return [self._candle(channel, self._current_candle(channel))]

    def _account_opening(self, account_id: int) -> list[Update]:
        queries, wire = self._engine().queries, self._wire()
        now_ms = self._now_ms()
        hidden = self._plan.fires(FaultKind.EMPTY_ORDER_SNAPSHOT, now_ms, path="GET /account", account=account_id)
        orders = [] if hidden else [wire.order(order) for order in queries.open_orders(account_id)]
        balance = wire.balance(queries.balance(account_id, now_ms), stream=True)
        positions = [wire.position(p, stream=True) for p in queries.positions(account_id)]
        parts: list[tuple[str, Json]] = [("ORDER", {"orders": orders}), ("BALANCE", {"balance": balance})]
        if wire.variants.spot_balance_snapshot:
            parts.append(("SPOT_BALANCE", {"spotBalances": []}))
        parts.append(("POSITION", {"positions": positions}))
        if wire.variants.trade_snapshot:
            page = queries.trades(account_id, limit=self._settings.recent_trades)
            trades = [wire.account_trade(t, client_id_name="externalOrderId") for t in reversed(page.items)]
            parts.append(("TRADE", {"trades": trades}))
        return [self._account(kind, {"isSnapshot": True, **data}) for kind, data in parts]

    # --- events -----------------------------------------------------------------------------------------------------

    def feed(self, events: Iterable[Event]) -> None:
        """Turn the events of one command into updates; book changes wait for the next push."""
        accounts: dict[int, list[Event]] = {}
        trades: dict[str, list[Json]] = {}
        for event in events:
            match event:
                case BookEvent():
                    self._note_level(event)
                case PublicTradeEvent(trade):
                    self._candles.add(trade.market, CandleKind.TRADES, trade.ts_ms, trade.price, trade.qty)
                    if self._heard(Scope.TRADES, trade.market):
                        trades.setdefault(trade.market, []).append(self._wire().public_trade(trade))
                case PriceEvent():
                    self._feed_price(event)
                case FundingRateEvent(market, rate, ts_ms):
                    if self._heard(Scope.FUNDING, market):
                        self._publish(self._funding(market, rate, ts_ms))
                case FundingPaymentEvent():
                    pass  # no frame of its own; BALANCE and POSITION follow
                case _:
                    accounts.setdefault(event.account_id, []).append(event)
        for market, rows in trades.items():
            self._publish(self._update(Scope.TRADES, market, "", rows))
        for account_id, account_events in accounts.items():
            self._feed_account(account_id, account_events)

    def _note_level(self, event: BookEvent) -> None:
        levels = self._feeds[event.market].levels
        key = event.side, event.price
        pending = levels.get(key)
        if pending is None:
            levels[key] = PendingLevel(event.change, event.total)
        else:
            pending.change += event.change
            pending.total = event.total

    def _feed_price(self, event: PriceEvent) -> None:
        kind, scope = (
            (CandleKind.MARK, Scope.MARK) if event.source is PriceSource.MARK else (CandleKind.INDEX, Scope.INDEX)
        )
        self._candles.add(event.market, kind, event.ts_ms, event.price)
        if self._heard(scope, event.market):
            self._publish(self._price(event.market, event.source, event.price, event.ts_ms))

    def _feed_account(self, account_id: int, events: list[Event]) -> None:
        channel = Channel(Scope.ACCOUNT, None, str(account_id))
        listeners = list(self._listeners.get(channel, ()))
        if not listeners:
            return
        snapshot_flag: Json = {"isSnapshot": False} if self._wire().variants.is_snapshot_false else {}
        for kind, data in self._account_messages(events):
            update = self._account(kind, {**snapshot_flag, **data})
            for connection, topic in listeners:
                connection.deliver(update, topic)

    def _account_messages(self, events: list[Event]) -> list[tuple[str, Json]]:
        """Group one command's account events into messages, in the order that the variant `fill_messages` says.

        What happened to orders before the first fill stays in front, in its order: the engine had it behind it.
        """
        wire = self._wire()
        rows: dict[str, list[Json]] = {"BEFORE": [], "ORDER": [], "TRADE": []}
        has_trades, has_filled = any(isinstance(event, AccountTradeEvent) for event in events), False
        positions: dict[int, Json] = {}
        balance: Json | None = None
        for event in events:
            match event:
                case OrderEvent(_, order):
                    has_filled = has_filled or (has_trades and order.filled_qty > 0)
                    rows["ORDER" if has_filled else "BEFORE"].append(wire.order(order))
                case AccountTradeEvent(_, trade):
                    rows["TRADE"].append(wire.account_trade(trade, client_id_name="externalOrderId"))
                case PositionEvent(_, position):
                    positions.pop(position.id, None)
                    positions[position.id] = wire.position(position, stream=True)
                case BalanceEvent(_, view):
                    balance = wire.balance(view, stream=True)
        messages: list[tuple[str, Json]] = [("ORDER", {"orders": batch}) for batch in _batches(rows["BEFORE"])]
        for kind in wire.variants.fill_messages.split(","):
            if kind == "ORDER":
                messages += [("ORDER", {"orders": batch}) for batch in _batches(rows["ORDER"])]
            elif kind == "TRADE" and rows["TRADE"]:
                messages.append(("TRADE", {"trades": rows["TRADE"]}))
            elif kind == "POSITION" and positions:
                messages.append(("POSITION", {"positions": list(positions.values())}))
            elif kind == "BALANCE" and balance:
                messages.append(("BALANCE", {"balance": balance}))
        return messages

    # --- pushes -----------------------------------------------------------------------------------------------------

    def push_books_when_due(self, now_ms: int) -> None:
        """Send every market's DELTA of what changed, when the last push is long enough ago."""
        if now_ms - self._last_books_ms >= self._settings.book_push_ms:
            self._last_books_ms = now_ms
            for market in self._feeds:
                self._push_book(market)

    def _push_book(self, market: str) -> None:
        levels = self._feeds[market].levels
        if not levels:
            return
        self._feeds[market].levels = {}
        if not self._heard(Scope.BOOKS, market):
            return
        changes = [
            BookEvent(market, side, price, level.change, level.total)
            for (side, price), level in sorted(levels.items(), key=_book_order)
            if level.change
        ]
        if changes:
            self._publish(self._update(Scope.BOOKS, market, "DELTA", self._wire().book_delta(market, changes)))

    def push_snapshots(self) -> None:
        """Send every listened-to book afresh, as the exchange does each minute."""
        for market in self._feeds:
            self._push_book(market)
            if self._heard(Scope.BOOKS, market):
                self._publish(self._snapshot(market))

    def push_tops(self) -> None:
        """Send best prices where they changed."""
        for market, feed in self._feeds.items():
            if self._heard(Scope.TOP_OF_BOOKS, market):
                bids, asks = self._engine().queries.book(market, 1)
                if (top := (tuple(bids), tuple(asks))) != feed.top:
                    feed.top = top
                    self._publish(self._top(market))

    def push_candles(self) -> None:
        """Send each listened-to candle that changed."""
        for channel in [c for c in self._listeners if c.scope is Scope.CANDLES]:
            candle = self._current_candle(channel)
            key = candle.start_ms, candle.high, candle.low, candle.close, candle.volume
            if self._last_candles.get(channel) != key:
                self._last_candles[channel] = key
                self._publish(self._candle(channel, candle), channel.detail)

    # --- updates ----------------------------------------------------------------------------------------------------

    def _update(self, scope: Scope, market: str, kind: str, data: object) -> Update:
        return Update(scope, market, kind, encode(data), self._wire_ms())

    def _snapshot(self, market: str) -> Update:
        bids, asks = self._engine().queries.book(market)
        return self._update(Scope.BOOKS, market, "SNAPSHOT", self._wire().book_snapshot(market, bids, asks))

    def _top(self, market: str) -> Update:
        bids, asks = self._engine().queries.book(market, 1)
        data = self._wire().book_snapshot(market, bids, asks, depth="1")
        return self._update(Scope.TOP_OF_BOOKS, market, "SNAPSHOT", data)

    def _funding(self, market: str, rate: Decimal, ts_ms: int) -> Update:
        return self._update(Scope.FUNDING, market, "", {"m": market, "f": short(rate), "T": ts_ms})

    def _price(self, market: str, source: PriceSource, price: Decimal, ts_ms: int) -> Update:
        if source is PriceSource.MARK:
            return self._update(Scope.MARK, market, "MP", {"m": market, "p": plain(price), "ts": 0})
        return self._update(Scope.INDEX, market, "IP", {"m": market, "p": plain(price), "ts": ts_ms})

    def _current_candle(self, channel: Channel) -> Candle:
        kind, _, interval = channel.detail.partition(".")
        return self._candles.current(channel.market or "", CandleKind(kind), interval)

    def _candle(self, channel: Channel, candle: Candle) -> Update:
        row = candle_row(candle, with_volume=channel.detail.startswith(CandleKind.TRADES))
        return self._update(Scope.CANDLES, channel.market or "", "", [row])

    def _account(self, kind: str, data: Json) -> Update:
        return self._update(Scope.ACCOUNT, "", kind, data)


def candle_row(candle: Candle, *, with_volume: bool) -> Json:
    """Write a candle (API reference §2.5, §6.5); only trade candles have a volume."""
    row: Json = {
        "o": short(candle.open),
        "l": short(candle.low),
        "h": short(candle.high),
        "c": short(candle.close),
    }
    if with_volume:
        row["v"] = short(candle.volume)
    row["T"] = candle.start_ms
    return row


def _batches(orders: list[Json]) -> list[list[Json]]:
    """Split orders into messages in which no order appears twice: each message is one state of each order."""
    batches: list[list[Json]] = []
    seen: set[int] = set()
    for order in orders:
        if not batches or order["id"] in seen:
            batches.append([])
            seen = set()
        batches[-1].append(order)
        seen.add(order["id"])
    return batches


def _book_order(item: tuple[tuple[Side, Decimal], PendingLevel]) -> tuple[int, Decimal]:
    (side, price), _ = item
    return (0, -price) if side is Side.BUY else (1, price)
