"""What the client does about outages: it says so, catches up, hands nothing out twice, and trusts no broken book."""

import asyncio
from decimal import Decimal

import pytest

from hummingbot_extended.client import Reconnected
from hummingbot_extended.errors import CallbackFailed, ExtendedError, SequenceGap
from hummingbot_extended.exchange.enums import OrderStatus
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from test.client.conftest import Heard, proven_client
from test.until import until

BOOK = "*orderbooks*"
ACCOUNT = "*account*"


def fault(venue, kind: FaultKind, path: str, *, count: int = 1, **values):
    return venue.faults.add(FaultSpec(kind=kind, path=path, count=count, **values), venue.core.now_ms())


WEBSOCKET, RPC = ("websocket", BOOK), ("rpc", "*rpc*")


@pytest.mark.parametrize(
    ("transport", "path", "kind"),
    [
        (*WEBSOCKET, FaultKind.CUT),
        (*WEBSOCKET, FaultKind.GAP),
        (*WEBSOCKET, FaultKind.DUPLICATE),
        (*WEBSOCKET, FaultKind.REORDER),
        (*WEBSOCKET, FaultKind.GARBAGE),
        (*RPC, FaultKind.CUT),
        (*RPC, FaultKind.GAP),
    ],
)
async def test_a_book_is_whole_again_after_a_fault(venue, transport, path, kind):
    async with proven_client(venue, transport=transport) as client:
        books, errors = Heard(), Heard()
        marks: list[tuple[Reconnected, int]] = []
        await client.market_data.stream_order_book(
            "BTC-USD",
            books,
            errors,
            depth=None,
            policy="drop_oldest",  # every book is looked at
            on_reconnected=lambda mark: marks.append((mark, len(books))),
        )
        await books.count(2)
        fault(venue, kind, path)
        await until(lambda: marks)
        mark, seen = marks[0]
        await until(lambda: any(book.is_snapshot for book in books.events[seen:]))
        await books.count(len(books) + 1)
        assert mark.generation == 2
        assert errors.events
        assert all(isinstance(error, ExtendedError) for error in errors.events)
        assert all(book.bids[0][0] < book.asks[0][0] for book in books.events)
        assert any(isinstance(error, SequenceGap) for error in errors.events) or kind is not FaultKind.GAP


async def test_the_book_after_an_outage_is_the_venues(venue, client):
    books, marks = Heard(), Heard()
    await client.market_data.stream_order_book("BTC-USD", books, depth=None, on_reconnected=marks)
    await books.count(2)
    fault(venue, FaultKind.CUT, BOOK)
    await marks.count(1)
    for house in venue.core.house.values():
        house.step = lambda *_: None  # the market stands still
    await asyncio.sleep(0.3)
    told = await client.rest.order_book("BTC-USD")
    book = books.events[-1]
    assert list(book.bids) == [(level.price, level.qty) for level in told.bid]
    assert list(book.asks) == [(level.price, level.qty) for level in told.ask]


async def test_no_trade_is_lost_or_repeated_over_an_outage(venue, client):
    trades, marks = Heard(), Heard()
    await client.market_data.stream_time_and_sales("BTC-USD", trades, on_reconnected=marks)
    await trades.count(5)
    first = trades.events[0].id
    fault(venue, FaultKind.CUT, "*publicTrades*", count=2)
    await marks.count(2)
    await trades.count(len(trades) + 5)
    ids = [trade.id for trade in trades.events]
    assert len(ids) == len(set(ids))
    happened = [trade.id for trade in await client.rest.public_trades("BTC-USD")]
    wanted = {id_ for id_ in happened if first <= id_ <= ids[-1]}
    assert wanted <= set(ids)


async def test_a_fill_and_an_end_during_an_outage_are_told_once(venue):
    async with proven_client(venue) as client:
        fills, orders, marks = Heard(), Heard(), Heard()
        await client.order_execution.stream_fills(fills, on_reconnected=marks)
        await client.order_execution.stream_order_updates(orders)
        mark = (await client.rest.market_stats("BTC-USD")).mark_price
        price = (mark * Decimal("0.97")).quantize(Decimal(1))
        resting = await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), price, wait_s=5)
        await orders.until(lambda events: any(event.order.id == resting.order_id for event in events))

        outage = fault(venue, FaultKind.CUT, ACCOUNT, count=0)  # no frame gets through from now on
        filled = await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
        cancelled = await client.order_execution.cancel_order(resting.external_id, wait_s=5)
        assert cancelled.order.status is OrderStatus.CANCELLED
        await until(lambda: outage.fired)
        venue.faults.remove()

        await marks.count(1)
        await fills.count(1)
        await orders.until(
            lambda events: any(
                event.order.id == resting.order_id and event.order.status is OrderStatus.CANCELLED for event in events
            )
        )
        await client.order_execution.place_order("BTC-USD", "SELL", Decimal("0.001"), reduce_only=True, wait_s=5)
        await fills.count(2)
        assert fills.events[0].raw is None  # REST told of it
        assert fills.events[0].trade.order_id == filled.order_id
        assert len({fill.trade.id for fill in fills.events}) == len(fills)


async def test_a_position_closed_during_an_outage_is_told_as_flat(venue):
    async with proven_client(venue) as client:
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
        positions, marks = Heard(), Heard()
        await client.brokerage.stream_position_changes(positions, on_reconnected=marks)
        assert (await positions.count(1))[0].size == Decimal("0.001")
        fault(venue, FaultKind.CUT, ACCOUNT, count=0)
        await client.order_execution.place_order("BTC-USD", "SELL", Decimal("0.001"), reduce_only=True, wait_s=5)
        venue.faults.remove()
        await marks.count(1)
        await positions.until(lambda events: events[-1].size == 0)


async def test_an_empty_order_snapshot_does_not_end_orders(venue):
    async with proven_client(venue) as client:
        orders, marks = Heard(), Heard()
        await client.order_execution.stream_order_updates(orders, on_reconnected=marks)
        price = ((await client.rest.market_stats("BTC-USD")).mark_price * Decimal("0.97")).quantize(Decimal(1))
        resting = await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), price, wait_s=5)
        await orders.count(1)
        fault(venue, FaultKind.EMPTY_ORDER_SNAPSHOT, ACCOUNT)
        fault(venue, FaultKind.CUT, ACCOUNT)
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
        await marks.count(1)
        later = Heard()
        await client.order_execution.stream_order_updates(later)
        event = (await later.count(1))[0]
        assert event.order.external_id == resting.external_id
        assert event.order.status is OrderStatus.NEW


async def test_rest_failing_while_catching_up_is_reported_and_the_stream_goes_on(venue, client):
    trades, errors, marks = Heard(), Heard(), Heard()
    await client.market_data.stream_time_and_sales("BTC-USD", trades, errors, on_reconnected=marks)
    await trades.count(1)
    fault(venue, FaultKind.SERVER_ERROR, "*trades*")
    fault(venue, FaultKind.CUT, "*publicTrades*")
    await marks.count(1)
    await errors.until(lambda events: any("500" in str(error) for error in events))
    await trades.count(len(trades) + 3)


async def test_a_fill_that_rest_could_not_tell_of_at_first_is_told_later(venue):
    async with proven_client(venue) as client:
        fills, errors, marks = Heard(), Heard(), Heard()
        await client.order_execution.stream_fills(fills, errors, on_reconnected=marks)
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
        await fills.count(1)
        trouble = fault(venue, FaultKind.SERVER_ERROR, "GET /api/v1/user/trades", count=2)
        fault(venue, FaultKind.CUT, ACCOUNT, count=1)
        await client.order_execution.place_order("BTC-USD", "SELL", Decimal("0.001"), reduce_only=True, wait_s=5)
        await marks.count(1)
        await fills.count(2)
        assert trouble.fired == 2
        assert any("500" in str(error) for error in errors.events)
        assert len({fill.trade.id for fill in fills.events}) == 2


async def test_a_fill_is_told_where_rest_fails_right_after_telling_it(venue):
    async with proven_client(venue) as client:
        fills, errors, marks = Heard(), Heard(), Heard()
        await client.order_execution.stream_fills(fills, errors, on_reconnected=marks)
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
        await fills.count(1)
        trouble = fault(venue, FaultKind.SERVER_ERROR, "GET /api/v1/user/orders", count=1)
        fault(venue, FaultKind.CUT, ACCOUNT, count=1)
        await client.order_execution.place_order("BTC-USD", "SELL", Decimal("0.001"), reduce_only=True)
        await marks.count(1)
        await fills.count(2)
        assert trouble.fired == 1
        assert len({fill.trade.id for fill in fills.events}) == 2


async def test_on_reconnected_may_be_async_and_may_fail(venue, client):
    books, errors, marks = Heard(), Heard(), Heard()

    async def broken(mark):
        marks(mark)
        raise RuntimeError("mine")

    await client.market_data.stream_order_book("BTC-USD", books, errors, on_reconnected=broken)
    await books.count(1)
    fault(venue, FaultKind.CUT, BOOK)
    await marks.count(1)
    await books.count(len(books) + 2)
    failed = next(error for error in errors.events if isinstance(error, CallbackFailed))
    assert type(failed.__cause__) is RuntimeError


async def test_unsubscribing_and_closing_during_an_outage_leaves_nothing(venue):
    async with proven_client(venue) as client:
        books, errors = Heard(), Heard()
        subscription = await client.market_data.stream_order_book("BTC-USD", books, errors)
        await client.market_data.stream_quotes("BTC-USD", Heard(), errors)
        fault(venue, FaultKind.CUT, BOOK, count=0)
        await errors.count(2)
        await subscription.unsubscribe()


async def test_stats_tell_of_gaps_and_reconnects(venue, client):
    marks = Heard()
    await client.market_data.stream_order_book("BTC-USD", Heard(), on_reconnected=marks)
    fault(venue, FaultKind.GAP, BOOK, after=2)
    await marks.count(1)
    row = await until(lambda: (found := client.stats()["/orderbooks/BTC-USD"])["state"] == "live" and found)
    assert (row["gaps"], row["reconnects"]) == (1, 1)
    assert "SequenceGap" in row["last_error"]
