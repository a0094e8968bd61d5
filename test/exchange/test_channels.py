import json

import pytest

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange import channels
from hummingbot_extended.exchange.channels import (
    AccountFrame,
    BookFrame,
    CandleFrame,
    FundingFrame,
    OtherFrame,
    PriceFrame,
    RpcReply,
    Topic,
    TradesFrame,
    decode_rpc,
    rpc_request,
)
from hummingbot_extended.exchange.enums import CandleType, PriceType
from test.exchange.helpers import fixture


def test_v1_paths() -> None:
    assert channels.ACCOUNT_PATH == "/account"
    assert channels.orderbook_path("BTC-USD") == "/orderbooks/BTC-USD"
    assert channels.orderbook_path("BTC-USD", best_only=True) == "/orderbooks/BTC-USD?depth=1"
    assert channels.orderbook_path() == "/orderbooks"
    assert channels.trades_path("A/B") == "/publicTrades/A%2FB"
    assert channels.funding_path() == "/funding"
    assert channels.price_path(PriceType.MARK, "BTC-USD") == "/prices/mark/BTC-USD"
    assert channels.price_path(PriceType.INDEX) == "/prices/index"
    assert channels.candles_path("BTC-USD", "PT1M") == "/candles/BTC-USD/trades?interval=PT1M"
    path = channels.candles_path("BTC-USD", "PT1M", CandleType.INDEX_PRICES)
    assert path == "/candles/BTC-USD/index-prices?interval=PT1M"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("wss://api.starknet.extended.exchange/stream.extended.exchange/v1", "https://api.starknet.extended.exchange/"),
        ("ws://127.0.0.1:1/v1", "http://127.0.0.1:1/"),
        ("https://relay/v1", "https://relay/"),
    ],
)
def test_stream_url_is_http(base: str, expected: str) -> None:
    url = channels.stream_url(base, "/account")
    assert url.startswith(expected)
    assert url.endswith("/v1/account")


@pytest.mark.parametrize(
    ("topic", "name", "scope", "selector"),
    [
        (
            Topic.orderbook("BTC-USD"),
            "orderbooks.BTC-USD",
            "orderbooks",
            {"market": "BTC-USD", "depth": "full", "rfqOnly": False},
        ),
        (
            Topic.orderbook(rfq_only=True),
            "orderbooks.all.rfq",
            "orderbooks",
            {"market": None, "depth": "full", "rfqOnly": True},
        ),
        (
            Topic.orderbook("BTC-USD", best_only=True),
            "orderbooks.1.BTC-USD",
            "orderbooks",
            {"market": "BTC-USD", "depth": "1"},
        ),
        (Topic.trades(), "trades.all", "trades", {"market": None}),
        (Topic.funding("BTC-USD"), "funding-rates.BTC-USD", "funding-rates", {"market": "BTC-USD"}),
        (Topic.price(PriceType.MARK, "B"), "prices.mark.B", "prices", {"type": "mark", "market": "B"}),
        (
            Topic.candles("B", "PT1M"),
            "candles.last.B.PT1M",
            "candles",
            {"type": "last", "market": "B", "interval": "PT1M"},
        ),
        (Topic.account("100009"), "account.100009", "account", {"account": "100009"}),
    ],
)
def test_v2_topics(topic: Topic, name: str, scope: str, selector: dict[str, object]) -> None:
    assert topic.name == name
    request = json.loads(topic.request("subscribe", 3))
    assert request == {
        "method": "subscribe",
        "id": "3",
        "jsonrpc": "2.0",
        "params": {"scope": scope, "selector": selector},
    }


def test_the_key_goes_beside_the_selector_and_not_into_the_repr() -> None:
    topic = Topic.account("1")
    params = json.loads(topic.request("subscribe", 1, api_key="k"))["params"]
    assert params == {"scope": "account", "selector": {"account": "1"}, "apiKey": "k"}
    assert "apiKey" not in repr(topic)


def test_other_requests_have_no_params() -> None:
    assert json.loads(rpc_request("ping", 9)) == {"method": "ping", "id": "9", "jsonrpc": "2.0"}


def test_decode_rpc_tells_replies_from_frames() -> None:
    messages = [decode_rpc(json.dumps(message)) for message in fixture("rpc_frames")]
    assert messages[:3] == [
        RpcReply(1, "subscribe", ("orderbooks.BTC-USD",)),
        RpcReply(4, "list-subscriptions", ("orderbooks.BTC-USD", "trades.all")),
        RpcReply(5, error=(-32602, "no such scope")),
    ]
    kinds = [TradesFrame, PriceFrame, FundingFrame, CandleFrame, AccountFrame, OtherFrame]
    assert [type(message) for message in messages[3:]] == kinds
    assert [message.seq for message in messages[3:] if not isinstance(message, RpcReply)] == [*range(6)]


@pytest.mark.parametrize("name", ["rpc_snapshot", "rpc_delta"])
def test_decode_rpc_reads_books(name: str) -> None:
    frame = decode_rpc(json.dumps(fixture("book_frames")[name]).encode())
    assert isinstance(frame, BookFrame)
    assert (frame.market, frame.topic) == ("BTC-USD", "orderbooks.BTC-USD")


@pytest.mark.parametrize("raw", [b"", b"garbage", b"[]", b"{}", b'{"subscription":7}', b'{"id":"x"}', b"\xff"])
def test_decode_rpc_refuses_garbage(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_rpc(raw)
