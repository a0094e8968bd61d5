from decimal import Decimal

import pytest

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange.models import Account, Fees, FundingRate, Order, Rebates
from hummingbot_extended.exchange.reading import parse, read, read_records
from test.exchange.helpers import fixture


def test_parse_keeps_unquoted_numbers_exact() -> None:
    assert parse(b"[0.1, 84058.473541750005, 2103456789012345601]") == [
        Decimal("0.1"),
        Decimal("84058.473541750005"),
        2103456789012345601,
    ]


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"a":', b'"\xff"', "nonsense"])
def test_parse_refuses_what_is_not_json(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse(raw)


def test_read_takes_null_like_absent() -> None:
    order = read(fixture("order")["data"] | {"filledQty": None, "reduceOnly": None, "trigger": None}, Order)
    assert (order.filled_qty, order.reduce_only, order.trigger) == (Decimal(0), False, None)


def test_read_names_the_field_that_is_wrong() -> None:
    with pytest.raises(MalformedMessage, match=r"not a Fees .*takerFeeRate"):
        read({"market": "BTC-USD", "makerFeeRate": "0"}, Fees)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_read_refuses_money_that_is_no_number(number: str) -> None:
    with pytest.raises(MalformedMessage):
        read({"m": "BTC-USD", "T": 1, "f": number}, FundingRate)


def test_read_prefers_a_models_own_spelling_when_both_are_there() -> None:
    order = read(fixture("order")["data"] | {"expireTime": 5, "expiryTime": 6}, Order)
    assert order.expire_time_ms == 5


def test_read_records_keeps_the_good_and_reports_the_bad() -> None:
    rows = [{"m": "A", "T": 1, "f": "0.1"}, {"m": "B", "T": "soon", "f": "0.1"}, 7, {"m": "C", "T": 3, "f": "0.3"}]
    records = read_records(rows, FundingRate, cursor=9)
    assert [record.market for record in records] == ["A", "C"]
    assert [bad.name for bad in records.bad] == ["B", "?"]
    assert "T" in records.bad[0].reason
    assert records.bad[0].excerpt == '{"m":"B","T":"soon","f":"0.1"}'
    assert records.cursor == 9


def test_read_records_takes_an_object_as_one_and_null_as_none() -> None:
    assert len(read_records({"totalPaid": "1"}, Rebates)) == 1
    assert read_records(None, Rebates) == []


def test_read_records_refuses_what_is_no_list() -> None:
    with pytest.raises(MalformedMessage, match="not a list of Fees"):
        read_records("many", Fees)


def test_no_api_key_gets_into_reports() -> None:
    """Older account records hold API keys (API reference §3.1)."""
    row = {"accountId": "x", "l2Key": "0x1", "l2Vault": 1, "apiKeys": ["do-not-show"]}
    assert "do-not-show" not in read_records([row], Account).bad[0].excerpt
    with pytest.raises(MalformedMessage) as caught:
        read(row, Account)
    assert "do-not-show" not in str(caught.value)
