"""What is told of the account, in any order and more than once, applied once and never backwards."""

import asyncio
import itertools
from decimal import Decimal

import pytest
from hummingbot.connector.perpetual_trading import PerpetualTrading
from hummingbot.core.data_type.in_flight_order import OrderState, OrderUpdate
from hummingbot.core.event.events import MarketEvent

from hummingbot_extended.connector import account_state
from hummingbot_extended.connector.account_state import AccountState
from hummingbot_extended.connector.client_order_tracker import ExtendedClientOrderTracker
from hummingbot_extended.connector.reconcile import Reconciler
from hummingbot_extended.connector.tasks import Tasks
from hummingbot_extended.errors import ApiError, RequestTimedOut
from hummingbot_extended.exchange.enums import OrderStatus
from hummingbot_extended.exchange.models import Balance
from hummingbot_extended.exchange.reading import BadRecord, Records
from test.connector import models
from test.until import until

PAIR = "BTC-USD"
NEW = {"status": "NEW", "updatedTime": 10}
PARTLY = {"status": "PARTIALLY_FILLED", "filledQty": "0.4", "updatedTime": 20}
FILLED = {"status": "FILLED", "filledQty": "1", "updatedTime": 30}
CANCELLED = {"status": "CANCELLED", "filledQty": "0.4", "updatedTime": 30}
FIRST, SECOND = {"qty": "0.4"}, {"qty": "0.6"}


class World:
    """A tracker with one order, and a connector around it."""

    def __init__(self):
        self.events = []
        self.expired, self.foreign, self.legs, self.balances, self.recorded = [], [], [], [], set()
        self.rest_fills, self.fetched = [], 0
        self.tracker = ExtendedClientOrderTracker(self, lambda: 1640780000.0)
        self.perpetual = PerpetualTrading([PAIR])
        self.tasks = Tasks()
        self.state = AccountState(self.tracker, self.perpetual, self, self.tasks)
        self.order = models.tracked(exchange_id=None)
        self.tracker.start_tracking_order(self.order)

    def trigger_event(self, tag, event):
        self.events.append((tag, event))

    def pair_of(self, market):
        return PAIR if market == PAIR else None

    def set_balance(self, balance):
        self.balances.append(balance.equity)

    def order_expired(self, tracked):
        self.expired.append(tracked.client_order_id)

    def owns(self, external_id):
        return external_id == "a"

    def foreign_trade(self, trade, pair, *, is_leg):
        self.foreign.append(trade.id)
        self.legs += [trade.id] * is_leg

    def is_recorded(self, trade, pair):
        return trade.id in self.recorded

    async def fetch_fills(self, tracked):
        self.fetched += 1
        if isinstance(self.rest_fills, Exception):
            raise self.rest_fills
        return self.rest_fills

    async def tell(self, **changes):
        known = await self.state.apply_order(models.order(**changes))
        await asyncio.sleep(0)
        return known

    def fill(self, trade_id, **changes):
        ours = {} if "orderId" in changes else {"externalOrderId": "a"}
        self.state.apply_trades([models.trade(trade_id, **ours, **changes)])

    def count(self, tag):
        return sum(each is tag for each, _ in self.events)

    @property
    def filled(self):
        return sum(event.amount for tag, event in self.events if tag is MarketEvent.OrderFilled)

    async def settle(self):
        while len(self.tasks):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)


@pytest.fixture
async def world(monkeypatch):
    monkeypatch.setattr(account_state, "FILLS_GRACE_S", 0.05)
    world = World()
    yield world
    await world.tasks.stop()


NEWS = {"new": NEW, "partly": PARTLY, "filled": FILLED, "first": FIRST, "second": SECOND}


@pytest.mark.parametrize("order", itertools.permutations(NEWS), ids="-".join)
async def test_every_order_of_news_ends_the_same(world, order):
    """ORDER and TRADE of one fill may come in any order, and REST may tell the old after the new."""
    world.rest_fills = [models.trade(1, **FIRST), models.trade(2, **SECOND)]
    for name in (*order, *order):
        news = NEWS[name]
        if "status" in news:
            await world.tell(**news)
        else:
            world.fill(1 if news is FIRST else 2, **news)
    await world.settle()
    assert world.order.current_state is OrderState.FILLED
    assert world.filled == 1
    assert world.count(MarketEvent.OrderFilled) == 2
    assert world.count(MarketEvent.BuyOrderCreated) == world.count(MarketEvent.BuyOrderCompleted) == 1
    assert world.events[0][0] is MarketEvent.BuyOrderCreated
    assert world.state.is_acknowledged("a")
    assert world.tracker.active_orders == {}


@pytest.mark.parametrize("fill_comes", ["before", "during", "by rest", "never", "rest refuses"])
async def test_cancelled_order_ends_after_the_fills_it_speaks_of(world, fill_comes):
    await world.tell(**NEW)
    if fill_comes == "before":
        world.fill(1, **FIRST)
    await world.tell(**CANCELLED)
    await world.tell(**CANCELLED)
    if fill_comes == "during":
        assert world.order.is_open
        world.fill(1, **FIRST)
    world.rest_fills = {"by rest": [models.trade(1, **FIRST)], "rest refuses": ApiError(400, 1004, "no")}.get(
        fill_comes, []
    )
    await world.settle()
    assert world.order.current_state is OrderState.CANCELED
    assert world.count(MarketEvent.OrderCancelled) == 1
    assert world.filled == (0 if fill_comes in ("never", "rest refuses") else Decimal("0.4"))
    if fill_comes != "before":
        tags = [tag for tag, _ in world.events if tag in (MarketEvent.OrderFilled, MarketEvent.OrderCancelled)]
        assert tags[-1] is MarketEvent.OrderCancelled


async def test_order_does_not_end_before_its_fills_can_be_read(world):
    await world.tell(**NEW)
    world.rest_fills = RequestTimedOut("late")
    await world.tell(**CANCELLED)
    await until(lambda: world.fetched >= 2, "a second request")
    assert world.order.is_open
    world.rest_fills = [models.trade(1, **FIRST)]
    await world.settle()
    assert world.order.is_cancelled
    assert world.filled == Decimal("0.4")


async def test_fills_that_a_partly_filled_order_speaks_of_are_fetched(world):
    world.rest_fills = [models.trade(1, **FIRST)]
    await world.tell(**PARTLY)
    await world.tell(**{**PARTLY, "updatedTime": 21})
    await world.settle()
    assert (world.filled, world.fetched) == (Decimal("0.4"), 1)
    assert world.order.is_open


@pytest.mark.parametrize("grace_s", [60, 0])
async def test_end_that_was_not_reported_may_be_told_again_after_a_stop(world, monkeypatch, grace_s):
    monkeypatch.setattr(account_state, "FILLS_GRACE_S", grace_s)
    monkeypatch.setattr(world, "fetch_fills", lambda tracked: asyncio.sleep(60, []))
    await world.tell(**NEW)
    await world.tell(**CANCELLED)
    await asyncio.sleep(0.01)
    await world.tasks.stop()
    assert world.order.is_open
    world.fill(1, **FIRST)
    await world.tell(**CANCELLED)
    assert world.order.is_cancelled


async def test_end_whose_fills_failed_in_an_unexpected_way_may_be_told_again(world):
    await world.tell(**NEW)
    world.rest_fills = KeyError("unexpected")
    await world.tell(**CANCELLED)
    await world.settle()
    assert world.order.is_open
    world.rest_fills = [models.trade(1, **FIRST)]
    await world.tell(**CANCELLED)
    await world.settle()
    assert world.order.is_cancelled


async def test_end_that_is_being_reported_is_reported_though_who_told_it_is_cancelled(world):
    await world.tell(**NEW)
    telling = asyncio.create_task(world.state.apply_order(models.order(**{**CANCELLED, "filledQty": "0"})))
    await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    await asyncio.sleep(0)
    assert world.order.is_cancelled


async def test_order_that_has_ended_stays_so_when_the_reply_to_its_cancel_comes_late(world):
    await world.tell(**NEW)
    await world.tell(**{**CANCELLED, "filledQty": "0"})
    for state in (OrderState.PENDING_CANCEL, OrderState.OPEN):
        await world.tracker.process_order_update(OrderUpdate(PAIR, 0, state, "a", "1"))
        assert world.order.is_cancelled


async def test_filled_order_that_does_not_say_how_much_has_its_fills_fetched(world):
    world.rest_fills = [models.trade(1, qty="1")]
    await world.tell(**{**FILLED, "filledQty": None})
    await world.settle()
    assert world.filled == 1
    assert world.order.is_filled


async def test_older_news_changes_nothing(world):
    await world.tell(**PARTLY)
    world.fill(1, **FIRST)
    await world.tell(**NEW)
    assert world.order.current_state is OrderState.PARTIALLY_FILLED
    await world.tell(**CANCELLED)
    await world.settle()
    await world.tell(**{**NEW, "updatedTime": 99})
    assert world.order.is_cancelled
    assert world.state.status_of("a") is OrderStatus.CANCELLED


async def test_rejected_order_fails_and_was_never_acknowledged(world):
    await world.tell(status="REJECTED", statusReason="NOT_ENOUGH_FUNDS")
    assert world.order.is_failure
    assert not world.state.is_acknowledged("a")
    assert not world.state.is_acknowledged("unknown")


async def test_expired_order_is_reported_as_such_once(world):
    await world.tell(**NEW)
    for _ in range(2):
        await world.tell(status="EXPIRED", updatedTime=40)
    assert world.expired == ["a"]
    assert world.order.is_cancelled


async def test_order_that_is_being_cancelled_stays_so_until_its_end(world):
    await world.tell(**NEW)
    world.order.current_state = OrderState.PENDING_CANCEL
    await world.tell(**{**NEW, "updatedTime": 11})
    assert world.order.is_pending_cancel_confirmation


async def test_trigger_of_a_conditional_order_is_told(world, caplog):
    caplog.set_level("INFO")
    await world.tell(status="UNTRIGGERED", updatedTime=1)
    await world.tell(status="TRIGGERED", updatedTime=2)
    await world.tell(**NEW)
    assert caplog.messages.count(f"The conditional order a on {PAIR} was triggered.") == 1
    other = models.tracked("b", "2")
    world.tracker.start_tracking_order(other)
    await world.state.apply_order(models.order(2, "b", status="UNTRIGGERED", updatedTime=1))
    await world.state.apply_order(models.order(2, "b", status="CANCELLED", updatedTime=2))
    assert not any("order b" in message and "triggered" in message for message in caplog.messages)


async def test_order_that_is_not_tracked_is_not_ours(world):
    assert not await world.state.apply_order(models.order(9, "manual"))
    assert world.state.status_of("manual") is None


async def test_foreign_fills_are_handed_on_and_recorded_ones_are_not_reported_again(world):
    world.fill(7, orderId=99)
    world.fill(7, orderId=99)
    world.fill(8, orderId=99, tradeType="LIQUIDATION")
    world.fill(8, orderId=99, tradeType="LIQUIDATION")
    assert world.foreign == [7, 7, 8]
    world.recorded.add(1)
    world.fill(1, **FIRST)
    assert world.order.executed_amount_base == Decimal("0.4")
    assert world.filled == 0
    world.state.apply_trades([models.trade(2, market="NEW-USD")])
    assert world.filled == 0


async def test_leg_shares_the_external_id_of_its_order_and_is_another_order(world):
    await world.tell(type="TPSL", id=7, status="UNTRIGGERED", updatedTime=5)  # before the order's own id is known
    assert world.order.exchange_order_id is None
    await world.tell(**PARTLY)
    world.fill(1, **FIRST)
    await world.tell(type="TPSL", id=7, status="FILLED", filledQty="0.4", updatedTime=99)
    world.fill(2, orderId=7, externalOrderId="a", **FIRST)
    world.fill(2, orderId=7, externalOrderId="a", **FIRST)
    world.fill(3, orderId=8, externalOrderId="a", **FIRST)
    await world.settle()
    assert (world.foreign, world.legs) == ([2, 3], [2])
    assert world.order.current_state is OrderState.PARTIALLY_FILLED
    assert world.state.status_of("a") is OrderStatus.PARTIALLY_FILLED
    assert world.filled == Decimal("0.4")


async def test_what_is_kept_is_bounded(world, monkeypatch):
    monkeypatch.setattr(account_state, "KEPT_TRADES", 3)
    monkeypatch.setattr(account_state, "KEPT_ORDERS", 3)
    for number in range(10, 20):
        world.fill(number, orderId=99, tradeType="LIQUIDATION")
        world.tracker.start_tracking_order(models.tracked(f"o{number}", str(number)))
        await world.state.apply_order(models.order(number, f"o{number}"))
    assert repr(world.state) == "<AccountState 3 orders, 3 trades kept>"


def amounts(world):
    return {pair: position.amount for pair, position in world.perpetual.account_positions.items()}


async def test_positions_are_signed_and_a_closed_or_missing_one_is_gone(world):
    world.state.apply_positions([models.position("SHORT", "2", leverage="7")], is_whole=False)
    assert amounts(world) == {PAIR: Decimal(-2)}
    assert world.perpetual.get_leverage(PAIR) == 7
    world.state.apply_positions([], is_whole=False)
    assert amounts(world) == {PAIR: Decimal(-2)}
    world.state.apply_positions([], is_whole=True)
    assert amounts(world) == {}
    world.state.apply_positions([models.position("LONG", "1", leverage="2.5")], is_whole=False)
    assert world.perpetual.get_leverage(PAIR) == 7
    world.state.apply_positions([models.position("LONG", "1", status="CLOSED")], is_whole=False)
    assert amounts(world) == {}
    world.state.apply_positions([models.position("LONG", "1", market="NEW-USD")], is_whole=True)
    assert amounts(world) == {}


async def test_position_that_flips_is_told_in_whatever_order(world):
    long, short = models.position("LONG", "1"), models.position("SHORT", "2", id=2)
    closed = models.position("LONG", "1", status="CLOSED")
    for told in ([short, closed], [closed, short]):
        world.state.apply_positions([long], is_whole=True)
        world.state.apply_positions(told, is_whole=False)
        assert amounts(world) == {PAIR: Decimal(-2)}
    world.state.apply_positions([long], is_whole=True)
    world.state.apply_positions([short], is_whole=False)
    world.state.apply_positions([closed], is_whole=False)
    assert amounts(world) == {PAIR: Decimal(-2)}
    world.state.apply_positions([models.position("SHORT", "2", id=2, status="CLOSED")], is_whole=False)
    assert amounts(world) == {}


async def test_list_of_positions_that_cannot_be_read_whole_closes_none(world):
    class Rest:
        answer = Records([], [BadRecord("1", "an unknown side", "")])

        async def positions(self):
            return self.answer

    reconciler = Reconciler(Rest(), world.state, None, tracked=list, missing=None, adoption=None)
    world.state.apply_positions([models.position("LONG", "1")], is_whole=False)
    await reconciler.apply_positions()
    assert amounts(world) == {PAIR: Decimal(1)}
    Rest.answer = Records()
    await reconciler.apply_positions()
    assert amounts(world) == {}


async def test_poll_that_is_older_than_an_event_is_discarded(world):
    asked = world.state.mark()
    world.state.apply_positions([models.position("LONG", "1")], is_whole=False)
    world.state.apply_balance(Balance(equity=Decimal(5)))
    world.state.apply_positions([], is_whole=True, asked=asked)
    world.state.apply_balance(Balance(equity=Decimal(4)), asked=asked)
    assert amounts(world) == {PAIR: Decimal(1)}
    assert world.balances == [5]
    asked = world.state.mark()
    world.state.apply_positions([], is_whole=True, asked=asked)
    world.state.apply_balance(Balance(equity=Decimal(6)), asked=asked)
    assert amounts(world) == {}
    assert world.balances == [5, 6]


ENDS = {
    "CANCELLED": MarketEvent.OrderCancelled,
    "EXPIRED": MarketEvent.OrderCancelled,
    "FILLED": MarketEvent.BuyOrderCompleted,
    "REJECTED": MarketEvent.OrderFailure,
}


@pytest.mark.parametrize(
    ("end", "fill_comes"), [*itertools.product(list(ENDS)[:3], ["before", "after", "never"]), ("REJECTED", "never")]
)
async def test_order_that_is_told_only_at_its_end_is_created_first(world, end, fill_comes):
    """An order without a Created event is in no database, and its fills belong to nothing."""
    qty = {"never": "0", "after": "1", "before": "1"}[fill_comes]
    if fill_comes == "before":
        world.fill(1, qty=qty)
    await world.tell(status=end, filledQty=qty, updatedTime=30)
    if fill_comes == "after":
        world.fill(1, qty=qty)
    if end == "FILLED" and fill_comes == "never":
        world.order.completely_filled_event.set()  # spares Hummingbot's own wait for the fills
    await world.settle()
    filled = [MarketEvent.OrderFilled] if fill_comes != "never" else []
    assert [tag for tag, _ in world.events] == [MarketEvent.BuyOrderCreated, *filled, ENDS[end]]
    assert world.events[0][1].exchange_order_id == "1"


async def test_order_that_was_given_up_is_created_before_its_late_fill(world):
    await world.tracker.process_order_update(OrderUpdate(PAIR, 0, OrderState.FAILED, "a"))
    world.fill(1, **FIRST)
    tags = [tag for tag, _ in world.events]
    assert tags == [MarketEvent.OrderFailure, MarketEvent.BuyOrderCreated, MarketEvent.OrderFilled]


@pytest.mark.parametrize("is_created", [False, True])
async def test_restored_order_is_created_once_over_both_lives(world, is_created):
    if is_created:
        await world.tell(**NEW)
    later = World()
    later.tracker.restore_tracking_states({"a": world.order.to_json()})
    await later.tell(**{**NEW, "updatedTime": 11})
    assert world.count(MarketEvent.BuyOrderCreated) + later.count(MarketEvent.BuyOrderCreated) == 1
