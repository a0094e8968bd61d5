"""An order's state: the same whatever the order and the number of the messages; fills pass on once."""

import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.gateway.enums import OrderStatus
from hummingbot_extended.gateway.order_state import OrderLedger, OrderState
from hummingbot_extended.gateway.protocol import plain

AMOUNT = Decimal(10)
reports = st.builds(
    lambda status, filled, **flags: ("report", status, filled, flags),
    st.sampled_from(OrderStatus),
    st.integers(0, 10).map(Decimal),
    acknowledged=st.booleans(),
    cancel_requested=st.booleans(),
    triggered=st.booleans(),
)
fills = st.builds(lambda number: ("fill", f"t{number}", Decimal(number % 4 + 1), {}), st.integers(0, 5))
messages = st.lists(reports | fills, max_size=12)


def apply(messages):
    state = OrderState(amount=AMOUNT)
    for kind, first, second, flags in messages:
        if kind == "fill":
            state.fill(first, second)
        else:
            state.observe(first, filled=second, **flags)
    return state


@given(messages, st.randoms(use_true_random=False))
def test_shuffled_and_repeated_messages_end_in_the_same_state(given_messages, shuffle: random.Random):
    shuffled = [*given_messages, *shuffle.choices(given_messages, k=len(given_messages))] if given_messages else []
    shuffle.shuffle(shuffled)
    expected, found = apply(given_messages), apply(shuffled)
    assert (found.key, found.fills) == (expected.key, expected.fills)


@given(messages)
def test_status_and_filled_amount_never_go_back(given_messages):
    order = [
        OrderStatus.OPEN,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FAILED,
        OrderStatus.CANCELLED,
        OrderStatus.FILLED,
    ]
    state, ranks, amounts = OrderState(amount=AMOUNT), [0], [Decimal(0)]
    for message in given_messages:
        kind, first, second, flags = message
        if kind == "fill":
            state.fill(first, second)
        else:
            state.observe(first, filled=second, **flags)
        ranks.append(order.index(state.status))
        amounts.append(state.filled)
    assert ranks == sorted(ranks)
    assert amounts == sorted(amounts)


@given(messages)
def test_state_is_what_an_independent_reading_of_all_messages_says(given_messages):
    state = apply(given_messages)
    distinct = {first: second for kind, first, second, _ in given_messages if kind == "fill"}
    told = max((second for kind, _, second, _ in given_messages if kind == "report"), default=Decimal(0))
    filled = max(told, sum(distinct.values(), Decimal(0)))
    said = {first for kind, first, _, _ in given_messages if kind == "report"}
    assert state.filled == filled
    if filled >= AMOUNT or OrderStatus.FILLED in said:
        assert state.status is OrderStatus.FILLED
    elif OrderStatus.CANCELLED in said:
        assert state.status is OrderStatus.CANCELLED
    elif OrderStatus.FAILED in said:
        assert state.status is OrderStatus.FAILED
    else:
        partly = filled > 0 or OrderStatus.PARTIALLY_FILLED in said
        assert state.status is (OrderStatus.PARTIALLY_FILLED if partly else OrderStatus.OPEN)


def report(status, filled="0", order_id="o1", **more):
    return {
        "exchange": "x",
        "symbol": "A-B",
        "order_id": order_id,
        "status": status,
        "filled": filled,
        "amount": "10",
        **more,
    }


def fill(trade_id, amount="1", order_id="o1"):
    return {"exchange": "x", "symbol": "A-B", "order_id": order_id, "trade_id": trade_id, "amount": amount, "own": True}


def test_ledger_passes_each_state_on_once_and_late_fills_after_the_end():
    ledger = OrderLedger()
    assert ledger.update(report("open"))["status"] == "open"
    assert ledger.update(report("open")) is None
    assert ledger.fill(fill("t1"))
    assert not ledger.fill(fill("t1"))
    assert ledger.update(report("open"))["status"] == "partially_filled"
    assert ledger.update(report("partially_filled", "1")) is None
    assert ledger.update(report("cancelled", "1"))["status"] == "cancelled"
    assert ledger.open_orders() == []
    assert ledger.fill(fill("t2"))
    late = ledger.update(report("open"))
    assert (late["status"], late["filled"]) == ("cancelled", "2")
    assert ledger.fill(fill("t3", "8"))
    assert ledger.update(report("cancelled"))["status"] == "filled"
    assert "0 open, 1 closed" in repr(ledger)


def test_ledger_keeps_open_orders_and_the_last_closed_ones():
    ledger = OrderLedger(max_closed=2)
    for number in range(5):
        ledger.update(report("open", order_id=f"o{number}"))
    assert len(ledger.open_orders()) == 5
    for number in range(4):
        ledger.update(report("filled", "10", order_id=f"o{number}"))
    assert ledger.open_orders() == [("x", "A-B", "o4")]
    assert ledger.update(report("filled", "10", order_id="o3")) is None
    assert ledger.update(report("filled", "10", order_id="o0")) is not None  # forgotten long ago


def test_ledger_passes_on_what_it_cannot_read():
    ledger = OrderLedger()
    for odd in ({"order_id": "o", "status": "weird"}, {"status": "open"}, {}):
        assert ledger.update(odd) == odd
    assert ledger.fill({"amount": "1"})
    assert ledger.fill({"order_id": "o", "amount": "1"})
    assert ledger.update(report("open", "not a number"))["filled"] == plain(Decimal(0))
