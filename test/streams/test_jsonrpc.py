"""RpcProtocol: what is sent, what a message is, what a new connection asks for. No loop, no socket."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import ApiError, MalformedMessage, SequenceGap, ServerUnavailable, Unauthorized
from hummingbot_extended.streams.jsonrpc import RpcProtocol

KEY = "secret-api-key"


@dataclass(frozen=True)
class T:
    name: str
    scope: str = "orderbooks"
    selector: dict = None


BTC = T("orderbooks.BTC-USD", "orderbooks", {"market": "BTC-USD", "depth": "full", "rfqOnly": False})
ETH = T("trades.ETH-USD", "trades", {"market": "ETH-USD"})
ACCOUNT = T("account.7", "account", {"account": "7"})


def answer(request_id, **result):
    return json.dumps({"id": request_id, "result": result, "jsonrpc": "2.0"})


def refusal(request_id, code, message="no"):
    return json.dumps({"id": request_id, "error": {"code": code, "message": message, "data": None}, "jsonrpc": "2.0"})


def frame(topic, seq):
    return json.dumps({"type": "X", "data": {}, "ts": 5, "seq": seq, "subscription": topic}).encode()


def test_calls_are_as_the_reference_has_them():
    protocol = RpcProtocol()
    assert [
        json.loads(text) for _, text in (protocol.subscribe(BTC), protocol.unsubscribe(BTC.name), protocol.call("ping"))
    ] == [
        {
            "method": "subscribe",
            "id": "1",
            "jsonrpc": "2.0",
            "params": {"scope": "orderbooks", "selector": BTC.selector},
        },
        {
            "method": "unsubscribe",
            "id": "2",
            "jsonrpc": "2.0",
            "params": {"scope": "orderbooks", "selector": BTC.selector},
        },
        {"method": "ping", "id": "3", "jsonrpc": "2.0"},
    ]
    _, text = protocol.subscribe(ACCOUNT, KEY)
    assert json.loads(text)["params"] == {"scope": "account", "selector": {"account": "7"}, "apiKey": KEY}
    assert protocol.unsubscribe("nothing") is None


def test_the_key_is_in_no_repr_and_no_error():
    protocol = RpcProtocol()
    request_id, _ = protocol.subscribe(ACCOUNT, KEY)
    assert KEY not in repr((protocol, protocol._wanted, protocol._calls))
    reply = protocol.read(refusal(request_id, -32001, f"bad key {KEY}"))
    assert isinstance(reply.error, Unauthorized)
    assert KEY not in repr(reply) + str(reply.error)
    assert "subscribe account.7" in str(reply.error)


def test_read_tells_frames_from_replies_and_from_what_nobody_wants():
    protocol = RpcProtocol()
    request_id, _ = protocol.subscribe(BTC)
    assert protocol.read(frame(BTC.name, 0)) == BTC.name  # even before the reply
    assert protocol.last_ts_ms == 5
    reply = protocol.read(answer(request_id, method="subscribe", status="OK", subscription=BTC.name))
    assert (reply.method, reply.topic, reply.error) == ("subscribe", BTC.name, None)
    assert protocol.read(answer(request_id)) is None
    assert protocol.read(answer("77")) is None
    assert protocol.read(frame(ETH.name, 1)) is None
    assert protocol.read(b'{"jsonrpc":"2.0"}') is None
    protocol.unsubscribe(BTC.name)
    assert protocol.read(frame(BTC.name, 2)) is None
    assert repr(protocol) == "<RpcProtocol rpc: 0 topics, 1 calls unanswered>"


def test_a_topic_may_be_named_otherwise_by_the_server():
    protocol = RpcProtocol()
    request_id, _ = protocol.subscribe(BTC)
    protocol.read(answer(request_id, subscription="orderbooks.full.BTC-USD"))
    assert protocol.read(frame("orderbooks.full.BTC-USD", 0)) == BTC.name
    protocol.unsubscribe(BTC.name)
    assert protocol.read(frame("orderbooks.full.BTC-USD", 1)) is None


def test_a_confirmation_need_not_name_its_topic():
    protocol = RpcProtocol()
    request_id, _ = protocol.subscribe(BTC)
    assert protocol.read(answer(request_id, status="OK")).topic == BTC.name
    assert protocol.read(frame(BTC.name, 0)) == BTC.name


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (-32700, ApiError),
        (-32600, ApiError),
        (-32601, ApiError),
        (-32602, ApiError),
        (-32603, ServerUnavailable),
        (-32001, Unauthorized),
    ],
)
def test_errors_are_typed_by_code(code, error):
    protocol = RpcProtocol()
    request_id, _ = protocol.call("ping")
    reply = protocol.read(refusal(request_id, code))
    assert type(reply.error) is error
    assert reply.error.code == code
    assert reply.topic is None


@pytest.mark.parametrize(
    "text", [b"no json", b"[1]", b'{"seq":"x","subscription":"a"}', "\ud800", b'{"id":"1","error":5}']
)
def test_what_is_neither_is_malformed(text):
    protocol = RpcProtocol()
    protocol.call("ping")
    with pytest.raises(MalformedMessage):
        protocol.read(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


def test_seq_counts_over_all_topics_from_0_also_over_unwanted_ones():
    protocol = RpcProtocol("the socket")
    protocol.subscribe(BTC)
    protocol.subscribe(ETH)
    for seq, topic in enumerate([BTC.name, ETH.name, "unwanted", BTC.name]):
        protocol.read(frame(topic, seq))
    with pytest.raises(SequenceGap, match="the socket: expected seq 4, received 6"):
        protocol.read(frame(ETH.name, 6))
    with pytest.raises(SequenceGap):
        RpcProtocol().read(frame(BTC.name, 1))


def test_connected_asks_for_every_topic_again_and_forgets_the_old_connection():
    protocol = RpcProtocol()
    first, _ = protocol.subscribe(BTC)
    protocol.subscribe(ACCOUNT, KEY)
    protocol.subscribe(ETH)
    protocol.unsubscribe(ETH.name)
    protocol.read(answer(first, subscription="other name"))
    protocol.read(frame("other name", 0))
    replayed = protocol.connected()
    assert [json.loads(text)["params"]["scope"] for _, text in replayed] == ["orderbooks", "account"]
    assert json.loads(replayed[1][1])["params"]["apiKey"] == KEY
    assert protocol.topics == (BTC.name, ACCOUNT.name)
    assert protocol.read(answer(first)) is None
    assert protocol.read(frame(BTC.name, 0)) == BTC.name
    assert protocol.forget(replayed[1][0]) == ACCOUNT.name
    assert protocol.forget(replayed[1][0]) is None
    assert protocol.forget(protocol.call("ping")[0]) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([BTC, ETH, ACCOUNT]), st.sampled_from(["subscribe", "unsubscribe", "reconnect"]))
    )
)
def test_what_is_wanted_is_what_was_asked_for_and_not_given_up(actions):
    """Any order of subscribing, giving up and reconnecting: a new connection asks for exactly the wanted topics."""
    protocol, wanted, ids = RpcProtocol(), {}, []
    for topic, action in actions:
        if action == "subscribe":
            ids.append(protocol.subscribe(topic)[0])
            wanted.setdefault(topic.name)
        elif action == "unsubscribe":
            call = protocol.unsubscribe(topic.name)
            assert (call is not None) == (topic.name in wanted)
            wanted.pop(topic.name, None)
            ids += [call[0]] if call else []
        else:
            replayed = protocol.connected()
            ids += [request_id for request_id, _ in replayed]
            assert len(replayed) == len(wanted)
        assert set(protocol.topics) == set(wanted)
    assert len(ids) == len(set(ids))
