"""The wire: what is written is read back, numbers stay exact, and whatever comes in never surprises."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.gateway.enums import MarketType, OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.errors import (
    ConnectionLostError,
    ErrorCode,
    HummingbotClientException,
    InvalidOrderError,
    OrderStateUnknownError,
    error_of,
)
from hummingbot_extended.gateway.protocol import (
    CAPABILITIES,
    OrderRequest,
    Reply,
    Request,
    ServerEvent,
    Welcome,
    decimal_of,
    decode_message,
    decode_request,
    encode_error,
    encode_event,
    encode_reply,
    encode_request,
    plain,
    to_decimal,
    with_seq,
)

ORDER = {"exchange": "x", "market": "ETH-USD", "side": "buy", "order_type": "limit", "amount": "1", "price": "2"}
names = st.text(min_size=1, max_size=20).filter(lambda text: text.strip())
positive = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**15), st.integers(0, 20))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_words_are_the_documents():
    assert [str(each) for each in OrderType] == ["limit", "market", "stop", "stop_limit"]
    assert [str(each) for each in OrderSide] == ["buy", "sell"]
    assert [str(each) for each in OrderStatus] == ["open", "partially_filled", "filled", "cancelled", "failed"]
    assert [str(each) for each in MarketType] == ["spot", "futures"]


@given(st.integers().filter(lambda n: abs(n) < 10**40) | positive)
def test_plain_is_exact_and_has_no_exponent(number):
    text = plain(Decimal(number))
    assert Decimal(text) == Decimal(number)
    assert "E" not in text.upper()
    assert not ("." in text and text.endswith("0"))


@given(st.floats(min_value=1e-20, max_value=1e20))
def test_float_counts_as_the_shortest_text_that_means_it(number):
    assert float(plain(to_decimal("amount", number))) == number


@pytest.mark.parametrize(
    "value", [None, True, "", "x", "nan", "inf", float("nan"), float("inf"), [], {}, "1e999999999", "-1", 0, "0", b"1"]
)
def test_what_is_no_number_above_zero_is_refused_with_its_name(value):
    with pytest.raises(InvalidOrderError, match="Invalid order: price must be a number above 0"):
        to_decimal("price", value)


def test_huge_exponent_is_no_number():
    assert decimal_of("1e41") is None
    assert decimal_of(Decimal("1e-41")) is None
    assert decimal_of("1e30") == Decimal("1e30")


@given(
    exchange=names,
    market=names,
    side=st.sampled_from(OrderSide),
    order_type=st.sampled_from(OrderType),
    amount=positive,
    price=positive,
    stop_price=positive,
    post_only=st.booleans(),
    reduce_only=st.booleans(),
    client_ref=st.none() | st.text(min_size=1, max_size=64),
)
def test_order_survives_the_wire(order_type, price, stop_price, post_only, **fields):
    order = OrderRequest(
        **fields,
        order_type=order_type,
        price=price if order_type.has_price else None,
        stop_price=stop_price if order_type.has_stop_price else None,
        post_only=post_only and order_type is OrderType.LIMIT,
    )
    request = decode_request(encode_request("1", "create_order", order.params()))
    assert OrderRequest.read(request.params) == order


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"side": "long"}, "side must be one of buy, sell"),
        ({"side": None}, "side must be one of"),
        ({"side": ["buy"]}, "side must be one of"),
        ({"order_type": "iceberg"}, "order_type must be one of"),
        ({"price": None}, "needs a price"),
        ({"order_type": "market"}, "takes no price"),
        ({"stop_price": "1"}, "takes no stop_price"),
        ({"order_type": "stop_limit"}, "needs a stop_price"),
        ({"order_type": "stop_limit", "stop_price": "1", "post_only": True}, "post_only is for limit orders"),
        ({"post_only": "yes"}, "post_only must be true or false"),
        ({"reduce_only": 1}, "reduce_only must be true or false"),
        ({"client_ref": ""}, "client_ref must be"),
        ({"client_ref": "x" * 65}, "client_ref must be"),
        ({"client_ref": 5}, "client_ref must be"),
        ({"exchange": ""}, "exchange must be a text"),
        ({"market": None}, "market must be a text"),
        ({"amount": "0"}, "amount must be a number"),
        ({"amount": "9" * 500}, "amount must be a number"),
    ],
)
def test_bad_order_is_refused_with_what_is_wrong(change, says):
    with pytest.raises(InvalidOrderError, match=says) as caught:
        OrderRequest.read({**ORDER, **change})
    assert len(str(caught.value)) < 300


@given(st.text(min_size=1), st.text(min_size=1, max_size=5), st.dictionaries(st.text(), json_values, max_size=4))
def test_request_survives_the_wire(method, request_id, params):
    params = {name: value for name, value in params.items() if name not in ("type", "id")}
    assert decode_request(encode_request(request_id, method, params)) == Request(method, request_id, params)


@given(st.none() | st.text(), json_values, st.none() | st.text(min_size=1))
def test_reply_survives_the_wire(request_id, data, message):
    reply = decode_message(encode_reply(request_id, data, message))
    assert reply == Reply(request_id, "success", data, message or "")
    assert reply.ok


@given(st.sampled_from(ErrorCode), st.text(), json_values, st.none() | st.floats(0, 100))
def test_error_survives_the_wire(code, message, data, retry_after):
    reply = decode_message(encode_error("1", code, message, data, retry_after))
    assert (reply.ok, reply.code, reply.message, reply.data, reply.retry_after_s) == (
        False,
        code,
        message,
        data,
        retry_after,
    )


@given(st.text(min_size=1), st.dictionaries(st.text(), json_values, max_size=4), st.integers(1, 10**9))
def test_event_survives_the_wire_and_its_number_is_added_without_encoding_it_again(event_type, data, seq):
    event = encode_event(event_type, data)
    assert decode_message(event) == ServerEvent(event_type, data)
    assert decode_message(with_seq(event, seq)) == ServerEvent(event_type, data, seq)
    assert json.loads(with_seq(event, seq)) == {"type": event_type, "data": data, "seq": seq}


@given(st.text() | st.binary() | json_values.map(json.dumps))
def test_anything_is_read_or_refused_as_malformed(text):
    for decode in (decode_request, decode_message):
        with contextlib.suppress(MalformedMessage):
            decode(text)


def test_deeply_nested_json_is_malformed():
    with pytest.raises(MalformedMessage):
        decode_request("[" * 100_000)
    with pytest.raises(MalformedMessage, match="neither text nor a number"):
        decode_request('{"type": "x", "id": {}}')


def test_welcome_reads_what_is_there():
    assert Welcome.read(None) == Welcome()
    welcome = Welcome.read(
        {"capabilities": list(CAPABILITIES), "exchanges": {"x": ["A-B"]}, "position": "j:1", "server": "s"}
    )
    assert welcome.exchanges == {"x": ("A-B",)}
    assert "client_ref" in welcome.capabilities


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_a_class(code):
    error = error_of(code.value, "why", {"client_ref": "r"}, 1.5)
    assert error.code is code
    assert str(error) == "why"
    if code is ErrorCode.ORDER_STATE_UNKNOWN:
        assert isinstance(error, OrderStateUnknownError)
        assert error.client_ref == "r"
    if code is ErrorCode.CONNECTION_ERROR:
        assert isinstance(error, ConnectionLostError)


def test_unknown_code_gives_the_base_class():
    for code in (None, "new_code"):
        error = error_of(code, "why")
        assert type(error) is HummingbotClientException
        assert error.code is ErrorCode.UNKNOWN_ERROR
    assert error_of("order_state_unknown", "why").client_ref is None
