import json
from decimal import Decimal
from typing import Any

import pytest

from hummingbot_extended.errors import MalformedMessage, ProtocolError
from hummingbot_extended.exchange.enums import AccountEvent, OrderStatus, PriceType
from hummingbot_extended.exchange.frames import (
    AccountFrame,
    decode_account,
    decode_candles,
    decode_funding,
    decode_price,
    decode_trades,
)
from test.exchange.helpers import fixture


def public(name: str) -> str:
    return json.dumps(fixture("public_frames")[name])


ACCOUNT: list[AccountFrame] = [decode_account(json.dumps(frame)) for frame in fixture("account_frames")]
DECODERS = [decode_trades, decode_funding, decode_price, decode_candles, decode_account]


def test_trades() -> None:
    frame = decode_trades(public("trades"))
    assert (frame.seq, frame.ts_ms, frame.kind, frame.topic, frame.bad) == (2, 1795219201001, None, None, ())
    assert [(trade.id, trade.price) for trade in frame.trades] == [(2103456789012345999, Decimal(84078))]


def test_one_trade_of_an_unknown_type_is_reported_and_the_others_arrive() -> None:
    frame = decode_trades(public("trades_one_odd"))
    assert [trade.id for trade in frame.trades] == [6]
    assert [bad.name for bad in frame.bad] == ["5"]


def test_funding() -> None:
    funding = decode_funding(public("funding")).funding
    assert (funding.market, funding.rate, funding.time_ms) == ("BTC-USD", Decimal("0.000013"), 1795219250000)


def test_candles() -> None:
    frame = decode_candles(public("candles"))
    assert (frame.candles[0].low, frame.candles[0].volume) == (83990, Decimal("12.345"))


@pytest.mark.parametrize(("name", "expected"), [("mark", PriceType.MARK), ("index", PriceType.INDEX)])
def test_price_knows_which_and_its_time_is_the_frames(name: str, expected: PriceType) -> None:
    frame = decode_price(public(name))
    assert (frame.price_type, frame.ts_ms, frame.price.market) == (expected, 1795219200123, "BTC-USD")


def test_price_of_v2_and_of_no_kind() -> None:
    wire = fixture("public_frames")["mark"]
    assert decode_price(json.dumps(wire | {"type": "PRICES.MP"})).price_type is PriceType.MARK
    assert decode_price(json.dumps(wire | {"type": None})).price_type is None


def test_account_frames_are_told_by_their_payload() -> None:
    assert [frame.event for frame in ACCOUNT] == [
        AccountEvent.ORDERS,
        AccountEvent.BALANCE,
        AccountEvent.POSITIONS,
        AccountEvent.SPOT_BALANCES,
        AccountEvent.ORDERS,
        AccountEvent.TRADES,
        AccountEvent.POSITIONS,
        AccountEvent.TRADES,  # with nulls beside, as the SDK's fixture has
        AccountEvent.OTHER,
        AccountEvent.OTHER,  # DEPOSIT
        AccountEvent.BALANCE,
    ]
    assert [frame.seq for frame in ACCOUNT] == [*range(1, 12)]
    assert [frame.is_snapshot for frame in ACCOUNT] == [True] * 4 + [False] * 7
    assert [frame.kind for frame in ACCOUNT[8:10]] == ["UNEXPECTED", "DEPOSIT"]


def test_account_type_does_not_matter() -> None:
    wire = fixture("account_frames")[5] | {"type": "SOMETHING_ELSE"}
    assert len(decode_account(json.dumps(wire)).trades) == 1


def test_account_orders_lose_only_the_one_in_an_unknown_state() -> None:
    frame = ACCOUNT[4]
    assert [order.status for order in frame.orders] == [OrderStatus.PARTIALLY_FILLED, OrderStatus.TRIGGERED]
    assert [bad.name for bad in frame.bad] == ["8"]


def test_account_trades_carry_the_external_id() -> None:
    assert ACCOUNT[5].trades[0].external_id == "HBOT-1a2b3c"


def test_account_positions_are_signed_and_closed_is_flat() -> None:
    assert [position.signed_size for position in ACCOUNT[6].positions] == [0, -2]


def test_account_balance_that_cannot_be_read_is_reported() -> None:
    assert ACCOUNT[1].balance is not None
    assert ACCOUNT[10].balance is None
    assert "balance" in ACCOUNT[10].bad[0].reason
    assert ACCOUNT[10].topic == "account.100009"


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("raw", [b"", b"garbage", b"[]", b'{"ts":1}', b'{"data":7,"ts":1}', b'"\xff"', "{"])
def test_garbage_is_malformed(decode: Any, raw: bytes | str) -> None:
    with pytest.raises(MalformedMessage):
        decode(raw)


@pytest.mark.parametrize("decode", DECODERS)
def test_a_stream_error_is_a_protocol_error(decode: Any) -> None:
    with pytest.raises(ProtocolError, match="slow down") as caught:
        decode('{"type":null,"data":null,"error":"slow down","ts":1,"seq":1}')
    assert not isinstance(caught.value, MalformedMessage)


def test_a_single_record_that_cannot_be_read_is_malformed() -> None:
    with pytest.raises(MalformedMessage, match="not a FundingRate"):
        decode_funding('{"data":{"m":"BTC-USD","T":1,"f":"high"},"ts":1,"seq":1}')


def test_candles_lose_only_the_bad_one() -> None:
    wire = fixture("public_frames")["candles"]
    wire["data"].append({"T": 1})
    frame = decode_candles(json.dumps(wire))
    assert (len(frame.candles), len(frame.bad)) == (1, 1)


def test_a_null_in_a_price_frame_is_read_like_absent() -> None:
    wire = fixture("public_frames")["index"]
    wire["data"]["ts"] = None
    assert decode_price(json.dumps(wire)).price.price == Decimal("84080.98")
