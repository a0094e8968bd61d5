"""Any exchange of ccxt as a source (extra `ccxt`): over its WebSocket where ccxt has one, else by polling.

ccxt gives doubles: prices come back as the shortest decimals that mean the same double. A market such as BTC-USD is the
exchange's perpetual of the same base, in USD, USDC or USDT; where it has none, its spot market. Such prices are another
venue's: a hub reads them when its own sources are gone, or beside them to compare, and never averages.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import ccxt.pro

from hummingbot_extended.errors import ConnectFailed, ExtendedError, RateLimited, SettingsError
from hummingbot_extended.exchange.channels import CandleFrame, FundingFrame, Price, PriceFrame, TradesFrame
from hummingbot_extended.exchange.enums import Side, TradeType
from hummingbot_extended.exchange.models import Candle, FundingRate, PublicTrade
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.sources.base import Sink
from hummingbot_extended.hub.sources.frames import book_frame, exact, trade_number
from hummingbot_extended.hub.sources.tasks import TaskUpstream
from hummingbot_extended.streams.backoff import Backoff

POLL_S = 2.0
UNWATCH_TIMEOUT_S = 2.0
TOO_MANY = 429
QUOTES = ("USD", "USDC", "USDT")
# What ccxt has tells neither a sequence nor all that was in between.
COMPLETENESS = 1 / 3
# What a feed is called in ccxt: in `has` after "watch" and "fetch", and in the names of methods.
_NAMES = {
    Feed.BOOK: ("OrderBook", "order_book"),
    Feed.QUOTE: ("OrderBook", "order_book"),
    Feed.TRADES: ("Trades", "trades"),
    Feed.CANDLES: ("OHLCV", "ohlcv"),
    Feed.FUNDING: ("FundingRate", "funding_rate"),
    Feed.MARK: ("MarkPrice", "mark_price"),
    Feed.INDEX: ("IndexPrice", "index_price"),
}


def exchange_of(exchange_id: str) -> Any:
    """Return ccxt's exchange of that id. Raises SettingsError where there is none."""
    if exchange_id not in ccxt.pro.exchanges:
        raise SettingsError(f"ccxt has no exchange {exchange_id!r} with streams")
    return getattr(ccxt.pro, exchange_id)()


@dataclass(frozen=True, slots=True)
class _Call:
    """How a feed is read: by `method` of the exchange, whose answer is awaited, or asked for every `poll_s`.

    `unwatch` ends what the exchange sends for it; None where it cannot be ended.
    """

    method: Callable[..., Any]
    unwatch: Callable[..., Any] | None
    poll_s: float


class CcxtSource:
    """Reads `exchange`, which is its own from now on and is closed with it. `symbols` overrides ccxt's market names.

    `clock` is epoch seconds, for what ccxt gives no time of.
    """

    def __init__(
        self,
        exchange: Any,
        *,
        name: str = "ccxt",
        symbols: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._exchange = exchange
        self._symbols = dict(symbols or {})
        self._clock = clock
        self._watched: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._loading = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<CcxtSource {self.name}>"

    def offers(self, channel: Channel) -> bool:
        """See Source: what the exchange has of ccxt's methods; whether it has the market shows when it is opened."""
        return self._call(channel.feed) is not None

    def open(self, channel: Channel, sink: Sink) -> TaskUpstream:
        """See Source."""
        return TaskUpstream(self._read(channel, sink), lambda _reason: None, f"{self.name} {channel}")

    async def close(self) -> None:
        """See Source."""
        await self._exchange.close()

    def _call(self, feed: Feed) -> _Call | None:
        if feed not in _NAMES:
            return None
        name, method = _NAMES[feed]

        def of(claim: str, verb: str) -> Any:
            """Return a method that the exchange claims to have, and has: ccxt claims some that it does not."""
            return getattr(self._exchange, f"{verb}_{method}", None) if self._exchange.has.get(claim + name) else None

        if (watch := of("watch", "watch")) is not None:
            return _Call(watch, of("unWatch", "un_watch"), 0.0)
        fetch = of("fetch", "fetch")
        return None if fetch is None else _Call(fetch, None, POLL_S)

    async def _read(self, channel: Channel, sink: Sink) -> None:
        """Read a channel for ever; what goes wrong is told, and tried again."""
        backoff = Backoff()
        while True:
            began_s = monotonic()
            try:
                await self._read_once(channel, sink)
            except ccxt.BaseError as error:
                sink.lost(_translated(error, self.name))
            except ExtendedError as error:
                sink.lost(error)
            await asyncio.sleep(backoff.next_delay_s(monotonic() - began_s))

    async def _read_once(self, channel: Channel, sink: Sink) -> None:
        call, symbol = self._call(channel.feed), await self._symbol(channel.market)
        if call is None:
            raise ConnectFailed(f"{self.name} has no {channel.feed}")
        arguments = (symbol, channel.frame.interval) if channel.frame is not None else (symbol,)
        is_connected = False
        async with self._watching(call, arguments):
            while True:
                answer = await call.method(*arguments)
                if not is_connected:
                    sink.connected()
                    is_connected = True
                sink.take(self._frame(channel, answer), COMPLETENESS)
                await asyncio.sleep(call.poll_s)

    @contextlib.asynccontextmanager
    async def _watching(self, call: _Call, arguments: tuple[str, ...]) -> AsyncIterator[None]:
        """End the exchange's subscription with its last reader, where it can be ended."""
        key = call.method.__name__, arguments
        self._watched[key] += 1
        try:
            yield
        finally:
            self._watched[key] -= 1
            if not self._watched[key] and call.unwatch is not None:
                with contextlib.suppress(ccxt.BaseError, TimeoutError):
                    async with asyncio.timeout(UNWATCH_TIMEOUT_S):
                        await call.unwatch(*arguments)

    async def _symbol(self, market: str) -> str:
        """Return ccxt's name of a market. Raises ConnectFailed where the exchange has none, and what ccxt raises."""
        if market not in self._symbols:
            async with self._loading:
                markets = await self._exchange.load_markets()
            found = _same_market(market, markets.values())
            if found is None:
                raise ConnectFailed(f"{self.name} has no market like {market}")
            self._symbols[market] = found
        return self._symbols[market]

    def _frame(self, channel: Channel, answer: Any) -> Any:
        now_ms = int(self._clock() * 1000)
        match channel.feed:
            case Feed.BOOK | Feed.QUOTE:
                sides = [[(exact(row[0]), exact(row[1])) for row in answer[side]] for side in ("bids", "asks")]
                is_best = channel.feed is Feed.QUOTE
                ts_ms = answer.get("timestamp") or now_ms
                return book_frame(channel.market, sides[0], sides[1], ts_ms=ts_ms, best_only=is_best)
            case Feed.TRADES:
                return TradesFrame(trades=[_trade(channel.market, one) for one in answer], ts_ms=now_ms, seq=0)
            case Feed.CANDLES:
                return CandleFrame(candles=[_candle(row) for row in answer], ts_ms=now_ms, seq=0)
            case Feed.FUNDING:
                ts_ms = answer.get("timestamp") or now_ms
                rate = FundingRate(market=channel.market, time_ms=ts_ms, rate=exact(answer["fundingRate"]))
                return FundingFrame(funding=rate, ts_ms=ts_ms, seq=0)
        key, kind = ("markPrice", "MP") if channel.feed is Feed.MARK else ("indexPrice", "IP")
        price = Price(market=channel.market, price=exact(answer[key]))
        return PriceFrame(price=price, kind=kind, ts_ms=answer.get("timestamp") or now_ms, seq=0)


def _same_market(market: str, candidates: Any) -> str | None:
    """Return the symbol of the market that comes closest: of the same base, perpetual before spot, USD before USDT."""
    base = market.partition("-")[0]

    def rank(one: Any) -> tuple[bool, int]:
        return not one.get("swap"), QUOTES.index(one["quote"])

    alike = [
        one
        for one in candidates
        if one.get("base") == base
        and one.get("quote") in QUOTES
        and one.get("active") is not False
        and (one.get("spot") or (one.get("swap") and one.get("linear")))
    ]
    return min(alike, key=rank)["symbol"] if alike else None


def _trade(market: str, trade: Any) -> PublicTrade:
    return PublicTrade(
        id=trade_number(str(trade.get("id") or "")),
        market=market,
        side=Side.SELL if trade.get("side") == "sell" else Side.BUY,
        type=TradeType.TRADE,
        time_ms=trade["timestamp"],
        price=exact(trade["price"]),
        qty=exact(trade["amount"]),
    )


def _candle(row: Any) -> Candle:
    opened, *prices = row[:6]
    values = [exact(value) for value in prices]
    return Candle(
        time_ms=opened, open=values[0], high=values[1], low=values[2], close=values[3], volume=values[4]
    )  # fmt: skip


def _translated(error: ccxt.BaseError, name: str) -> ExtendedError:
    """Return ccxt's error as ours. Its text may hold URLs and bodies of the exchange: only its kind is told."""
    kind = type(error).__name__
    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return RateLimited(TOO_MANY, None, f"{name} wants to be asked less often ({kind})")
    return ConnectFailed(f"{name} cannot be read ({kind})")
