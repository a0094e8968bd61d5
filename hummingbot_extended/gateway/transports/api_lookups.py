"""What hummingbot-api answers at once: books, prices, rules, balances, and the settings of a market."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hummingbot_extended.gateway.errors import (
    ErrorCode,
    HummingbotClientException,
    OrderNotFoundError,
    ServerError,
    UnknownMarketError,
)
from hummingbot_extended.gateway.transports.api_feed import levels
from hummingbot_extended.gateway.transports.api_rest import ApiRest, text_of


class ApiLookups:
    """One method a request of the client, by its parameters; each raises what `ApiRest` raises."""

    def __init__(self, rest: ApiRest, account: str) -> None:
        self._rest = rest
        self._account = account
        self._markets: dict[str, str] = {}  # the market used last, by exchange

    async def book(self, exchange: str, market: str, depth: int, timeout_s: float) -> dict[str, Any]:
        """Return the best levels of a market's book. Raises UnknownMarketError."""
        body = {"connector_name": exchange, "trading_pair": market, "depth": depth}
        try:
            book = await self._rest.post("/market-data/order-book", body, timeout_s)
        except ServerError as error:
            raise await self.unknown_market(exchange, market, timeout_s) or error from None
        self._markets[exchange] = market
        return {
            "symbol": market,
            "exchange": exchange,
            "bids": levels((level["price"], level["amount"]) for level in book["bids"]),
            "asks": levels((level["price"], level["amount"]) for level in book["asks"]),
            "timestamp": book.get("timestamp"),
        }

    async def order_book(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.get_order_book`."""
        return await self.book(str(params["exchange"]), str(params["market"]), int(params.get("depth", 10)), timeout_s)

    async def ticker(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.get_ticker`; the volume is not known here."""
        exchange, market = str(params["exchange"]), str(params["market"])
        book = await self.book(exchange, market, 1, timeout_s)
        body = {"connector_name": exchange, "trading_pairs": [market]}
        prices = (await self._rest.post("/market-data/prices", body, timeout_s)).get("prices", {})
        return {
            "timestamp": book["timestamp"],
            "symbol": market,
            "exchange": exchange,
            "bid": book["bids"][0][0] if book["bids"] else None,
            "ask": book["asks"][0][0] if book["asks"] else None,
            "last": text_of(prices.get(market)),
            "volume": None,
        }

    async def trading_rules(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.get_trading_rules`. Raises UnknownMarketError."""
        exchange, market = str(params["exchange"]), str(params["market"])
        path = f"/connectors/{quote(exchange)}/trading-rules?trading_pairs={quote(market)}"
        try:
            rules = await self._rest.get(path, timeout_s)
        except OrderNotFoundError as error:
            raise UnknownMarketError(error.message, code=ErrorCode.UNKNOWN_EXCHANGE) from error
        rule = rules.get(market, {"error": "no rule"})
        if "error" in rule:
            raise UnknownMarketError(f"{exchange} has no market {market} ({rule['error']})")
        numbers = {
            name: text_of(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
            for name, value in rule.items()
        }
        return {"symbol": market, "exchange": exchange, **numbers}

    async def unknown_market(self, exchange: str, market: str, timeout_s: float) -> UnknownMarketError | None:
        """Return the error for a market that the server has not; None where it has it, or cannot tell now.

        Of such a market it says "HTTP 500" to nearly everything.
        """
        try:
            await self.trading_rules({"exchange": exchange, "market": market}, timeout_s)
        except UnknownMarketError as error:
            return error
        except HummingbotClientException:
            return None
        return None

    async def balances(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.get_balances`."""
        exchange = str(params["exchange"])
        body = {"account_names": [self._account], "connector_names": [exchange], "refresh": True, "skip_gateway": True}
        state = await self._rest.post("/portfolio/state", body, timeout_s)
        entries = state.get(self._account, {}).get(exchange, [])
        return {
            exchange: {
                str(entry["token"]): {
                    "total": text_of(entry.get("units")),
                    "available": text_of(entry.get("available_units")),
                }
                for entry in entries
            }
        }

    async def set_leverage(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.set_leverage`."""
        body = {"trading_pair": params["market"], "leverage": params["leverage"]}
        await self._rest.post(f"/trading/{self._account}/{params['exchange']}/leverage", body, timeout_s)
        self._markets[str(params["exchange"])] = str(params["market"])
        return {"symbol": params["market"], "exchange": params["exchange"], "leverage": params["leverage"]}

    async def set_position_mode(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """See `HummingbotClient.set_position_mode`; that server switches it through a market it is told of."""
        exchange = str(params["exchange"])
        body = {"position_mode": str(params["mode"]).upper(), "trading_pair": self._markets.get(exchange)}
        await self._rest.post(f"/trading/{self._account}/{exchange}/position-mode", body, timeout_s)
        return {"exchange": exchange, "mode": body["position_mode"]}
