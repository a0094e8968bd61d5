"""The client against a server that keeps to the protocol, and against one that does not."""

import asyncio
import os
from decimal import Decimal

import pytest

from hummingbot_extended.gateway import ConnectionStatus, EventEngine, EventType, HummingbotClient, OrderSide, OrderType
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ConnectionLostError,
    HummingbotClientException,
    InvalidOrderError,
    NotSupportedError,
    OrderStateUnknownError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
)
from test.gateway.server import KEY
from test.until import until

ORDER = {"exchange": "binance", "market": "ETH-USD", "side": OrderSide.BUY, "order_type": OrderType.LIMIT}
REPLY = {
    "order_id": "o1",
    "symbol": "ETH-USD",
    "exchange": "binance",
    "price": "3000",
    "amount": "1",
    "side": "buy",
    "type": "limit",
    "status": "open",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_host": ""},
        {"api_host": " "},
        {"api_host": None},
        {"api_port": 0},
        {"api_port": 65536},
        {"api_port": -1},
        {"api_port": "80"},
        {"api_port": True},
        {"api_key": ""},
        {"api_key": None},
        {"request_timeout": 0},
        {"request_timeout": -1.0},
        {"request_timeout": float("nan")},
        {"retry_attempts": -1},
        {"on_disconnect": "sell"},
        {"max_requests_per_second": 0},
        {"max_orders_per_second": -1},
    ],
)
def test_constructor_refuses_a_bad_argument(wrong):
    with pytest.raises(ValueError, match="must be"):
        HummingbotClient(**{"event_engine": EventEngine(), "api_key": "k", **wrong})


def test_constructor_has_the_documents_defaults():
    client = HummingbotClient(EventEngine(), "localhost", 15888, "k")
    assert (client.api_host, client.api_port, client.request_timeout, client.retry_attempts) == (
        "localhost",
        15888,
        5.0,
        3,
    )
    assert client.connection_status is ConnectionStatus.DISCONNECTED
    assert "k" not in repr(client).replace("disconnected", "").replace("localhost", "").replace("Hummingbot", "")[-5:]


async def test_connect_authenticates_with_the_key_in_the_first_request(server, client):
    assert client.connection_status is ConnectionStatus.CONNECTED
    assert server.requests[0]["type"] == "authenticate"
    assert server.requests[0]["api_key"] == KEY
    assert client.exchanges == {"binance": ("ETH-USD",)}
    await client.connect()
    assert len(server.sockets) == 1


async def test_server_of_the_first_protocol_offers_nothing_extra(server, connect):
    server.welcome = None
    async with connect() as client:
        assert client.capabilities == frozenset()
        with pytest.raises(NotSupportedError):
            await client.create_order(**{**ORDER, "order_type": OrderType.STOP}, amount=1, stop_price=5)


async def test_wrong_key_raises_at_once_and_leaves_the_client_disconnected(server, connect):
    async with connect(connected=False, api_key="wrong") as client:
        with pytest.raises(AuthenticationError, match="Authentication failed"):
            await client.connect()
        assert client.connection_status is ConnectionStatus.DISCONNECTED
        assert len(server.sockets) == 1


async def test_no_server_raises_after_the_attempts(server, connect):
    server.refuse_with = 503
    async with connect(connected=False, retry_attempts=2) as client:
        with pytest.raises(ConnectionLostError, match="Is the bridge running there"):
            await client.connect()
        assert client.connection_status is ConnectionStatus.DISCONNECTED
    async with connect(connected=False, api_port=1, retry_attempts=0) as client:
        with pytest.raises(ConnectionLostError, match=r"no connection to ws://127\.0\.0\.1:1/ws"):
            await client.connect()


async def test_requests_without_a_connection_say_to_connect(connect):
    async with connect(connected=False) as client:
        with pytest.raises(ConnectionLostError, match="call connect"):
            await client.get_ticker("binance", "ETH-USD")


async def test_create_order_sends_plain_decimals_and_publishes_the_reply(server, client):
    server.answers["create_order"] = REPLY
    order = await client.create_order(**ORDER, price=1e-05, amount=0.1)
    (sent,) = server.of("create_order")
    assert (sent["price"], sent["amount"], sent["side"], sent["order_type"]) == ("0.00001", "0.1", "buy", "limit")
    assert order["order_id"] == "o1"
    assert order["client_ref"] == sent["client_ref"]
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id="o1", status="open"))
    market = await client.create_order(**{**ORDER, "order_type": OrderType.MARKET}, amount=Decimal("1.50"), price=5)
    assert market["order_id"] == "o1"
    assert "price" not in server.of("create_order")[1]
    assert server.of("create_order")[1]["amount"] == "1.5"


async def test_same_state_from_reply_and_event_is_published_once(server, client):
    async def answer(request):
        await server.tell("order_update", **REPLY)
        await server.reply(request, REPLY)
        await server.tell("order_update", **REPLY, filled="0")
        await server.tell("order_update", **{**REPLY, "status": "cancelled"})
        await server.tell("order_update", **REPLY)

    server.answers["create_order"] = answer
    await client.create_order(**ORDER, price=3000, amount=1)
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, status="cancelled"))
    await client.ping()
    assert [event["status"] for event in client.ears.of(EventType.ORDER_UPDATE)] == ["open", "cancelled"]


async def test_refused_order_publishes_error_and_raises_its_phrase(server, client):
    async def answer(request):
        await server.error(request, "insufficient_funds", "Insufficient funds")

    server.answers["create_order"] = answer
    with pytest.raises(HummingbotClientException, match="Insufficient funds"):
        await client.create_order(**ORDER, price=3000, amount=1)
    await until(lambda: client.ears.of(EventType.ERROR))
    (event,) = [event for event in client.ears.events if event.type is EventType.ERROR]
    assert (event.data["message"], event.data["exchange"], event.data["market"]) == (
        "Insufficient funds",
        "binance",
        "ETH-USD",
    )
    assert event.source == "hummingbot_client"


async def test_error_of_a_server_without_codes_is_the_base_class(server, client):
    async def answer(request):
        await server.socket.send_json({"id": request["id"], "status": "failure", "message": "nope"})

    server.answers["get_ticker"] = answer
    with pytest.raises(HummingbotClientException, match="nope") as caught:
        await client.get_ticker("binance", "ETH-USD")
    assert type(caught.value) is HummingbotClientException


async def test_replies_are_matched_by_id_whatever_their_order(server, client):
    waiting = []

    async def answer(request):
        waiting.append(request)
        if len(waiting) == 20:
            for each in reversed(waiting):
                await server.reply(each, {"market": each["market"]})

    server.answers["get_ticker"] = answer
    tickers = await asyncio.gather(*(client.get_ticker("binance", f"M{n}-USD") for n in range(20)))
    assert [ticker["market"] for ticker in tickers] == [f"M{n}-USD" for n in range(20)]


async def test_late_unknown_and_nameless_replies_are_dropped(server, connect):
    async with connect(request_timeout=0.1, retry_attempts=0) as client:
        late = []
        server.answers["get_ticker"] = lambda request: _append(late, request)
        with pytest.raises(RequestTimeoutError, match=r"no reply within 0\.1 s"):
            await client.get_ticker("binance", "ETH-USD")
        await server.reply(late[0], {"bid": "1"})
        await server.reply({"id": "999"}, {})
        await server.socket.send_json({"status": "success"})
        assert await client.ping() < 1
        assert client.ears.events == []


async def _append(to, request):
    to.append(request)


async def test_read_is_repeated_after_a_timeout_and_an_order_is_repeated_with_the_same_ref(server, connect):
    async with connect(request_timeout=0.1, retry_attempts=3) as client:
        server.answers["get_ticker"] = _third_time(server, {"bid": "1"})
        assert await client.get_ticker("binance", "ETH-USD") == {"bid": "1"}
        server.answers["create_order"] = _third_time(server, REPLY)
        assert (await client.create_order(**ORDER, price=3000, amount=1))["order_id"] == "o1"
        refs = {request["client_ref"] for request in server.of("create_order")}
        assert (len(refs), len(server.of("create_order"))) == (1, 3)


def _third_time(server, data):
    seen = []

    async def answer(request):
        seen.append(request)
        if len(seen) == 3:
            await server.reply(request, data)

    return answer


async def test_order_is_not_repeated_where_the_server_would_not_recognise_it(server, connect):
    server.welcome = {"capabilities": []}
    server.answers["create_order"] = _third_time(server, REPLY)
    async with connect(request_timeout=0.1) as client:
        with pytest.raises(OrderStateUnknownError, match="before sending another") as caught:
            await client.create_order(**ORDER, price=3000, amount=1, client_ref="mine")
        assert caught.value.client_ref == "mine"
        assert len(server.of("create_order")) == 1
        await until(lambda: client.ears.of(EventType.ERROR, code="order_state_unknown"))


async def test_order_lost_with_the_connection_is_unknown_or_repeated(server, connect):
    async def cut(request):
        await server.cut()

    server.answers["create_order"] = cut
    async with connect(auto_reconnect=False) as client:
        with pytest.raises(OrderStateUnknownError):
            await client.create_order(**ORDER, price=3000, amount=1)
        assert client.connection_status is ConnectionStatus.DISCONNECTED
    async with connect() as client:
        seen = []

        async def once(request):
            seen.append(request)
            await (server.cut() if len(seen) == 1 else server.reply(request, {**REPLY, "duplicate": True}))

        server.answers["create_order"] = once
        order = await client.create_order(**ORDER, price=3000, amount=1)
        assert order["duplicate"] is True
        assert seen[0]["client_ref"] == seen[1]["client_ref"]


async def test_server_error_on_an_order_is_unknown(server, client):
    async def answer(request):
        await server.error(request, "server_error", "boom")

    server.answers["create_order"] = answer
    with pytest.raises(OrderStateUnknownError, match="boom"):
        await client.create_order(**ORDER, price=3000, amount=1)
    server.answers["create_order"] = ["not an order"]
    with pytest.raises(ServerError, match="list instead of dict"):
        await client.create_order(**ORDER, price=3000, amount=1)


async def test_rate_limited_reply_is_honoured_for_orders_too(server, connect):
    async with connect(retry_attempts=1) as client:
        seen = []

        async def answer(request):
            seen.append(asyncio.get_running_loop().time())
            if len(seen) == 1:
                await server.error(request, "rate_limit", "slow down", retry_after=0.15)
            else:
                await server.reply(request, REPLY)

        server.answers["create_order"] = answer
        await client.create_order(**ORDER, price=3000, amount=1)
        assert seen[1] - seen[0] >= 0.14
        seen.clear()
    async with connect(retry_attempts=0) as client:
        with pytest.raises(RateLimitedError) as caught:
            await client.create_order(**ORDER, price=3000, amount=1)
        assert caught.value.retry_after_s == 0.15


async def test_requests_in_flight_fail_at_once_when_the_socket_goes(server, connect):
    async with connect(auto_reconnect=False, retry_attempts=0, request_timeout=30) as client:
        server.answers["get_ticker"] = lambda request: _nothing()
        calls = [asyncio.create_task(client.get_ticker("binance", "ETH-USD")) for _ in range(3)]
        await until(lambda: len(server.of("get_ticker")) == 3)
        began = asyncio.get_running_loop().time()
        await server.cut()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionLostError] * 3
        assert asyncio.get_running_loop().time() - began < 1


async def _nothing():
    pass


async def test_disconnect_fails_requests_in_flight(server, connect):
    async with connect(retry_attempts=0, request_timeout=30) as client:
        server.answers["get_ticker"] = lambda request: _nothing()
        call = asyncio.create_task(client.get_ticker("binance", "ETH-USD"))
        await until(lambda: server.of("get_ticker"))
        await client.disconnect()
        with pytest.raises(ConnectionLostError, match="disconnected"):
            await call
        assert client.connection_status is ConnectionStatus.DISCONNECTED


async def test_cancelled_call_leaves_the_connection_usable(server, client):
    server.answers["get_ticker"] = lambda request: _nothing()
    call = asyncio.create_task(client.get_ticker("binance", "ETH-USD"))
    await until(lambda: server.of("get_ticker"))
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert await client.ping() < 1


async def test_reconnect_renews_subscriptions_and_publishes_the_differences(server, client):
    server.answers["create_order"] = REPLY
    for number in (1, 2):
        server.answers["create_order"] = {**REPLY, "order_id": f"o{number}"}
        await client.create_order(**ORDER, price=3000, amount=1)
    await client.subscribe_to_order_book("binance", "ETH-USD")
    await client.subscribe_to_trades("binance", "ETH-USD")
    server.answers["get_open_orders"] = [{**REPLY, "order_id": "o1"}, {**REPLY, "order_id": "o3"}]
    server.answers["get_order"] = {**REPLY, "order_id": "o2", "status": "filled", "filled": "1"}
    await server.cut()
    await until(lambda: len(server.sockets) == 2)
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)
    await until(lambda: client.ears.of(EventType.INFO, kind="reconnected"))
    assert [request["channel"] for request in server.of("subscribe")] == [
        "order_book",
        "trades",
        "order_book",
        "trades",
    ]
    resynced = client.ears.of(EventType.ORDER_UPDATE, resync=True)
    assert sorted((event["order_id"], event["status"]) for event in resynced) == [("o2", "filled"), ("o3", "open")]
    assert len(client.ears.of(EventType.ERROR, kind="connection")) == 1
    assert server.of("authenticate")[1]["resume_from"] == "j:0"


async def test_reconnect_resumes_from_the_last_fill_and_drops_repeated_ones(server, client):
    fill = {"exchange": "binance", "symbol": "ETH-USD", "order_id": "o1", "amount": "1", "own": True}
    await server.tell("trade", **fill, trade_id="t1", position="j:1")
    await server.tell("trade", **fill, trade_id="t1", position="j:1")
    await server.tell("trade", **fill, trade_id="t2", position="j:2")
    await until(lambda: client.position == "j:2")
    server.answers["get_order"] = {**REPLY, "filled": "2", "amount": "3"}
    await server.cut()
    await until(lambda: len(server.of("authenticate")) == 2)
    assert server.of("authenticate")[1]["resume_from"] == "j:2"
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)
    await server.tell("trade", **fill, trade_id="t2", position="j:2", resync=True)
    await server.tell("trade", **fill, trade_id="t3", position="j:3", resync=True)
    await until(lambda: client.position == "j:3")
    await client.ping()
    await until(lambda: client.ears.of(EventType.TRADE_UPDATE, trade_id="t3"))
    assert [event["trade_id"] for event in client.ears.of(EventType.TRADE_UPDATE)] == ["t1", "t2", "t3"]


async def test_gap_in_the_numbers_of_events_makes_the_client_reconnect(server, client):
    await server.tell("info", kind="a")
    await server.tell("info", seq=3, kind="b")
    await until(lambda: len(server.sockets) == 2)
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)
    assert client.ears.of(EventType.INFO, kind="b") == []


async def test_garbage_makes_the_client_reconnect(server, client):
    await server.socket.send_str("[1,2")
    await until(lambda: len(server.sockets) == 2)
    await server.socket.send_bytes(b"\x00")
    await until(lambda: len(server.sockets) == 3)
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)


async def test_reconnecting_ends_with_error_after_the_attempts(server, connect):
    async with connect(max_reconnect_attempts=2, retry_attempts=0) as client:
        server.refuse_with = 503
        await server.cut()
        await until(lambda: client.connection_status is ConnectionStatus.ERROR)
        with pytest.raises(ConnectionLostError):
            await client.ping()
        await until(lambda: len(client.ears.of(EventType.ERROR, kind="connection")) == 2)
        server.refuse_with = None
        await client.connect()
        assert client.connection_status is ConnectionStatus.CONNECTED


async def test_key_that_was_revoked_ends_the_reconnecting_at_once(server, client, monkeypatch):
    monkeypatch.setattr("test.gateway.server.KEY", "another")
    await server.cut()
    await until(lambda: client.connection_status is ConnectionStatus.ERROR)
    assert len(server.sockets) == 2


async def test_request_during_a_reconnect_waits_for_it(server, client):
    server.refuse_with = 503
    await server.cut()
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTING)
    call = asyncio.create_task(client.ping())
    server.refuse_with = None
    assert await call < 1


async def test_loss_while_catching_up_is_tried_again(server, client):
    server.answers["create_order"] = REPLY
    await client.create_order(**ORDER, price=3000, amount=1)
    seen = []

    async def answer(request):
        seen.append(request)
        await (server.cut() if len(seen) < 3 else server.reply(request, [REPLY]))

    server.answers["get_open_orders"] = answer
    await server.cut()
    await until(lambda: len(seen) == 3)
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)


async def test_silent_server_is_noticed_by_the_ping(server, connect, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.gateway.transports.bridge.HEARTBEAT_S", 0.05)
    async with connect() as client:
        await until(lambda: server.of("ping"))
        server.answers["ping"] = lambda request: _nothing()
        await until(lambda: len(server.sockets) == 2)
        server.answers["ping"] = {}
        await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)


async def test_requests_are_spread_to_the_limit(server, connect):
    server.answers["get_ticker"] = {}
    async with connect(max_requests_per_second=50, max_orders_per_second=None) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(client.get_ticker("binance", "ETH-USD") for _ in range(120)))
        assert 0.3 < loop.time() - began < 1.5  # a hundred at once, the rest at 50 a second
    async with connect(max_requests_per_second=None, max_orders_per_second=20) as client:
        server.answers["create_order"] = REPLY
        began = loop.time()
        await asyncio.gather(*(client.create_order(**ORDER, price=1, amount=1) for _ in range(50)))
        assert 0.4 < loop.time() - began < 1.5


async def test_cancel_publishes_the_end_and_a_fill_that_was_faster(server, client):
    server.answers["cancel_order"] = {"order_id": "o1", "cancelled": True}
    assert (await client.cancel_order("binance", "ETH-USD", "o1"))["cancelled"] is True
    server.answers["cancel_order"] = {"order_id": "o2", "cancelled": False, "status": "filled", "filled": "1"}
    assert (await client.cancel_order("binance", "ETH-USD", "o2"))["cancelled"] is False
    await until(lambda: len(client.ears.of(EventType.ORDER_UPDATE)) == 2)
    assert [event["status"] for event in client.ears.of(EventType.ORDER_UPDATE)] == ["cancelled", "filled"]
    with pytest.raises(InvalidOrderError):
        await client.cancel_order("binance", "ETH-USD", "")


async def test_cancel_whose_first_reply_was_lost_succeeds_the_second_time(server, connect):
    async with connect(request_timeout=0.1) as client:
        seen = []

        async def answer(request):
            seen.append(request)
            if len(seen) == 2:
                await server.error(request, "order_closed", "over", data={"order_id": "o1", "status": "cancelled"})

        server.answers["cancel_order"] = answer
        assert (await client.cancel_order("binance", "ETH-USD", "o1"))["cancelled"] is True


async def test_public_trades_go_where_they_are_wanted(server, connect):
    async with connect(public_trades_as=EventType.MARKET_DATA) as client:
        await server.tell("trade", own=False, symbol="ETH-USD", amount="1")
        await server.tell("order_book_update", symbol="ETH-USD", bids=[], asks=[])
        await server.tell("ticker_update", symbol="ETH-USD")
        await server.tell("error", message="oops")
        await server.tell("surprise", x=1)
        await until(lambda: client.ears.of(EventType.ERROR, message="oops"))
        await client.ping()
        assert len(client.ears.of(EventType.MARKET_DATA)) == 3
        assert client.ears.of(EventType.TRADE_UPDATE) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client: client.get_order_status("b", "m"), "either order_id or client_ref"),
        (lambda client: client.get_order_history("b", "m", limit=0), "limit must be"),
        (lambda client: client.get_order_book("b", "m", depth=201), "depth must be"),
    ],
)
async def test_bad_argument_of_a_query_raises_before_anything_is_sent(client, call, message):
    with pytest.raises(ValueError, match=message):
        await call(client)


async def test_document_example_reads_the_environment(server, monkeypatch):
    monkeypatch.setenv("HUMMINGBOT_HOST", "127.0.0.1")
    monkeypatch.setenv("HUMMINGBOT_PORT", str(server.port))
    monkeypatch.setenv("HUMMINGBOT_API_KEY", KEY)
    client = HummingbotClient(
        event_engine=EventEngine(),
        api_host=os.environ.get("HUMMINGBOT_HOST", "localhost"),
        api_port=int(os.environ.get("HUMMINGBOT_PORT", "15888")),
        api_key=os.environ.get("HUMMINGBOT_API_KEY"),
    )
    async with client:
        assert client.connection_status is ConnectionStatus.CONNECTED


async def test_disconnect_ends_a_connect_that_is_under_way(connect):
    reached = asyncio.Event()

    async def never_answer(reader, writer):
        reached.set()
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        async with connect(connected=False, api_port=port, request_timeout=60) as client:
            connecting = asyncio.create_task(client.connect())
            await reached.wait()
            await client.disconnect()
            with pytest.raises(ConnectionLostError, match="disconnected while it was connecting"):
                await connecting
            assert client.connection_status is ConnectionStatus.DISCONNECTED


async def test_answers_that_make_no_sense_after_a_reconnect_end_it_and_are_told(server, client):
    server.answers["create_order"] = REPLY
    await client.create_order(**ORDER, price=3000, amount=1)
    server.answers["get_open_orders"] = [{"no": "id"}]
    await server.cut()
    await until(lambda: client.connection_status is ConnectionStatus.ERROR)
    await until(lambda: client.ears.of(EventType.ERROR, code="server_error"))


async def test_message_that_cannot_be_taken_in_ends_the_connection_and_not_silently(server, client, monkeypatch):
    refused = []

    def full(event):  # nor is there room to tell of the loss
        refused.append(event)
        if len(refused) == 2:
            monkeypatch.undo()
        raise MemoryError("no room")

    monkeypatch.setattr(client.event_engine, "put", full)
    await server.tell("info", message="hello")
    await until(lambda: len(server.sockets) == 2)
    await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)


async def test_order_that_was_sent_and_then_refused_for_its_rate_is_unknown(server, connect):
    async with connect(request_timeout=0.2, retry_attempts=1) as client:
        seen = []

        async def answer(request):
            seen.append(request)
            if len(seen) > 1:
                await server.error(request, "rate_limit", "too many requests", retry_after=0.01)

        server.answers["create_order"] = answer
        with pytest.raises(OrderStateUnknownError):
            await client.create_order(**ORDER, price=3000, amount=1)
