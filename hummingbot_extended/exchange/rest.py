"""Extended's REST interface, one typed method an endpoint (API reference §2, §3).

Every method raises what `http.Send` raises (nothing came back), ApiError and its subclasses (the exchange said no) and
MalformedMessage (it said something else). Methods that return `Records` never fail on one bad record: see `.bad`.
Cancelling a command leaves its outcome unknown. Times are ms since the epoch, rates are fractions.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from hummingbot_extended.errors import ApiError, NotFound
from hummingbot_extended.exchange import endpoints as at
from hummingbot_extended.exchange.aiohttp_send import AiohttpSend
from hummingbot_extended.exchange.decimals import decimal_text
from hummingbot_extended.exchange.endpoints import Endpoint
from hummingbot_extended.exchange.enums import AssetType, CandleType, OrderSort, OrderType, PositionSide, Side
from hummingbot_extended.exchange.http import (
    Reply,
    RestRequest,
    RestResponse,
    Send,
    order_not_found,
    unwrap,
)
from hummingbot_extended.exchange.models import (
    Account,
    AccountTrade,
    Asset,
    AssetOperation,
    Balance,
    Candle,
    ClientInfo,
    ExchangeSettings,
    Fees,
    FundingPayment,
    FundingRate,
    Leverage,
    Market,
    MarketStats,
    OpenInterest,
    Order,
    OrderReceipt,
    Position,
    PositionHistory,
    PublicTrade,
    Rebates,
    RestOrderBook,
    SpotBalance,
    StarknetInfo,
    decode_market_list,
)
from hummingbot_extended.exchange.paging import pages
from hummingbot_extended.exchange.reading import Records, parse, read, read_records

__all__ = [
    "AiohttpSend",
    "ExtendedRest",
    "RestRequest",
    "RestResponse",
    "Send",
    "order_not_found",
    "pages",
    "unwrap",
]

logger = logging.getLogger(__name__)

type Param = str | int | Iterable[str | int] | None
type Query = Mapping[str, Param]
type Names = Mapping[str, str | int]
MAX_CANDLES = 1000  # safe number of rows a call (API reference §2.5)
MAX_SEEN_BAD = 1000
NOTHING_THERE: frozenset[int | str | None] = frozenset({None, 404, "NOT_FOUND"})  # a 404 without a business code


class ExtendedRest:
    """The exchange's REST interface over an injected `Send`. Holds no connection and no key; safe to share.

    `on_response` sees every reply as it comes, for the clock check (`RestResponse.date`) and statistics.
    """

    def __init__(self, send: Send, *, on_response: Callable[[RestResponse], None] | None = None) -> None:
        self._send = send
        self._on_response = on_response
        self._seen_bad: set[tuple[str, str, str]] = set()

    def __repr__(self) -> str:
        return f"ExtendedRest({self._send!r})"

    # --- public -----------------------------------------------------------------------------------------------------

    async def markets(self, *names: str) -> Records[Market]:
        """Return all markets, or those named. Cached for a minute by the exchange: never a source of prices."""
        request = _request(at.MARKETS, {"market": names})
        return self._reported(request, decode_market_list((await self._call(request)).data))

    async def market_stats(self, market: str) -> MarketStats:
        """Return prices, funding and volume of a market; also the documented network check."""
        return await self._one(MarketStats, at.MARKET_STATS, market=market)

    async def order_book(self, market: str) -> RestOrderBook:
        """Return the whole book, without time or sequence."""
        return await self._one(RestOrderBook, at.ORDER_BOOK, market=market)

    async def public_trades(self, market: str) -> Records[PublicTrade]:
        """Return the market's latest trades."""
        return await self._list(PublicTrade, at.PUBLIC_TRADES, market=market)

    async def candles(
        self,
        market: str,
        interval: str,
        *,
        candle_type: CandleType = CandleType.TRADES,
        limit: int = MAX_CANDLES,
        end_time_ms: int | None = None,
    ) -> Records[Candle]:
        """Return up to `limit` candles of `interval` ("PT1M" …), newest first; page back with `end_time_ms`."""
        params: Query = {"interval": interval, "limit": limit, "endTime": end_time_ms}
        return await self._list(Candle, at.CANDLES, params, market=market, candle_type=candle_type)

    async def funding_rates(
        self, market: str, *, start_time_ms: int, end_time_ms: int, cursor: int | None = None, limit: int | None = None
    ) -> Records[FundingRate]:
        """Return a page of the hourly rates that were applied, newest first."""
        params: Query = {"startTime": start_time_ms, "endTime": end_time_ms, "cursor": cursor, "limit": limit}
        return await self._list(FundingRate, at.FUNDING_RATES, params, market=market)

    async def open_interests(
        self, market: str, interval: str, *, start_time_ms: int, end_time_ms: int, limit: int | None = None
    ) -> Records[OpenInterest]:
        """Return open interest by `interval` ("P1H", "P1D"), oldest first, at most 300 rows."""
        params: Query = {"interval": interval, "startTime": start_time_ms, "endTime": end_time_ms, "limit": limit}
        rows = await self._list(OpenInterest, at.OPEN_INTERESTS, params, market=market)
        rows.sort(key=lambda row: row.time_ms)  # the documents contradict themselves about the order
        return rows

    async def assets(self, asset_type: AssetType | None = None) -> Records[Asset]:
        """Return the assets."""
        return await self._list(Asset, at.ASSETS, {"type": asset_type})

    async def asset_price(self, asset: str) -> Decimal:
        """Return the price of an asset in USD."""
        return read(await self._data(at.ASSET_PRICE, names={"asset": asset}), Decimal)

    async def starknet_info(self) -> StarknetInfo:
        """Return the signing domain that the exchange uses."""
        return await self._one(StarknetInfo, at.STARKNET_DOMAIN)

    async def settings(self) -> ExchangeSettings:
        """Return general settings."""
        return await self._one(ExchangeSettings, at.SETTINGS)

    # --- account ----------------------------------------------------------------------------------------------------

    async def account(self) -> Account:
        """Return the key's own sub-account: vault and public key, for the check of credentials."""
        return await self._one(Account, at.ACCOUNT)

    async def accounts(self) -> Records[Account]:
        """Return all sub-accounts of the owner."""
        return await self._list(Account, at.ACCOUNTS)

    async def client(self) -> ClientInfo:
        """Return the owner."""
        return await self._one(ClientInfo, at.CLIENT)

    async def balance(self) -> Balance:
        """Return the collateral balance; all zero where the exchange answers 404, as it does for an empty account."""
        try:
            return await self._one(Balance, at.BALANCE)
        except ApiError as error:
            if error.status == 404:
                return Balance()
            raise

    async def spot_balances(self) -> Records[SpotBalance]:
        """Return spot assets."""
        return await self._list(SpotBalance, at.SPOT_BALANCES)

    async def positions(self, *markets: str, side: PositionSide | None = None) -> Records[Position]:
        """Return the open positions."""
        return await self._list(Position, at.POSITIONS, {"market": markets, "side": side})

    async def positions_history(
        self,
        *markets: str,
        side: PositionSide | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> Records[PositionHistory]:
        """Return a page of open and closed positions, newest first."""
        params: Query = {"market": markets, "side": side, "cursor": cursor, "limit": limit}
        return await self._list(PositionHistory, at.POSITIONS_HISTORY, params)

    async def funding_payments(
        self,
        *markets: str,
        start_time_ms: int,
        side: PositionSide | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> Records[FundingPayment]:
        """Return a page of funding payments since `start_time_ms`, newest first; a bare 404 is "none" (§3.8)."""
        params: Query = {"market": markets, "startTime": start_time_ms, "side": side, "cursor": cursor, "limit": limit}
        try:
            return await self._list(FundingPayment, at.FUNDING_PAYMENTS, params)
        except NotFound as error:
            if error.status == 404 and error.code in NOTHING_THERE:
                return Records()
            raise

    async def fees(self, *markets: str, builder_id: int | None = None) -> Records[Fees]:
        """Return the account's fee rates, of all markets or those named."""
        return await self._list(Fees, at.FEES, {"market": markets, "builderId": builder_id})

    async def rebates(self) -> Records[Rebates]:
        """Return the account's maker rebates (the documents show an object and a list: always a list here)."""
        return await self._list(Rebates, at.REBATES)

    async def leverage(self, *markets: str) -> Records[Leverage]:
        """Return the account's leverage, of all markets or those named."""
        return await self._list(Leverage, at.LEVERAGE, {"market": markets})

    async def set_leverage(self, market: str, leverage: Decimal) -> None:
        """Set the account's leverage in a market. Read it back with `leverage`: the answer may be empty."""
        await self._data(at.SET_LEVERAGE, body={"market": market, "leverage": decimal_text(leverage)})

    async def asset_operations(
        self,
        *,
        operation_type: Iterable[str] = (),
        status: Iterable[str] = (),
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> Records[AssetOperation]:
        """Return a page of deposits, withdrawals and transfers, newest first, 50 a page."""
        times: Query = {"startTime": start_time_ms, "endTime": end_time_ms}
        params: Query = {"type": operation_type, "status": status, **times, "cursor": cursor, "limit": limit}
        return await self._list(AssetOperation, at.ASSET_OPERATIONS, params)

    # --- orders -----------------------------------------------------------------------------------------------------

    async def open_orders(
        self, *markets: str, order_type: OrderType | None = None, side: Side | None = None
    ) -> Records[Order]:
        """Return the open orders. Lags the account stream."""
        return await self._list(Order, at.OPEN_ORDERS, {"market": markets, "type": order_type, "side": side})

    async def orders_history(
        self,
        *markets: str,
        order_type: OrderType | None = None,
        side: Side | None = None,
        order_ids: Iterable[int] = (),
        external_ids: Iterable[str] = (),
        sort: OrderSort | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> Records[Order]:
        """Return a page of closed orders, newest first; unfilled ones are kept for 7 days only."""
        which: Query = {
            "market": markets,
            "type": order_type,
            "side": side,
            "id": order_ids,
            "externalId": external_ids,
        }
        return await self._list(Order, at.ORDERS_HISTORY, {**which, "sort": sort, "cursor": cursor, "limit": limit})

    async def order(self, order_id: int) -> Order:
        """Return an order by exchange id. Raises NotFound also in the first moments after it was placed."""
        return await self._one(Order, at.ORDER, order_id=order_id)

    async def orders_by_external_id(self, external_id: str) -> Records[Order]:
        """Return the orders with a client's id: usually one, none or NotFound when unknown."""
        return await self._list(Order, at.ORDERS_BY_EXTERNAL_ID, external_id=external_id)

    async def trades(
        self,
        *markets: str,
        trade_type: str | None = None,
        side: Side | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> Records[AccountTrade]:
        """Return a page of the account's fills, newest first."""
        params: Query = {"market": markets, "type": trade_type, "side": side, "cursor": cursor, "limit": limit}
        return await self._list(AccountTrade, at.ACCOUNT_TRADES, params)

    async def place_order(self, body: Mapping[str, Any], *, rfq: bool = False) -> OrderReceipt:
        """Send a signed order (`orders.signed_body`) and return its receipt: received, not yet accepted (§4.10)."""
        endpoint = at.PLACE_RFQ_ORDER if rfq else at.PLACE_ORDER
        return read(await self._data(endpoint, body=body), OrderReceipt)

    async def cancel_order(self, order_id: int) -> None:
        """Ask to cancel by exchange id. Success means received; the account stream tells the end."""
        await self._data(at.CANCEL_ORDER, names={"order_id": order_id})

    async def cancel_by_external_id(self, external_id: str) -> None:
        """Ask to cancel by the client's id. Success means received."""
        await self._data(at.CANCEL_BY_EXTERNAL_ID, {"externalId": external_id})

    async def mass_cancel(
        self,
        *,
        order_ids: Iterable[int] = (),
        external_ids: Iterable[str] = (),
        markets: Iterable[str] = (),
        cancel_all: bool = False,
    ) -> None:
        """Ask to cancel many orders at once: those listed, those of markets, or all. At least one must be given."""
        lists = {"orderIds": [*order_ids], "externalOrderIds": [*external_ids], "markets": [*markets]}
        body = {name: items for name, items in lists.items() if items} | {"cancelAll": cancel_all}
        if len(body) == 1 and not cancel_all:
            raise ValueError("mass_cancel needs orders, markets or cancel_all")
        await self._data(at.MASS_CANCEL, body=body)

    async def dead_mans_switch(self, countdown_s: int) -> None:
        """Have all open orders cancelled in `countdown_s` seconds unless called again; 0 disarms."""
        await self._data(at.DEAD_MANS_SWITCH, {"countdownTime": countdown_s})

    # --- how --------------------------------------------------------------------------------------------------------

    async def _one[T](self, model: type[T], endpoint: Endpoint, **names: str | int) -> T:
        return read(await self._data(endpoint, names=names), model)

    async def _list[T](
        self, model: type[T], endpoint: Endpoint, params: Query | None = None, **names: str | int
    ) -> Records[T]:
        request = _request(endpoint, params, names=names)
        reply = await self._call(request)
        return self._reported(request, read_records(parse(reply.data), model, reply.cursor))

    async def _data(
        self, endpoint: Endpoint, params: Query | None = None, *, body: Any = None, names: Names | None = None
    ) -> Any:
        return parse((await self._call(_request(endpoint, params, body=body, names=names))).data)

    async def _call(self, request: RestRequest) -> Reply:
        response = await self._send(request)
        if self._on_response:
            self._on_response(response)
        return unwrap(request, response)

    def _reported[T](self, request: RestRequest, records: Records[T]) -> Records[T]:
        """Log each unreadable record, once."""
        for bad in records.bad:
            key = (request.limit_id, bad.name, bad.reason)
            if key not in self._seen_bad:
                if len(self._seen_bad) >= MAX_SEEN_BAD:
                    self._seen_bad.clear()
                self._seen_bad.add(key)
                logger.warning("%s: left out %s, which cannot be read (%s): %s", request, *key[1:], bad.excerpt)
        return records


def _request(
    endpoint: Endpoint, params: Query | None = None, *, body: Any = None, names: Names | None = None
) -> RestRequest:
    return RestRequest(
        method=endpoint.method,
        path=endpoint.url_path(**(names or {})),
        params=tuple(_flat(params or {})),
        body=body,
        auth=endpoint.auth,
        limit_id=endpoint.limit_id,
    )


def _flat(params: Query) -> Iterable[tuple[str, str]]:
    """Yield the parameters that are set; a collection repeats its key."""
    for name, value in params.items():
        if isinstance(value, str | int):
            yield name, str(value)
        elif value is not None:
            yield from ((name, str(item)) for item in value)
