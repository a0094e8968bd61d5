"""The sans-I/O parts: outbox, limits, classification of failures, the journal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.bridge.failures import classify
from hummingbot_extended.bridge.journal import Journal, OrderRow
from hummingbot_extended.bridge.limits import FailedLogins, TokenBucket
from hummingbot_extended.bridge.outbox import Outbox
from hummingbot_extended.gateway.errors import ErrorCode


def take_all(outbox):
    return [json.loads(text) for text in iter(outbox.take, None)]


def event(**data):
    return json.dumps({"type": "t", "data": data}).encode()


def test_outbox_keeps_the_order_numbers_events_without_a_gap_and_conflates_feeds():
    outbox = Outbox(max_waiting=3)
    outbox.put_latest("book", event(n=1))
    outbox.put_event(event(n=2))
    outbox.put_reply(b'{"id": "1"}')
    outbox.put_latest("book", event(n=3))
    outbox.put_latest("ticker", event(n=4))
    outbox.put_event(event(n=5))
    assert (len(outbox), outbox.conflated, outbox.is_full) == (5, 1, False)
    messages = take_all(outbox)
    assert [message.get("seq") for message in messages] == [1, None, 2, 3, 4]
    assert [message["data"]["n"] for message in messages if "seq" in message] == [2, 5, 3, 4]
    outbox.put_latest("book", event(n=6))
    outbox.drop("book")
    outbox.drop("book")
    assert outbox.take() is None
    for _ in range(4):
        outbox.put_event(event())
    assert outbox.is_full
    assert "4 waiting" in repr(outbox)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60), st.integers(1, 20))
def test_bucket_never_gives_more_than_its_rate_and_its_start(pauses, per_second):
    bucket, now_s, given_out = TokenBucket(per_second), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        wait_s = bucket.take(now_s)
        if wait_s == 0:
            given_out += 1
        else:
            assert 0 < wait_s <= 1 / per_second
    assert given_out <= 2 * per_second + now_s * per_second + 1e-6


def test_wrong_keys_cost_more_and_more_time_and_a_right_one_forgives():
    logins = FailedLogins()
    waits = []
    for _ in range(13):
        logins.failed("a", 100.0)
        waits.append(logins.wait_s("a", 100.0))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert logins.wait_s("a", 150.0) == 10
    assert logins.wait_s("b", 100.0) == 0
    logins.succeeded("a")
    assert logins.wait_s("a", 100.0) == 0
    for number in range(2000):
        logins.failed(str(number), 0.0)
    assert len(logins._failures) <= 1024


@pytest.mark.parametrize(
    ("error_type", "message", "code", "says"),
    [
        (
            "NOT_ENOUGH_FUNDS",
            "REJECTED: NOT_ENOUGH_FUNDS",
            ErrorCode.INSUFFICIENT_FUNDS,
            "Insufficient funds: REJECTED",
        ),
        ("ApiError", "no (HTTP 400, code 1140)", ErrorCode.INSUFFICIENT_FUNDS, "Insufficient funds: no"),
        ("ApiError", "no (HTTP 400, code 1121)", ErrorCode.INVALID_ORDER, "Invalid order: no"),
        ("ApiError", "no (HTTP 400, code 1012)", ErrorCode.MARKET_CLOSED, "Market closed: no"),
        ("DISABLED_MARKET", "x", ErrorCode.MARKET_CLOSED, "Market closed: x"),
        ("POST_ONLY_FAILED", "x", ErrorCode.INVALID_ORDER, "Invalid order: x"),
        ("OrderRefused", "Invalid order: x", ErrorCode.INVALID_ORDER, "Invalid order: x"),
        ("IOError", "Account has insufficient balance", ErrorCode.INSUFFICIENT_FUNDS, "Insufficient funds: Account"),
        ("OSError", "not enough margin", ErrorCode.INSUFFICIENT_FUNDS, "Insufficient funds"),
        ("OSError", "weather", ErrorCode.UNKNOWN_ERROR, "Order failed: weather"),
        (None, None, ErrorCode.UNKNOWN_ERROR, "Order failed: Hummingbot gives no reason"),
        ("ServerUnavailable", "x", ErrorCode.SERVER_ERROR, "Order failed: x"),
    ],
)
def test_failure_gets_its_code_and_its_phrase(error_type, message, code, says):
    found, sentence = classify(error_type, message)
    assert found is code
    assert sentence.startswith(says)


def row(order_id, status="open", *, closed=False, created_s=1.0, updated_s=1.0, ref=None):
    return OrderRow("x", order_id, "A-B", "k", ref, status, closed, created_s, updated_s, f'"{order_id}:{status}"')


def test_journal_keeps_open_orders_history_and_refs_over_a_restart(tmp_path):
    path = tmp_path / "sub" / "journal.sqlite"
    journal = Journal(path)
    journal.save_order(row("o1", ref="r1"))
    journal.save_order(row("o2", created_s=2.0))
    journal.save_order(row("o1", "filled", closed=True, updated_s=3.0, ref="r1"))
    journal_id = journal.journal_id
    assert journal.add_fill(1, "x", "A-B", "o1", "t1", 1.0, "{}")
    assert not journal.add_fill(2, "x", "A-B", "o1", "t1", 1.0, "{}")
    assert journal.add_fill(2, "x", "A-B", "o1", "t2", 5.0, "{}")
    journal.save_session("k", "s", "cancel_mine", 5.0)
    journal.close()
    journal = Journal(path)
    assert (journal.journal_id, journal.last_fill) == (journal_id, 2)
    assert list(journal.open_orders()) == ['"o2:open"']
    assert journal.order("x", "o1") == journal.order_of_ref("k", "r1") == '"o1:filled"'
    assert journal.order("x", "nope") is None
    assert journal.history("x", "A-B", 5, 0.0, 9.0) == ['"o2:open"', '"o1:filled"']
    assert journal.history("x", "A-B", 5, 0.0, 9.0, "filled") == ['"o1:filled"']
    assert journal.history("x", "A-B", 1, 1.5, 9.0) == ['"o2:open"']
    assert [number for number, *_ in journal.fills_after(0)] == [1, 2]
    assert [number for number, _ in journal.last_fills("x", "A-B", 1)] == [2]
    assert journal.sessions() == [("k", "s", "cancel_mine", 5.0)]
    journal.forget_session("k", "s")
    assert journal.sessions() == []
    journal.forget_before(4.0)
    assert journal.order("x", "o1") is None
    assert list(journal.open_orders()) == ['"o2:open"']
    assert [number for number, *_ in journal.fills_after(0)] == [2]
    journal.close()
