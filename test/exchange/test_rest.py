"""ExtendedRest over a real socket, and every method over a `Send` that answers from fixtures."""

import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import pytest

from hummingbot_extended.errors import ApiError, MalformedMessage, NotFound
from hummingbot_extended.exchange import endpoints as at
from hummingbot_extended.exchange import models
from hummingbot_extended.exchange.enums import AssetType, CandleType, OrderSort, OrderType, PositionSide, Side
from hummingbot_extended.exchange.http import RestRequest, RestResponse
from hummingbot_extended.exchange.rest import AiohttpSend, ExtendedRest, pages
from test.exchange.helpers import API_KEY, answering, raw, serving

type Call = Callable[[ExtendedRest], Awaitable[Any]]


class Answers:
    """A `Send` with one answer that keeps what it was asked."""

    def __init__(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.response = RestResponse(status=status, headers=headers, body=body)
        self.asked: list[RestRequest] = []

    async def __call__(self, request: RestRequest) -> RestResponse:
        self.asked.append(request)
        return self.response


M = "BTC-USD"
READS: list[tuple[Call, at.Endpoint, str, str, list[tuple[str, str]], type]] = [
    (lambda r: r.markets(), at.MARKETS, "/info/markets", "markets", [], models.Market),
    (
        lambda r: r.markets(M, "B"),
        at.MARKETS,
        "/info/markets",
        "markets",
        [("market", M), ("market", "B")],
        models.Market,
    ),
    (
        lambda r: r.market_stats(M),
        at.MARKET_STATS,
        "/info/markets/BTC-USD/stats",
        "market_stats",
        [],
        models.MarketStats,
    ),
    (
        lambda r: r.order_book(M),
        at.ORDER_BOOK,
        "/info/markets/BTC-USD/orderbook",
        "order_book",
        [],
        models.RestOrderBook,
    ),
    (
        lambda r: r.public_trades(M),
        at.PUBLIC_TRADES,
        "/info/markets/BTC-USD/trades",
        "public_trades",
        [],
        models.PublicTrade,
    ),
    (
        lambda r: r.candles(M, "PT1M", candle_type=CandleType.MARK_PRICES, limit=5, end_time_ms=9),
        at.CANDLES,
        "/info/candles/BTC-USD/mark-prices",
        "candles",
        [("interval", "PT1M"), ("limit", "5"), ("endTime", "9")],
        models.Candle,
    ),
    (
        lambda r: r.funding_rates(M, start_time_ms=1, end_time_ms=2, cursor=3, limit=4),
        at.FUNDING_RATES,
        "/info/BTC-USD/funding",
        "funding_rates",
        [("startTime", "1"), ("endTime", "2"), ("cursor", "3"), ("limit", "4")],
        models.FundingRate,
    ),
    (
        lambda r: r.open_interests(M, "P1H", start_time_ms=1, end_time_ms=2),
        at.OPEN_INTERESTS,
        "/info/BTC-USD/open-interests",
        "open_interests",
        [("interval", "P1H"), ("startTime", "1"), ("endTime", "2")],
        models.OpenInterest,
    ),
    (lambda r: r.assets(AssetType.SPOT), at.ASSETS, "/info/assets", "assets", [("type", "SPOT")], models.Asset),
    (lambda r: r.asset_price("XVS"), at.ASSET_PRICE, "/info/assets/XVS/price", "asset_price", [], Decimal),
    (lambda r: r.starknet_info(), at.STARKNET_DOMAIN, "/info/starknet", "starknet", [], models.StarknetInfo),
    (lambda r: r.settings(), at.SETTINGS, "/info/settings", "settings", [], models.ExchangeSettings),
    (lambda r: r.account(), at.ACCOUNT, "/user/account/info", "account", [], models.Account),
    (lambda r: r.accounts(), at.ACCOUNTS, "/user/accounts", "accounts", [], models.Account),
    (lambda r: r.client(), at.CLIENT, "/user/client/info", "client", [], models.ClientInfo),
    (lambda r: r.balance(), at.BALANCE, "/user/balance", "balance", [], models.Balance),
    (lambda r: r.spot_balances(), at.SPOT_BALANCES, "/user/spot/balances", "spot_balances", [], models.SpotBalance),
    (
        lambda r: r.positions(M, side=PositionSide.SHORT),
        at.POSITIONS,
        "/user/positions",
        "positions",
        [("market", M), ("side", "SHORT")],
        models.Position,
    ),
    (
        lambda r: r.positions_history(cursor=1, limit=2),
        at.POSITIONS_HISTORY,
        "/user/positions/history",
        "positions_history",
        [("cursor", "1"), ("limit", "2")],
        models.PositionHistory,
    ),
    (
        lambda r: r.funding_payments(M, start_time_ms=1),
        at.FUNDING_PAYMENTS,
        "/user/funding/history",
        "funding_payments",
        [("market", M), ("startTime", "1")],
        models.FundingPayment,
    ),
    (
        lambda r: r.fees(M, builder_id=7),
        at.FEES,
        "/user/fees",
        "fees",
        [("market", M), ("builderId", "7")],
        models.Fees,
    ),
    (lambda r: r.rebates(), at.REBATES, "/user/rebates/stats", "rebates", [], models.Rebates),
    (lambda r: r.leverage(M), at.LEVERAGE, "/user/leverage", "leverage", [("market", M)], models.Leverage),
    (
        lambda r: r.asset_operations(operation_type=["DEPOSIT", "CLAIM"], status=["COMPLETED"], start_time_ms=1),
        at.ASSET_OPERATIONS,
        "/user/assetOperations",
        "asset_operations",
        [("type", "DEPOSIT"), ("type", "CLAIM"), ("status", "COMPLETED"), ("startTime", "1")],
        models.AssetOperation,
    ),
    (
        lambda r: r.open_orders(M, order_type=OrderType.LIMIT, side=Side.BUY),
        at.OPEN_ORDERS,
        "/user/orders",
        "orders",
        [("market", M), ("type", "LIMIT"), ("side", "BUY")],
        models.Order,
    ),
    (
        lambda r: r.orders_history(order_ids=[1, 2], external_ids=["a"], sort=OrderSort.UPDATED_AT, cursor=3, limit=4),
        at.ORDERS_HISTORY,
        "/user/orders/history",
        "orders",
        [("id", "1"), ("id", "2"), ("externalId", "a"), ("sort", "UPDATED_AT"), ("cursor", "3"), ("limit", "4")],
        models.Order,
    ),
    (lambda r: r.order(17), at.ORDER, "/user/orders/17", "order", [], models.Order),
    (
        lambda r: r.orders_by_external_id("a/b"),
        at.ORDERS_BY_EXTERNAL_ID,
        "/user/orders/external/a%2Fb",
        "orders_by_external_id",
        [],
        models.Order,
    ),
    (
        lambda r: r.trades(M, trade_type="TRADE", side=Side.SELL, cursor=1, limit=2),
        at.ACCOUNT_TRADES,
        "/user/trades",
        "trades",
        [("market", M), ("type", "TRADE"), ("side", "SELL"), ("cursor", "1"), ("limit", "2")],
        models.AccountTrade,
    ),
]


@pytest.mark.parametrize(("call", "endpoint", "path", "fixture", "params", "kind"), READS)
async def test_read_asks_and_answers(
    call: Call, endpoint: at.Endpoint, path: str, fixture: str, params: list[tuple[str, str]], kind: type
) -> None:
    send = Answers(raw(fixture))
    answer = await call(ExtendedRest(send))
    (request,) = send.asked
    assert (request.method, request.path, list(request.params)) == (endpoint.method, path, params)
    assert (request.auth, request.limit_id, request.body) == (endpoint.auth, endpoint.limit_id, None)
    assert isinstance(answer[0] if isinstance(answer, list) else answer, kind)


WRITES: list[tuple[Call, at.Endpoint, str, list[tuple[str, str]], object]] = [
    (
        lambda r: r.set_leverage(M, Decimal("1E+1")),
        at.SET_LEVERAGE,
        "/user/leverage",
        [],
        {"market": M, "leverage": "10"},
    ),
    (lambda r: r.cancel_order(17), at.CANCEL_ORDER, "/user/order/17", [], None),
    (lambda r: r.cancel_by_external_id("a b"), at.CANCEL_BY_EXTERNAL_ID, "/user/order", [("externalId", "a b")], None),
    (
        lambda r: r.mass_cancel(order_ids=[1], external_ids=["a"]),
        at.MASS_CANCEL,
        "/user/order/massCancel",
        [],
        {"orderIds": [1], "externalOrderIds": ["a"], "cancelAll": False},
    ),
    (
        lambda r: r.mass_cancel(markets=[M], cancel_all=True),
        at.MASS_CANCEL,
        "/user/order/massCancel",
        [],
        {"markets": [M], "cancelAll": True},
    ),
    (lambda r: r.dead_mans_switch(30), at.DEAD_MANS_SWITCH, "/user/deadmanswitch", [("countdownTime", "30")], None),
]


@pytest.mark.parametrize("reply", [b"", b'{"status":"OK"}', b'{"status":"OK","data":{}}', b'""'])
@pytest.mark.parametrize(("call", "endpoint", "path", "params", "body"), WRITES)
async def test_write_takes_every_form_of_ok(
    call: Call, endpoint: at.Endpoint, path: str, params: list[tuple[str, str]], body: object, reply: bytes
) -> None:
    send = Answers(reply)
    assert await call(ExtendedRest(send)) is None
    (request,) = send.asked
    assert (request.method, request.path, list(request.params)) == (endpoint.method, path, params)
    assert (request.body, request.auth) == (body, True)


def test_every_endpoint_has_a_method() -> None:
    covered = {endpoint for _, endpoint, *_ in [*READS, *WRITES]} | {at.PLACE_ORDER, at.PLACE_RFQ_ORDER}
    assert covered == set(at.ENDPOINTS)


@pytest.mark.parametrize(("rfq", "path"), [(False, "/user/order"), (True, "/user/order/rfq")])
async def test_place_order_returns_a_receipt(rfq: bool, path: str) -> None:
    send = Answers(raw("order_receipt"))
    receipt = await ExtendedRest(send).place_order({"id": "HBOT-1a2b3c"}, rfq=rfq)
    assert receipt == models.OrderReceipt(id=2103456789012345601, external_id="HBOT-1a2b3c")
    assert (send.asked[0].path, send.asked[0].body) == (path, {"id": "HBOT-1a2b3c"})


async def test_place_order_with_an_empty_answer_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        await ExtendedRest(Answers(b"")).place_order({})


async def test_mass_cancel_refuses_to_mean_nothing() -> None:
    send = Answers(b"")
    with pytest.raises(ValueError, match="mass_cancel needs"):
        await ExtendedRest(send).mass_cancel()
    assert send.asked == []


async def test_open_interests_are_sorted_by_time() -> None:
    rows = await ExtendedRest(Answers(raw("open_interests"))).open_interests(M, "P1H", start_time_ms=1, end_time_ms=2)
    assert [row.time_ms for row in rows] == [1795219200000, 1795222800000]


async def test_asset_price_is_a_number() -> None:
    assert await ExtendedRest(Answers(raw("asset_price"))).asset_price("XVS") == Decimal("1.0234")


@pytest.mark.parametrize("body", [b"", b'{"status":"ERROR","error":{"code":1004,"message":"no"}}'])
async def test_balance_404_is_zero(body: bytes) -> None:
    assert await ExtendedRest(Answers(body, 404)).balance() == models.Balance()


async def test_funding_history_404_is_no_payment_unless_a_code_says_more() -> None:
    for body in (b"", b'{"status":"ERROR","error":{"code":"NOT_FOUND","message":"no"}}'):
        assert await ExtendedRest(Answers(body, 404)).funding_payments(start_time_ms=1) == []
    no_market = b'{"status":"ERROR","error":{"code":1001,"message":"no"}}'
    with pytest.raises(NotFound):
        await ExtendedRest(Answers(no_market, 404)).funding_payments(start_time_ms=1)


async def test_balance_with_another_error_raises() -> None:
    with pytest.raises(ApiError):
        await ExtendedRest(Answers(b"", 401)).balance()


async def test_order_404_is_not_found() -> None:
    with pytest.raises(NotFound):
        await ExtendedRest(Answers(b"", 404)).order(1)


async def test_an_unreadable_record_is_logged_once_and_the_others_arrive(caplog: pytest.LogCaptureFixture) -> None:
    rest = ExtendedRest(Answers(raw("orders")))
    for _ in range(2):
        orders = await rest.open_orders()
        assert len(orders) == 5
        assert [bad.name for bad in orders.bad] == ["8"]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "left out 8" in warnings[0]


async def test_the_memory_of_unreadable_records_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hummingbot_extended.exchange.rest.MAX_SEEN_BAD", 2)
    rest = ExtendedRest(send := Answers())
    for name in "ABCDE":
        send.response = RestResponse(status=200, headers={}, body=b'{"data":[{"market":"%s"}]}' % name.encode())
        await rest.fees()
    assert len(rest._seen_bad) <= 2


async def test_on_response_sees_every_reply_also_a_refusal() -> None:
    dates = []
    rest = ExtendedRest(
        Answers(b"", 401, Date="Fri, 20 Nov 2026 12:00:00 GMT"), on_response=lambda r: dates.append(r.date)
    )
    with pytest.raises(ApiError):
        await rest.account()
    assert [date.hour for date in dates if date] == [12]


async def test_pages_over_trades_pass_the_cursor_on() -> None:
    send = Answers(raw("trades"))
    got = [trade async for page in pages(partial(ExtendedRest(send).trades, M), limit=3) for trade in page]
    assert len(got) == 4  # two pages of two good ones: the second cursor is the first again
    assert [dict(request.params).get("cursor") for request in send.asked] == [None, "2103456789012400001"]


async def test_over_a_real_socket() -> None:
    async with serving(answering(raw("markets"))) as server, aiohttp.ClientSession() as session:
        rest = ExtendedRest(AiohttpSend(session, server.url, api_key=API_KEY))
        markets = await rest.markets("BTC-USD")
        assert API_KEY not in repr(rest)
    assert [market.name for market in markets] == ["BTC-USD", "MOON-USD"]
    assert (server.seen[0].path, server.seen[0].query) == ("/api/v1/info/markets", [("market", "BTC-USD")])
