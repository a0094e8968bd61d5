"""The book against a naive one, and its own invariants."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.venue.enums import Side
from hummingbot_extended.venue.events import BookEvent
from hummingbot_extended.venue.matching import Book

COMMANDS = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from(Side), st.integers(1, 6), st.integers(0, 4)), max_size=60
)


@given(COMMANDS)
def test_the_book_is_what_a_list_of_its_orders_says(commands) -> None:
    events: list[BookEvent] = []
    book = Book("X", events)
    orders: list[tuple[int, Side, int, int]] = []  # in the order of their time priority
    for number, side, price, size in commands:
        at = next((n for n, order in enumerate(orders) if order[0] == number), None)
        if at is not None:
            _, side, price, old_size = orders[at]
            size = min(size, old_size)
            orders[at] = (number, side, price, size)
        elif size:
            orders.append((number, side, price, size))
        else:
            continue
        orders = [order for order in orders if order[3]]
        book.set_size(number, side, D(price), D(size))
        for each in Side:
            mine = sorted((o for o in orders if o[1] is each), key=lambda o: -o[2] * each.sign)
            sizes: dict[int, int] = {}
            for _, _, level, amount in mine:
                sizes[level] = sizes.get(level, 0) + amount
            assert book.levels(each) == list(sizes.items())
            assert book.best_price(each) == (mine[0][2] if mine else None)
            assert [i for i in book.queue() if i in {o[0] for o in mine}] == [o[0] for o in mine]
            if mine:
                assert book.first(each) == mine[0][0]
    totals: dict[tuple[Side, D], D] = {}
    for event in events:
        totals[event.side, event.price] = totals.get((event.side, event.price), D(0)) + event.change
        assert totals[event.side, event.price] == event.total
    assert {key: total for key, total in totals.items() if total} == {
        (side, price): total for side in Side for price, total in book.levels(side)
    }


def test_removing_what_is_not_there_changes_nothing() -> None:
    events: list[BookEvent] = []
    book = Book("X", events)
    book.remove(1)
    assert events == []
    assert 1 not in book
    with pytest.raises(LookupError):
        book.first(Side.BUY)


def test_setting_the_same_size_tells_nothing() -> None:
    events: list[BookEvent] = []
    book = Book("X", events)
    book.set_size(1, Side.BUY, D(5), D(2))
    book.set_size(1, Side.BUY, D(5), D(2))
    assert len(events) == 1


@pytest.mark.parametrize(
    ("side", "price", "trades"),
    [(Side.BUY, 10, True), (Side.BUY, 9, False), (Side.SELL, 8, True), (Side.SELL, 9, False)],
)
def test_an_order_trades_at_the_others_best_price_or_better(side: Side, price: int, trades: bool) -> None:
    book = Book("X", [])
    book.set_size(1, Side.BUY, D(8), D(1))
    book.set_size(2, Side.SELL, D(10), D(1))
    assert book.would_trade(side, D(price)) is trades
    assert not Book("Y", []).would_trade(side, D(price))
