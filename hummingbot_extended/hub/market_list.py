"""The exchange's markets: names as people write them, and news of what has changed. Sans-I/O but for `ask`."""

from collections.abc import Iterable
from typing import Any

from hummingbot_extended.exchange.models import Market
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.hub.events import NewsRow
from hummingbot_extended.hub.interface import UnknownMarket


class MarketList:
    """The markets as last asked."""

    def __init__(self) -> None:
        self._markets: dict[str, Market] = {}
        self._names: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<MarketList {len(self._markets)} markets>"

    @property
    def all(self) -> tuple[Market, ...]:
        """All of them, in the exchange's order."""
        return tuple(self._markets.values())

    @property
    def tradable(self) -> list[str]:
        """The names of those that are active, in the exchange's order."""
        return [name for name, market in self._markets.items() if market.active]

    async def ask(self, rest: ExtendedRest, now_ms: int) -> list[NewsRow]:
        """Ask the exchange; return what has changed since the last time. Raises what ExtendedRest.markets raises."""
        return self.learn(await rest.markets(), now_ms)

    def learn(self, markets: Iterable[Market], now_ms: int) -> list[NewsRow]:
        """Take the markets in; return what has changed, nothing at the first time."""
        fresh = {market.name: market for market in markets}
        news = list(changes(self._markets, fresh, now_ms)) if self._markets else []
        self._markets = fresh
        self._names = {_plain(name): name for name in fresh}
        return news

    def resolve(self, symbol: str) -> str:
        """Return the name of a market however it is written. Raises UnknownMarket."""
        found = self._names.get(_plain(symbol))
        if found is None:
            raise UnknownMarket(f"there is no market {symbol[:40]!r}")
        return found


def _plain(symbol: str) -> str:
    """Return a symbol without what people write differently: case and separator."""
    return symbol.strip().upper().replace("/", "").replace("-", "").replace("_", "")


def changes(before: dict[str, Market], after: dict[str, Market], now_ms: int) -> Iterable[NewsRow]:
    """Yield what has changed between two lists of markets."""
    for name in before.keys() - after.keys():
        yield _news(name, now_ms, "delisted", f"{name} is no longer listed")
    for name, market in after.items():
        old = before.get(name)
        if old is None:
            yield _news(name, now_ms, "listed", f"{name} is listed")
            continue
        if old.active != market.active or old.status is not market.status:
            what = "resumed" if market.active and not old.active else "halted" if not market.active else "status"
            yield _news(name, now_ms, what, f"{name} is {market.status.value}", status=market.status.value)
        yield from _limits(old, market, now_ms)


def _limits(old: Market, new: Market, now_ms: int) -> Iterable[NewsRow]:
    if old.trading_config.max_leverage != new.trading_config.max_leverage:
        text = f"{new.name}: the highest leverage is {new.trading_config.max_leverage} now"
        yield _news(
            new.name,
            now_ms,
            "leverage",
            text,
            before=old.trading_config.max_leverage,
            after=new.trading_config.max_leverage,
        )
    names = ("min_order_size", "min_order_size_change", "min_price_change", "max_position_value", "max_num_orders")
    changed = {
        name: {"before": getattr(old.trading_config, name), "after": getattr(new.trading_config, name)}
        for name in names
        if getattr(old.trading_config, name) != getattr(new.trading_config, name)
    }
    if changed:
        yield _news(new.name, now_ms, "limits", f"{new.name}: {', '.join(changed)} changed", **changed)


def _news(market: str, now_ms: int, what: str, text: str, **details: Any) -> NewsRow:
    return NewsRow(market=market, ts_ms=now_ms, received_ms=now_ms, what=what, text=text, details=details)
