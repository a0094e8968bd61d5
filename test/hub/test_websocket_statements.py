"""The statements W1–W41 of streaming-systems.md §2 over real sockets; where a row has a D, the D is the statement."""

import asyncio
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

import aiohttp
import pytest

from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.hub.events import BarRow, iso_z
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from test.hub.clients import Client
from test.hub.hand_fed import T0_MS, HandFedHub, candle, depth, level, price, quote, status, trade
from test.until import until

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SOON_MS = 100


# --- endpoints and handshake ----------------------------------------------------------------------------------------


@pytest.mark.states("W1")
async def test_w1_the_stream_accepts_at_once_and_says_nothing(client: Client) -> None:
    with pytest.raises(TimeoutError):
        await client.hear(deadline_s=0.2)


@pytest.mark.states("W2")
async def test_w2_prices_subscribes_by_itself_and_acknowledges_first(server: HubServer, hub: HandFedHub) -> None:
    hub.give(price("BTC-USD"), price("ETH-USD", "3000"))
    async with Client.at(server.ws_url + "/ws/prices/btc-usd, eth-usd") as client:
        ack = await client.hear()
        assert (ack["type"], ack["symbols"], ack["interval_ms"]) == ("subscription_ack", ["BTC-USD", "ETH-USD"], 1000)
        data = await client.hear()
        assert (data["type"], data["stream_type"]) == ("data", "price")
        assert {row["symbol"] for row in data["data"]} == {"BTC-USD", "ETH-USD"}


@pytest.mark.states("W3")
async def test_w3_prices_obeys_what_the_client_says_later(server: HubServer) -> None:
    async with Client.at(server.ws_url + "/ws/prices/BTC-USD") as client:
        await client.hear("subscription_ack")
        await client.say(type="unsubscribe", stream_type="price")
        assert (await client.hear())["type"] == "unsubscribe_ack"
        await until(lambda: server.faces.connections()["total_subscriptions"] == 0)


@pytest.mark.parametrize("path", ["BTC/USD", "BTC%2FUSD", "BTC/USD,ETH/USD"])
@pytest.mark.states("W4", "W5")
async def test_w4_w5_prices_takes_symbols_with_a_slash_and_is_for_crypto(server: HubServer, path: str) -> None:
    async with Client.at(f"{server.ws_url}/ws/prices/{path}") as client:
        assert (await client.hear())["symbols"][0] == "BTC-USD"


@pytest.mark.states("W6")
async def test_w6_connections_are_exact_at_once(server: HubServer, http: aiohttp.ClientSession) -> None:
    async def told() -> dict[str, object]:
        async with http.get(server.url + "/ws/connections") as reply:
            assert reply.status == 200
            return await reply.json()

    async with Client.at(server.ws_url + "/ws/stream") as client:
        await client.subscribe(symbols=["BTC-USD", "ETH-USD"])
        await client.subscribe("quote", symbols=["BTC-USD"])
        expected = {"active_connections": 1, "total_subscriptions": 2, "subscribed_symbols": ["BTC-USD", "ETH-USD"]}
        assert await told() == expected
        await client.say(type="unsubscribe", stream_type="price", symbols=["ETH-USD"])
        await client.hear("unsubscribe_ack")
        assert (await told())["subscribed_symbols"] == ["BTC-USD"]
    await until(lambda: not server.faces.sessions)
    assert await told() == {"active_connections": 0, "total_subscriptions": 0, "subscribed_symbols": []}


@pytest.mark.states("W7")
async def test_w7_an_unknown_socket_is_refused_with_403(server: HubServer) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with Client.at(server.ws_url + "/ws/nothing"):
            pass
    assert refused.value.status == 403


@pytest.mark.states("W8", "W-B16")
async def test_w8_subscriptions_of_a_connection_are_capped(hub: HandFedHub) -> None:
    limits = FaceLimits(max_subscriptions=3)
    async with HubServer(hub, FaceSettings(port=0, limits=limits)) as server:
        async with Client.at(server.ws_url + "/ws/stream") as client:
            for _ in range(3):
                assert (await client.subscribe())["type"] == "subscription_ack"
            assert (await client.subscribe())["error_code"] == "SUBSCRIPTION_ERROR"


# --- subscribe ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Subscribe", "SUBSCRIBE", None, 1])
@pytest.mark.states("W9")
async def test_w9_the_type_is_case_sensitive(client: Client, kind: object) -> None:
    await client.say(type=kind, stream_type="price", symbols=["BTC-USD"])
    assert (await client.hear())["error_code"] == "INVALID_MESSAGE_TYPE"


@pytest.mark.parametrize("stream_type", ["price", "ohlcv", "quote", "trades", "multi_asset"])
@pytest.mark.states("W10")
async def test_w10_the_stream_types_of_the_seed_are_there(client: Client, stream_type: str) -> None:
    ack = await client.subscribe(stream_type)
    assert (ack["type"], ack["stream_type"]) == ("subscription_ack", stream_type)


@pytest.mark.states("W10")
async def test_w10_a_stream_type_is_required(client: Client) -> None:
    await client.say(type="subscribe", symbols=["BTC-USD"])
    assert (await client.hear())["error_code"] == "SUBSCRIPTION_ERROR"


@pytest.mark.parametrize("symbols", [[], ["BTC-USD"] * 51, "BTC-USD", None, [""], [1], ["X" * 41], ["NOPE-USD"]])
@pytest.mark.states("W11")
async def test_w11_symbols_are_one_to_fifty_known_ones(client: Client, symbols: object) -> None:
    await client.say(type="subscribe", stream_type="price", symbols=symbols)
    assert (await client.hear())["error_code"] == "SUBSCRIPTION_ERROR"


@pytest.mark.states("W11")
async def test_w11_symbols_are_normalised_and_each_once(client: Client) -> None:
    ack = await client.subscribe(symbols=["btc-usd", "BTC-USD", " BTC/USD ", "eth-usd"])
    assert ack["symbols"] == ["BTC-USD", "ETH-USD"]


@pytest.mark.parametrize("interval", [99, 60_001, 1000.5, None, True, "abc", [], -100])
@pytest.mark.states("W12")
async def test_w12_an_interval_out_of_range_is_refused(client: Client, interval: object) -> None:
    assert (await client.subscribe(interval_ms=interval))["error_code"] == "SUBSCRIPTION_ERROR"


@pytest.mark.parametrize("interval", [100, 60_000, "1000"])
@pytest.mark.states("W12")
async def test_w12_an_interval_in_range_is_taken(client: Client, interval: object) -> None:
    assert (await client.subscribe(interval_ms=interval))["interval_ms"] == int(str(interval))


@pytest.mark.states("W13", "W14", "W15")
async def test_w13_w14_w15_asset_type_market_and_data_type(client: Client) -> None:
    for asset in ("equity", "crypto", "forex", "commodity", "index", "etf", "option", "future", "perpetual"):
        assert (await client.subscribe(asset_type=asset))["type"] == "subscription_ack"
    for market in ("US", "UK", "EU", "JP", "CN", "HK", "CRYPTO", "GLOBAL"):
        assert (await client.subscribe(market=market, data_type="fundamentals"))["type"] == "subscription_ack"
    assert (await client.subscribe(asset_type="beer"))["error_code"] == "SUBSCRIPTION_ERROR"
    assert (await client.subscribe(market="MARS"))["error_code"] == "SUBSCRIPTION_ERROR"


@pytest.mark.parametrize(
    "params",
    [[], {"mode": "now"}, {"numbers": "hex"}, {"timeframe": "7m"}, {"snapshot": 1}, {"levels": 0}, {"replay": 1}],
)
@pytest.mark.states("W16")
async def test_w16_params_carry_our_options_and_are_checked(client: Client, params: object) -> None:
    reply = await client.subscribe(params=params or [1])
    assert reply["error_code"] == "SUBSCRIPTION_ERROR"


@pytest.mark.states("W16")
async def test_w16_unknown_fields_are_ignored(client: Client) -> None:
    assert (await client.subscribe(colour="blue", params={"shape": "round"}))["type"] == "subscription_ack"


@pytest.mark.states("W17", "W18")
async def test_w17_w18_the_ack_is_complete_and_comes_before_data(client: Client, hub: HandFedHub) -> None:
    hub.give(price())
    await client.say(type="subscribe", stream_type="price", symbols=["BTC-USD"], params={"snapshot": True})
    ack, data = await client.hear(), await client.hear()
    assert ack.keys() >= {"type", "stream_type", "symbols", "subscription_id", "interval_ms", "timestamp"}
    assert UUID4.fullmatch(ack["subscription_id"])
    assert ISO.fullmatch(ack["timestamp"])
    assert "LICENSE" in ack["disclaimer"]
    assert (data["type"], data["subscription_id"]) == ("data", ack["subscription_id"])


@pytest.mark.states("W19")
async def test_w19_the_first_data_comes_one_interval_after_the_ack(client: Client, hub: HandFedHub) -> None:
    hub.give(price())
    ack = await client.subscribe(interval_ms=300)
    data = await client.hear("data")
    acknowledged, sent = (datetime.fromisoformat(message["timestamp"]) for message in (ack, data))
    assert sent - acknowledged >= timedelta(milliseconds=299)


@pytest.mark.states("W20")
async def test_w20_the_same_twice_is_two_subscriptions(client: Client, hub: HandFedHub) -> None:
    hub.give(price())
    ids = {(await client.subscribe(interval_ms=SOON_MS))["subscription_id"] for _ in range(2)}
    assert len(ids) == 2
    assert {(await client.hear("data"))["subscription_id"] for _ in range(2)} == ids


@pytest.mark.states("W21")
async def test_w21_quotes_and_trades_are_real(client: Client, hub: HandFedHub) -> None:
    await client.subscribe("quote", interval_ms=SOON_MS)
    await client.subscribe("trades", interval_ms=SOON_MS)
    hub.give(quote(), trade(1), trade(2))
    heard = {
        message["stream_type"]: message["data"] for message in [await client.hear("data"), await client.hear("data")]
    }
    assert heard["quote"][0]["spread"] == Decimal("1.5")
    assert [row["trade_id"] for row in heard["trades"]] == ["1", "2"]


@pytest.mark.states("W22")
async def test_w22_multi_asset_is_labelled_so(client: Client, hub: HandFedHub) -> None:
    hub.give(price())
    await client.subscribe("multi_asset", interval_ms=SOON_MS)
    assert (await client.hear("data"))["stream_type"] == "multi_asset"


# --- unsubscribe ----------------------------------------------------------------------------------------------------


@pytest.mark.states("W23", "W30")
async def test_w23_w30_candles_are_of_one_minute_unless_asked_otherwise(client: Client, hub: HandFedHub) -> None:
    for name, close in (("M1", "84077"), ("M5", "84078")):
        hub.give(
            BarRow(
                market="BTC-USD", ts_ms=T0_MS, frame=timeframe(name), candle=candle(T0_MS // 1000, close, closed=False)
            )
        )
    await client.subscribe("ohlcv", interval_ms=SOON_MS)
    message = await client.hear("data")
    (row,) = message["data"]
    assert message["stream_type"] == "ohlcv"
    assert {"symbol", "timestamp", "open", "high", "low", "close", "volume", "is_closed"} <= row.keys()
    assert (row["timeframe"], row["close"], row["is_closed"]) == ("M1", 84077, False)
    assert row["timestamp"] == iso_z(T0_MS)
    await client.say(type="unsubscribe", stream_type="ohlcv")
    await client.subscribe("ohlcv", interval_ms=SOON_MS, params={"timeframe": "5m"})
    (row,) = (await client.hear("data"))["data"]
    assert (row["timeframe"], row["close"]) == ("M5", 84078)


@pytest.mark.states("W31")
async def test_w31_quote_and_trade_rows_are_complete(client: Client, hub: HandFedHub) -> None:
    hub.give(quote())
    await client.subscribe("quote", interval_ms=SOON_MS)
    (row,) = (await client.hear("data"))["data"]
    assert {"symbol", "bid", "ask", "bid_size", "ask_size", "spread", "timestamp"} <= row.keys()
    assert row["spread"] == row["ask"] - row["bid"]
    await client.say(type="unsubscribe", stream_type="quote")
    await client.subscribe("trades", interval_ms=SOON_MS)
    hub.give(trade(7))
    (row,) = (await client.hear("data"))["data"]
    assert {"symbol", "price", "quantity", "timestamp"} <= row.keys()
    assert (row["trade_id"], row["side"]) == ("7", "buy")


@pytest.mark.states("W-B2")
async def test_w_b2_fifty_symbols_come_together_each_interval() -> None:
    """The original asked for one after another, so that the interval grew with the symbols."""
    names = tuple(f"M{number}-USD" for number in range(50))
    hub = HandFedHub(names)
    hub.give(*(price(name) for name in names))
    async with HubServer(hub, FaceSettings(port=0)) as server, Client.at(server.ws_url + "/ws/stream") as client:
        await client.subscribe(symbols=names, interval_ms=SOON_MS)
        for _ in range(5):
            assert [row["symbol"] for row in (await client.hear("data"))["data"]] == list(names)


@pytest.mark.states("W24", "W25")
async def test_w24_w25_no_symbols_means_all_of_the_stream_type(client: Client, server: HubServer) -> None:
    await client.subscribe(symbols=["BTC-USD", "ETH-USD"])
    await client.subscribe("quote")
    await client.say(type="unsubscribe", stream_type="price", symbols=None)
    ack = await client.hear("unsubscribe_ack")
    assert ack == {"type": "unsubscribe_ack", "stream_type": "price", "symbols": ["BTC-USD", "ETH-USD"]}
    assert server.faces.connections()["total_subscriptions"] == 1


@pytest.mark.states("W25")
async def test_w25_an_unsubscribe_that_matches_nothing_is_acknowledged(client: Client) -> None:
    await client.say(type="unsubscribe", stream_type="trades", symbols=["BTC-USD"])
    assert await client.hear() == {"type": "unsubscribe_ack", "stream_type": "trades", "symbols": ["BTC-USD"]}


@pytest.mark.states("W26")
async def test_w26_removing_some_symbols_keeps_the_rest_under_the_same_id(client: Client, hub: HandFedHub) -> None:
    hub.give(price("BTC-USD"), price("ETH-USD"))
    ack = await client.subscribe(symbols=["BTC-USD", "ETH-USD"], interval_ms=SOON_MS)
    await client.say(type="unsubscribe", stream_type="price", symbols=["eth-usd"])
    await client.hear("unsubscribe_ack")
    data = await client.hear("data")
    assert (data["subscription_id"], [row["symbol"] for row in data["data"]]) == (ack["subscription_id"], ["BTC-USD"])


@pytest.mark.states("W27")
async def test_w27_a_subscription_ends_by_its_id(client: Client, server: HubServer) -> None:
    first, second = await client.subscribe(), await client.subscribe()
    await client.say(type="unsubscribe", subscription_id=first["subscription_id"])
    assert (await client.hear("unsubscribe_ack"))["subscription_id"] == first["subscription_id"]
    await client.say(type="list")
    listed = (await client.hear("subscriptions"))["subscriptions"]
    assert [each["subscription_id"] for each in listed] == [second["subscription_id"]]
    await client.say(type="unsubscribe", subscription_id="unknown")
    assert (await client.hear())["error_code"] == "UNSUBSCRIBE_ERROR"


# --- data, heartbeat, errors ----------------------------------------------------------------------------------------


@pytest.mark.states("W28", "W29")
async def test_w28_w29_a_price_message_is_complete_and_exact(client: Client, hub: HandFedHub) -> None:
    hub.give(price(value="84078.123456789012345"))
    await client.subscribe(interval_ms=SOON_MS)
    data = await client.hear("data")
    assert data.keys() == {"type", "stream_type", "subscription_id", "timestamp", "metadata", "data"}
    (row,) = data["data"]
    assert row["price"] == Decimal("84078.123456789012345")
    assert row.keys() == {
        "symbol", "price", "change", "change_percent", "volume", "timestamp", "provider", "confidence"
    }  # fmt: skip
    assert row["timestamp"] == "2026-11-21T00:00:00.000Z"
    assert data["metadata"] == {"received_at": "2026-11-21T00:00:00.005Z"}


async def test_numbers_may_be_strings(client: Client, hub: HandFedHub) -> None:
    hub.give(price(value="84078.10"))
    await client.subscribe(interval_ms=SOON_MS, params={"numbers": "string"})
    assert (await client.hear("data"))["data"][0]["price"] == "84078.10"


@pytest.mark.states("W32")
async def test_w32_all_symbols_with_data_come_each_interval_changed_or_not(client: Client, hub: HandFedHub) -> None:
    await client.subscribe(symbols=["BTC-USD", "ETH-USD", "SOL-USD"], interval_ms=SOON_MS)
    with pytest.raises(TimeoutError):
        await client.hear("data", deadline_s=0.3)  # none has data: nothing is sent
    hub.give(price("BTC-USD"), price("SOL-USD"))
    for _ in range(2):
        assert [row["symbol"] for row in (await client.hear("data"))["data"]] == ["BTC-USD", "SOL-USD"]


async def test_mode_changes_sends_only_what_changed(client: Client, hub: HandFedHub) -> None:
    hub.give(price("BTC-USD"))
    await client.subscribe(symbols=["BTC-USD", "ETH-USD"], interval_ms=SOON_MS, params={"mode": "changes"})
    hub.give(price("ETH-USD", "1"), price("ETH-USD", "2"))
    rows = (await client.hear("data"))["data"]
    assert [(row["symbol"], row["price"]) for row in rows] == [("ETH-USD", 2)]
    with pytest.raises(TimeoutError):
        await client.hear("data", deadline_s=0.3)


async def test_mode_tick_sends_at_once(client: Client, hub: HandFedHub) -> None:
    await client.subscribe(interval_ms=60_000, params={"mode": "tick"})
    for value in ("1", "2", "3"):
        hub.give(price(value=value))
        assert (await client.hear("data"))["data"][0]["price"] == Decimal(value)


@pytest.mark.states("W33")
async def test_w33_heartbeats_come_from_the_connect_on(hub: HandFedHub) -> None:
    async with HubServer(hub, FaceSettings(port=0, limits=FaceLimits(heartbeat_s=0.1))) as server:
        async with Client.at(server.ws_url + "/ws/stream") as client:
            assert (await client.hear("heartbeat"))["active_subscriptions"] == 0
            await client.subscribe(interval_ms=60_000)
            beat = await client.hear("heartbeat")
            assert beat["active_subscriptions"] == 1
            assert ISO.fullmatch(beat["timestamp"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "INVALID_JSON"),
        ("", "INVALID_JSON"),
        ("[" * 5000, "INVALID_JSON"),
        ("{}", "INVALID_MESSAGE_TYPE"),
        ('{"type":"dance"}', "INVALID_MESSAGE_TYPE"),
        ('{"type":"subscribe"}', "SUBSCRIPTION_ERROR"),
        ('{"type":"unsubscribe"}', "UNSUBSCRIBE_ERROR"),
        ("[1]", "PROCESSING_ERROR"),
        ('"x"', "PROCESSING_ERROR"),
        ("null", "PROCESSING_ERROR"),
    ],
)
@pytest.mark.states("W34", "W35", "W36")
async def test_w34_w35_errors_have_a_code_and_the_connection_stays(client: Client, text: str, code: str) -> None:
    await client.socket.send_str(text)
    error = await client.hear()
    assert (error["type"], error["error_code"]) == ("error", code)
    assert ISO.fullmatch(error["timestamp"])
    assert error["message"]
    await client.say(type="ping")
    assert (await client.hear())["type"] == "pong"


@pytest.mark.states("W-B14")
async def test_b14_errors_do_not_repeat_what_the_client_sent(client: Client) -> None:
    secret = "hunter2hunter2"
    await client.say(type="subscribe", stream_type=secret, symbols=[secret], params={"mode": secret})
    assert secret not in json.dumps(await client.hear())


@pytest.mark.states("W37")
async def test_w37_too_many_symbols_on_prices_is_told_then_closed_with_1008(server: HubServer) -> None:
    async with Client.at(server.ws_url + "/ws/prices/" + ",".join(["BTC-USD"] * 51)) as client:
        assert (await client.hear())["error_code"] == "SUBSCRIPTION_ERROR"
        assert await client.close_code() == 1008


@pytest.mark.states("W37", "W39")
async def test_w37_w39_a_binary_frame_is_closed_with_1003(client: Client) -> None:
    await client.socket.send_bytes(b"{}")
    assert await client.close_code() == 1003


@pytest.mark.states("W38")
async def test_w38_a_feed_that_goes_stale_is_told(client: Client, hub: HandFedHub) -> None:
    await client.subscribe(interval_ms=60_000)
    await client.subscribe("news", symbols=["*"])
    hub.give(status(state="stale"), status(state="live", feed="mark"))
    told = await client.hear("status")
    assert (told["symbol"], told["state"], told["feed"]) == ("BTC-USD", "stale", "trades")
    assert ISO.fullmatch(told["since"])
    hub.give(status(state="live"))
    assert (await client.hear("status"))["state"] == "live"  # that of another feed was not told


@pytest.mark.states("W39")
async def test_w39_normal_going_away_too_big_and_overloaded(hub: HandFedHub) -> None:
    limits = FaceLimits(max_clients=2, max_message_bytes=1000)
    server = HubServer(hub, FaceSettings(port=0, limits=limits))
    async with server:
        async with Client.at(server.ws_url + "/ws/stream") as big, Client.at(server.ws_url + "/ws/stream") as stays:
            async with Client.at(server.ws_url + "/ws/stream") as third:
                assert await third.close_code() == 1013
            await big.socket.send_str("x" * 2000)
            assert await big.close_code() == 1009
            closing = asyncio.create_task(server.__aexit__(None, None, None))
            assert await stays.close_code() == 1001
            await closing


@pytest.mark.states("W40", "W-B16")
async def test_w40_too_many_messages_are_closed_with_1008(hub: HandFedHub) -> None:
    limits = FaceLimits(messages_per_s=1, message_burst=5)
    async with HubServer(hub, FaceSettings(port=0, limits=limits)) as server:
        async with Client.at(server.ws_url + "/ws/stream") as client:
            for _ in range(6):
                await client.say(type="ping")
            assert await client.close_code() == 1008


@pytest.mark.states("W40", "W-B16")
async def test_w40_a_token_is_asked_for_by_header(hub: HandFedHub) -> None:
    token = "correct-horse-battery"
    async with HubServer(hub, FaceSettings(port=0, token=token)) as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with Client.at(server.ws_url + f"/ws/stream?token={token}", headers):
                    pass
            assert refused.value.status == 401
        async with Client.at(server.ws_url + "/ws/stream", {"Authorization": f"Bearer {token}"}) as client:
            await client.say(type="ping")
            await client.hear("pong")
        browser = {"Origin": server.url, "Sec-WebSocket-Protocol": f"hub-token.{token}"}
        async with Client.at(server.ws_url + "/ws/stream", browser) as client:
            await client.say(type="ping")
            await client.hear("pong")
        async with Client.at(server.ws_url + "/ws/stream", {"Origin": server.url}) as client:
            assert await client.close_code() == 4001


@pytest.mark.states("W41", "W-B16")
async def test_w41_pages_of_other_origins_are_refused(hub: HandFedHub) -> None:
    friend = "https://friend.example"
    async with HubServer(hub, FaceSettings(port=0, origins=frozenset({friend}))) as server:
        for origin in (friend, server.url):
            async with Client.at(server.ws_url + "/ws/stream", {"Origin": origin}):
                pass
        foreign = [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}]
        for headers in foreign:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with Client.at(server.ws_url + "/ws/stream", headers):
                    pass
            assert refused.value.status == 403


# --- depth ----------------------------------------------------------------------------------------------------------


async def test_depth_is_a_snapshot_then_changes_with_a_sequence(client: Client, hub: HandFedHub) -> None:
    hub.give(depth("BTC-USD", 7, (level("10", "1"), level("9", "2")), (level("11", "1"),)))
    await client.subscribe("depth")
    (first,) = (await client.hear("data"))["data"]
    assert (first["type"], first["seq"], first["bids"]) == ("snapshot", 7, [[10, 1], [9, 2]])
    hub.give(depth("BTC-USD", 8, (level("10", "0"),), (), snapshot=False))
    (change,) = (await client.hear("data"))["data"]
    assert (change["type"], change["seq"], change["prev_seq"], change["bids"]) == ("delta", 8, 7, [[10, 0]])


async def test_depth_of_some_levels_tells_what_falls_out_of_view(client: Client, hub: HandFedHub) -> None:
    hub.give(depth("BTC-USD", 7, (level("10", "1"), level("9", "2")), (level("11", "1"), level("12", "1"))))
    await client.subscribe("depth", params={"levels": 1})
    (first,) = (await client.hear("data"))["data"]
    assert (first["bids"], first["asks"]) == ([[10, 1]], [[11, 1]])
    hub.give(depth("BTC-USD", 8, (), (level("12", "5"),), snapshot=False))  # out of view: nothing is told
    hub.give(depth("BTC-USD", 9, (level("10.5", "3"),), (), snapshot=False))
    (change,) = (await client.hear("data"))["data"]
    assert change["prev_seq"] == first["seq"]
    assert (change["bids"], change["asks"]) == ([[Decimal("10.5"), 3], [10, 0]], [])


# --- alerts and replay ----------------------------------------------------------------------------------------------


async def test_an_alert_is_set_told_and_cleared(client: Client, hub: HandFedHub) -> None:
    from hummingbot_extended.hub.events import AlertRow

    alert = {"kind": "cross_above", "symbol": "btc-usd", "price": "90000", "cooldown_s": 5}
    await client.say(type="alert_set", alert=alert)
    ack = await client.hear("alert_ack")
    asked, sink = hub.alerts[ack["alert_id"]]
    assert asked == alert
    sink(AlertRow(market="BTC-USD", ts_ms=1, alert_id=ack["alert_id"], what="cross_above",
                  value=Decimal(90001), threshold=Decimal(90000)))  # fmt: skip
    told = await client.hear("alert")
    assert (told["alert_id"], told["value"]) == (ack["alert_id"], 90001)
    await client.say(type="alert_clear", alert_id=ack["alert_id"])
    assert (await client.hear("alert_ack"))["active"] is False
    assert not hub.alerts


@pytest.mark.parametrize(
    "alert",
    [None, {"kind": "eval"}, {"kind": "cross_above", "symbol": "X", "price": 1}],
)
async def test_an_alert_that_makes_no_sense_is_refused(client: Client, alert: object) -> None:
    await client.say(type="alert_set", alert=alert)
    assert (await client.hear())["error_code"] == "ALERT_ERROR"


async def test_alerts_end_with_their_connection(server: HubServer, hub: HandFedHub) -> None:
    async with Client.at(server.ws_url + "/ws/stream") as client:
        await client.say(type="alert_set", alert={"kind": "cross_above", "symbol": "BTC-USD", "price": 1})
        await client.hear("alert_ack")
    await until(lambda: not hub.alerts)


async def test_replay_sends_the_past_marked_as_such_and_says_when_it_ends(client: Client, hub: HandFedHub) -> None:
    hub.past = [price(value=str(number), ts_ms=1_000 * number) for number in range(1, 6)]
    replay = {"from": 2_000, "to": 4_000, "speed": 1000}
    ack = await client.subscribe(params={"replay": replay})
    heard = [await client.hear("data") for _ in range(3)]
    assert [message["data"][0]["price"] for message in heard] == [2, 3, 4]
    assert all(message["metadata"] == {"replay": True} for message in heard)
    assert (await client.hear())["subscription_id"] == ack["subscription_id"]
    assert client.skipped == []


async def test_replay_of_what_is_not_kept_says_so(client: Client) -> None:
    await client.subscribe(params={"replay": {"from": 1, "to": 2}})
    assert (await client.hear("replay_end"))["error"]
