"""The client through hummingbot-api: the same calls, polled events, and what that server loses said plainly."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from hummingbot_extended.gateway import (
    ApiTransport,
    ConnectionStatus,
    EventEngine,
    EventType,
    HummingbotClient,
    OrderSide,
    OrderType,
)
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ConnectionLostError,
    ExchangeUnavailableError,
    InsufficientFundsError,
    InvalidOrderError,
    NotSupportedError,
    OrderClosedError,
    OrderNotFoundError,
    OrderStateUnknownError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    UnknownMarketError,
)
from test.gateway.api_server import ACCOUNT, CONNECTOR, PAIR, PASSWORD, USER, hummingbot_api
from test.gateway.conftest import Ears
from test.gateway.seed_examples import (
    ErrorListener,
    OrderUpdateListener,
    RiskManager,
    SimpleMarketMaker,
    simple_market_making,
)
from test.until import until

BUY = (CONNECTOR, PAIR, OrderSide.BUY, OrderType.LIMIT)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("hummingbot_extended.gateway.transports.api_orders.UNKNOWN_AFTER_S", 0.3)
    monkeypatch.setattr("hummingbot_extended.gateway.transports.api_desk.LOOK_S", 0.02)


@asynccontextmanager
async def connected(api, password=PASSWORD, **options):
    engine, ears = EventEngine(), Ears()
    engine.register_listener(ears)
    engine.start()
    transport = ApiTransport(api.url, USER, password, account=ACCOUNT, poll_s=0.05, fills_poll_s=0.1)
    given = {"request_timeout": 2.0, "max_requests_per_second": None, "max_orders_per_second": None, **options}
    client = HummingbotClient(engine, transport=transport, **given)
    client.ears = ears
    try:
        await client.connect()
        yield client
    finally:
        await client.disconnect()
        engine.stop()


@pytest.fixture
async def api():
    async with hummingbot_api() as running:
        yield running


@pytest.fixture
async def client(api):
    async with connected(api) as running:
        yield running


async def test_limits_show_in_the_capabilities_and_the_password_in_nothing(api, client):
    assert "polled_orders" in client.capabilities
    assert not client.capabilities & {"client_ref", "stop_orders", "ticker", "resume"}
    assert PASSWORD not in repr(client) + repr(client._link._transport)
    assert await client.ping() < 1
    with pytest.raises(NotSupportedError, match="stop orders"):
        await client.create_order(CONNECTOR, PAIR, OrderSide.BUY, OrderType.STOP, 1, stop_price=1)
    with pytest.raises(NotSupportedError, match="ticker"):
        await client.subscribe_to_ticker(CONNECTOR, PAIR)
    with pytest.raises(NotSupportedError, match="offers nothing for fly"):
        await client._link.request("fly", {})


@pytest.mark.parametrize(
    "wrong", [{"base_url": "localhost:8000"}, {"poll_s": 0}, {"fills_poll_s": -1}], ids=lambda wrong: next(iter(wrong))
)
def test_bad_argument_is_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        ApiTransport(**wrong)


async def test_order_is_created_seen_open_and_cancelled(api, client):
    order = await client.create_order(*BUY, 0.1, 2900.5, post_only=True)
    assert (order["status"], order["acknowledged"], order["price"]) == ("open", True, "2900.5")
    assert api.bodies[0] == {
        "account_name": ACCOUNT,
        "connector_name": CONNECTOR,
        "trading_pair": PAIR,
        "trade_type": "BUY",
        "amount": "0.1",
        "order_type": "LIMIT_MAKER",
        "price": "2900.5",
        "position_action": "OPEN",
    }
    assert [each["order_id"] for each in await client.get_open_orders(CONNECTOR, PAIR)] == [order["order_id"]]
    assert (await client.get_order_status(CONNECTOR, PAIR, order["order_id"]))["status"] == "open"
    by_ref = await client.get_order_status(CONNECTOR, PAIR, client_ref=order["client_ref"])
    assert by_ref["order_id"] == order["order_id"]
    assert (await client.cancel_order(CONNECTOR, PAIR, order["order_id"]))["cancelled"] is True
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, status="cancelled"))
    with pytest.raises(OrderClosedError):
        await client.cancel_order(CONNECTOR, PAIR, order["order_id"])
    with pytest.raises(OrderNotFoundError):
        await client.cancel_order(CONNECTOR, PAIR, "nope")
    with pytest.raises(OrderNotFoundError):
        await client.get_order_status(CONNECTOR, PAIR, client_ref="nope")


async def test_market_order_carries_a_price_of_the_book_so_that_the_server_does_not_take_one(api, client):
    order = await client.create_order(CONNECTOR, PAIR, OrderSide.SELL, OrderType.MARKET, "0.2", reduce_only=True)
    assert (api.bodies[0]["price"], api.bodies[0]["position_action"]) == ("2999.5", "CLOSE")
    assert order["status"] == "filled"
    await until(lambda: client.ears.of(EventType.TRADE_UPDATE, own=True))
    (fill,) = client.ears.of(EventType.TRADE_UPDATE)
    assert (fill["order_id"], fill["amount"], fill["fees"]) == (
        order["order_id"],
        "0.2",
        [{"asset": "USD", "amount": "0.5"}],
    )


async def test_fee_that_the_server_does_not_know_is_none(api, client):
    api.database.knows_fees = False
    await client.create_order(CONNECTOR, PAIR, OrderSide.BUY, OrderType.MARKET, "0.1")
    await until(lambda: client.ears.of(EventType.TRADE_UPDATE))
    assert client.ears.of(EventType.TRADE_UPDATE)[0]["fees"] == []


async def test_fill_with_a_time_of_minutes_ago_is_told(api, client):
    api.database.stands_since_s = 300.0  # a connector without a clock
    order = await client.create_order(CONNECTOR, PAIR, OrderSide.BUY, OrderType.MARKET, "0.1")
    await until(lambda: client.ears.of(EventType.TRADE_UPDATE, order_id=order["order_id"], own=True))


async def test_fills_come_once_each_by_polling(api, client):
    order = await client.create_order(*BUY, "0.3", "2900")
    for _ in range(3):
        api.exchange.fill(order["order_id"], 0.1)
        await asyncio.sleep(0.12)
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, status="filled"))
    await until(lambda: len(client.ears.of(EventType.TRADE_UPDATE)) == 3)
    await asyncio.sleep(0.3)
    trade_ids = [f"{order['order_id']}_{fill['trade_id']}" for fill in client.ears.of(EventType.TRADE_UPDATE)]
    assert trade_ids == [each["trade_id"] for each in api.database.trades]
    assert len(await client.get_fills(CONNECTOR, PAIR)) == 3
    assert client.ears.of(EventType.ERROR) == []


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("Error: insufficient balance", InsufficientFundsError),
        ("POST /user/order: no (HTTP 400, code 1140)", InsufficientFundsError),
        ("price out of band", InvalidOrderError),
    ],
)
async def test_rejection_that_comes_after_201_raises(api, client, reason, error):
    api.exchange.rejects = reason
    with pytest.raises(error, match=r"Insufficient funds|Invalid order") as refused:
        await client.create_order(*BUY, "0.1", "2900")
    # The database knows nothing of such an order but that it failed.
    (row,) = api.database.orders.values()
    assert (row["trading_pair"], row["amount"]) == ("UNKNOWN", 0.0)
    order = refused.value.data
    assert (order["symbol"], order["side"], order["amount"], order["status"]) == (PAIR, "buy", "0.1", "failed")
    assert (await client.get_order_status(CONNECTOR, PAIR, order["order_id"]))["status"] == "failed"


async def test_order_whose_end_the_database_lost_is_reported_unknown_with_the_position(api, client):
    api.exchange.held = [{"trading_pair": PAIR, "amount": 0.1, "side": "LONG"}]
    order = await client.create_order(*BUY, "0.1", "2900")
    api.exchange.lose_fills = True
    api.exchange.fill(order["order_id"], 0.1)
    await until(lambda: client.ears.of(EventType.ERROR, code="order_state_unknown"))
    (event,) = client.ears.of(EventType.ERROR)
    assert (event["order_id"], event["positions"]) == (order["order_id"], api.exchange.held)
    await asyncio.sleep(0.3)
    assert len(client.ears.of(EventType.ERROR)) == 1


async def test_fills_that_do_not_add_up_are_reported(api, client):
    order = await client.create_order(*BUY, "0.1", "2900")
    api.exchange.end(order["order_id"], "FILLED")
    await until(lambda: client.ears.of(EventType.ERROR, kind="fills"))
    assert "recorded fills of 0 " in client.ears.of(EventType.ERROR)[0]["message"]


async def test_order_that_is_not_confirmed_in_time_is_answered_as_unacknowledged(api, client, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.gateway.transports.api_desk.SETTLE_S", 0.1)
    api.exchange.accept_after_s = 0.6
    order = await client.create_order(*BUY, "0.1", "2900")
    assert (order["status"], order["acknowledged"]) == ("open", False)
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, acknowledged=True))


async def test_cancel_that_is_not_confirmed_says_so(api):
    async with connected(api, request_timeout=0.3, retry_attempts=0) as client:
        order = await client.create_order(*BUY, "0.1", "2900")
        api.exchange.cancels = False
        with pytest.raises(RequestTimeoutError, match="not confirmed"):
            await client.cancel_order(CONNECTOR, PAIR, order["order_id"])
        result = await client.cancel_all(CONNECTOR, PAIR)
        assert result == {"cancelled": [], "failed": [order["order_id"]]}
        api.exchange.cancels = True
        assert await client.cancel_all() == {"cancelled": [order["order_id"]], "failed": []}


@pytest.mark.parametrize("is_newer", [True, False], ids=["newer server", "older server, by id"])
async def test_history_is_the_newest_first_whatever_the_pages_are(api, client, is_newer, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.gateway.transports.api_rest.PAGE", 2)
    api.is_newer = is_newer
    orders = [(await client.create_order(*BUY, "0.1", str(2900 + n)))["order_id"] for n in range(3)]
    assert [order["order_id"] for order in await client.get_order_history(CONNECTOR, PAIR)] == orders[::-1]
    assert len(await client.get_order_history(CONNECTOR, PAIR, limit=2)) == 2
    assert await client.get_order_history(CONNECTOR, PAIR, end_time=1.0) == []
    assert [order["order_id"] for order in await client.get_open_orders(CONNECTOR, PAIR)] == sorted(orders)


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
async def test_clock_of_the_server_may_differ(ahead_s):
    async with hummingbot_api() as api:
        api.database.ahead_s = ahead_s
        async with connected(api) as client:
            order = await client.create_order(CONNECTOR, PAIR, OrderSide.BUY, OrderType.MARKET, "0.2")
            await until(lambda: client.ears.of(EventType.TRADE_UPDATE, own=True, order_id=order["order_id"]))
            assert (await client.get_order_status(CONNECTOR, PAIR, order["order_id"]))["status"] == "filled"


async def test_market_data_and_account(api, client):
    book = await client.get_order_book(CONNECTOR, PAIR, depth=1)
    assert (book["bids"], book["asks"]) == ([["2999.5", "1.5"]], [["3000.5", "1"]])
    ticker = await client.get_ticker(CONNECTOR, PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == ("2999.5", "3000.5", "3000")
    assert await client.get_balances(CONNECTOR) == {CONNECTOR: {"USD": {"total": "10000.25", "available": "9000.5"}}}
    api.exchange.held = [
        {"trading_pair": PAIR, "amount": -0.5, "side": "SHORT", "entry_price": 3000.0, "leverage": 5},
        {"trading_pair": "BTC-USD", "amount": 1, "side": "LONG"},
    ]
    (position,) = await client.get_positions(CONNECTOR, PAIR)
    assert (position["amount"], position["side"], position["leverage"]) == ("-0.5", "short", "5")
    assert (await client.get_trading_rules(CONNECTOR, PAIR))["min_order_size"] == "0.001"
    assert (await client.get_trading_rules(CONNECTOR, PAIR))["supports_market_orders"] is True
    assert (await client.set_leverage(CONNECTOR, PAIR, 5))["leverage"] == 5
    assert (await client.set_position_mode(CONNECTOR, "oneway"))["mode"] == "ONEWAY"
    mode = {"position_mode": "ONEWAY", "trading_pair": PAIR}  # it switches the mode through a market
    assert api.bodies == [{"trading_pair": PAIR, "leverage": 5}, mode]
    with pytest.raises(InvalidOrderError, match="Invalid position mode"):
        await client.set_position_mode(CONNECTOR, "sideways")
    with pytest.raises(InvalidOrderError, match="leverage: Input should be less"):
        await client.set_leverage(CONNECTOR, PAIR, 500)


async def test_unknown_exchange_and_unknown_market_are_told_apart(api, client):
    assert client.exchanges == {CONNECTOR: ()}
    with pytest.raises(UnknownMarketError, match=f"no keys of {ACCOUNT} for 'kraken'") as unknown:
        await client.create_order("kraken", PAIR, OrderSide.BUY, OrderType.LIMIT, 1, 2900)
    assert unknown.value.code == "unknown_exchange"
    with pytest.raises(UnknownMarketError, match="has no market NO-USD"):
        await client.get_trading_rules(CONNECTOR, "NO-USD")
    with pytest.raises(UnknownMarketError, match="Connector 'kraken' not found"):
        await client.get_trading_rules("kraken", PAIR)
    for ask in (client.get_order_book, client.get_ticker, client.subscribe_to_trades):
        with pytest.raises(UnknownMarketError, match="has no market NO-USD"):
            await ask(CONNECTOR, "NO-USD")
    assert api.sockets == []


@pytest.mark.parametrize(("is_newer", "error"), [(True, UnknownMarketError), (False, InvalidOrderError)])
async def test_order_in_an_unknown_market_is_known_not_to_have_been_placed(api, client, is_newer, error):
    api.is_newer = is_newer
    with pytest.raises(error, match="NO-USD"):
        await client.create_order(CONNECTOR, "NO-USD", OrderSide.BUY, OrderType.LIMIT, 1, 2900)
    assert [body["trading_pair"] for body in api.bodies] == ["NO-USD"]
    with pytest.raises(UnknownMarketError, match="has no market NO-USD"):
        await client.create_order(CONNECTOR, "NO-USD", OrderSide.BUY, OrderType.MARKET, 1)
    assert len(api.bodies) == 1


async def test_market_order_without_a_price_is_known_not_to_have_been_sent(api, client):
    api.answer_with = 500
    with pytest.raises(ExchangeUnavailableError, match="nothing was sent"):
        await client.create_order(CONNECTOR, PAIR, OrderSide.BUY, OrderType.MARKET, 1)
    assert api.bodies == []


async def test_order_is_known_although_the_server_fails_right_after_it(api, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.gateway.transports.api_desk.SETTLE_S", 0.3)
    async with connected(api) as client:
        placed = api.exchange.place

        def place_and_fail(order):
            api.answer_with = 500
            return placed(order)

        api.exchange.place = place_and_fail
        order = await client.create_order(*BUY, "0.1", "2900")
        assert (order["order_id"], order["acknowledged"]) == (*api.exchange.active, False)
        api.answer_with = None
        await until(lambda: client.ears.of(EventType.ORDER_UPDATE, acknowledged=True))


async def test_subscriptions_are_told_from_heartbeats_and_renewed(api, client):
    assert (await client.subscribe_to_order_book(CONNECTOR, PAIR))["status"] == "success"
    assert (await client.subscribe_to_trades(CONNECTOR, PAIR))["status"] == "success"
    await until(lambda: client.ears.of(EventType.MARKET_DATA, symbol=PAIR))
    assert client.ears.of(EventType.MARKET_DATA)[0]["bids"][0] == ["2999.5", "1.5"]
    await until(lambda: len(client.ears.of(EventType.TRADE_UPDATE, own=False)) == 2)
    api.refuses_feeds = True
    with pytest.raises(InvalidOrderError, match="Failed to start feed"):
        await client.subscribe_to_order_book(CONNECTOR, PAIR)
    api.refuses_feeds = False
    await api.sockets[0].close()
    await until(lambda: len(client.ears.of(EventType.TRADE_UPDATE, own=False)) == 4)
    assert (await client.unsubscribe("trades", CONNECTOR, PAIR))["status"] == "success"
    assert (await client.unsubscribe("trades", CONNECTOR, PAIR))["status"] == "success"


async def test_number_that_is_none_in_a_message_does_not_end_the_feed(api, client):
    api.sends_nan = True
    assert (await client.subscribe_to_order_book(CONNECTOR, PAIR))["status"] == "success"
    await until(lambda: client.ears.of(EventType.MARKET_DATA, symbol=PAIR))
    assert len(api.sockets) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, AuthenticationError),
        (404, OrderNotFoundError),
        (400, InvalidOrderError),
        (422, InvalidOrderError),
        (429, RateLimitedError),
        (503, ExchangeUnavailableError),
        (500, ServerError),
    ],
)
async def test_status_has_its_class(api, status, error):
    async with connected(api, retry_attempts=0) as client:
        client._link._transport._poller.cancel()
        api.answer_with = status
        with pytest.raises(error, match="as told"):
            await client.get_balances(CONNECTOR)


async def test_order_is_never_sent_twice(api):
    async with connected(api, retry_attempts=3) as client:
        client._link._transport._poller.cancel()
        api.answer_with = 500
        with pytest.raises(OrderStateUnknownError):
            await client.create_order(*BUY, "0.1", "2900")
        assert api.bodies == []
    api.answer_with = None
    async with connected(api) as client:
        with pytest.raises(InvalidOrderError, match="below minimum order size"):
            await client.create_order(*BUY, "0.0001", "2900")


async def test_wrong_password_and_wrong_server_are_told_apart(api):
    with pytest.raises(AuthenticationError, match="refuses user name and password"):
        async with connected(api, password="wrong"):
            pass
    for status, sentence in ((404, "has no account"), (500, "is no hummingbot-api")):
        api.answer_with = status
        with pytest.raises(ConnectionLostError, match=sentence):
            async with connected(api, retry_attempts=0):
                pass


async def test_server_that_goes_and_returns(api):
    async with hummingbot_api() as first:
        port = int(first.url.rpartition(":")[2])
        async with connected(first, max_reconnect_attempts=None) as client:
            order = await client.create_order(*BUY, "0.1", "2900")
            first.answer_with = 503
            await until(lambda: client.connection_status is ConnectionStatus.CONNECTING)
            first.answer_with = None
            first.exchange.end(order["order_id"], "CANCELLED")
            await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)
            await until(lambda: client.ears.of(EventType.ORDER_UPDATE, status="cancelled"))
    with pytest.raises(ConnectionLostError, match="no connection to"):
        async with connected(type("Gone", (), {"url": f"http://127.0.0.1:{port}"}), retry_attempts=0):
            pass


async def test_document_example_of_basic_market_making(api):
    transport = ApiTransport(api.url, USER, PASSWORD, account=ACCOUNT, poll_s=0.05)
    engine, buy_order, sell_order = await simple_market_making(CONNECTOR, PAIR, 0.2, transport=transport)
    listener = OrderUpdateListener("my_order_listener")
    engine.register_listener(listener)
    engine.start()
    engine.stop()
    assert f"Order {buy_order['order_id']} status: open" in listener.printed
    assert listener.printed[-1] == f"Order {sell_order['order_id']} status: cancelled"
    assert api.exchange.active == {}


async def test_document_examples_of_market_maker_risk_manager_and_errors(api, client):
    risk, errors = RiskManager("risk", client, max_position=0.15), ErrorListener("error_handler")
    client.event_engine.register_listener(risk)
    client.event_engine.register_listener(errors)
    await SimpleMarketMaker(client, client.event_engine).create_market(CONNECTOR, PAIR, amount=0.1)
    orders = await client.get_open_orders(CONNECTOR, PAIR)
    assert sorted(order["side"] for order in orders) == ["buy", "sell"]
    await client.subscribe_to_trades(CONNECTOR, PAIR)
    await client.create_order(CONNECTOR, PAIR, OrderSide.BUY, OrderType.MARKET, 0.2)
    await until(lambda: risk.exceeded)
    assert risk.current_position == 0.2
    assert CONNECTOR in await risk.update_position(CONNECTOR)
    api.exchange.rejects = "insufficient balance"
    with pytest.raises(InsufficientFundsError):
        await client.create_order(*BUY, 1, 2900)
    await until(lambda: len(errors.printed) == 2)
    assert errors.printed[0].startswith("Error occurred: Insufficient funds")
