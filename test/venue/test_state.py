"""Saving and restoring: the whole state as JSON, and the same future afterwards."""

import json
from decimal import Decimal as D

import msgspec
import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import OrderStatus, TpSlType
from test.venue.engine_kit import BUY, MARKET, NOW_MS, SELL, Desk, conditional, leg, limit, tpsl, trigger


def busy() -> Desk:
    desk = Desk()
    desk.trade(desk.a, desk.b, "0.05", 84000)
    desk.place(desk.a, limit(BUY, "0.01", 83000, "rests"))
    desk.place(desk.b, limit(BUY, "0.01", 83000, "rests behind"))
    desk.place(desk.a, limit(BUY, "0.01", 83001, "rests better"))
    desk.place(desk.a, conditional(BUY, "0.01", 90000, trigger(90000), "waits"))
    desk.place(
        desk.a,
        tpsl(SELL, "0", "legs", kind=TpSlType.POSITION, take_profit=leg(90000, 90000), stop_loss=leg(80000, 80000)),
    )
    desk.engine.set_dead_mans_switch(desk.b.id, 60, NOW_MS)
    desk.engine.apply_funding(NOW_MS)
    desk.receive(desk.a, limit(BUY, "0.01", 82000, "pending"))
    desk.engine.drain()
    return desk


def test_a_restored_engine_has_the_same_state_books_and_queues() -> None:
    desk = busy()
    state = desk.engine.state()
    restored = Engine.restore(json.loads(json.dumps(state)), desk.engine.config)
    assert restored.state() == state
    assert restored.drain() == []
    assert restored.queries.book(MARKET) == desk.engine.queries.book(MARKET)
    assert restored.floor.books[MARKET].queue() == desk.engine.floor.books[MARKET].queue()
    assert restored.next_due_ms() == desk.engine.next_due_ms()
    assert restored.queries.account_by_key("a").balance == desk.a.balance
    assert msgspec.json.decode(msgspec.json.encode(state)) == json.loads(json.dumps(state))


def test_a_restored_engine_goes_on_with_ids_pending_orders_and_triggers() -> None:
    desk = busy()
    restored = Engine.restore(desk.engine.state(), desk.engine.config)
    (pending,) = restored.queries.pending_ids()
    for engine in (desk.engine, restored):
        engine.accept(pending, NOW_MS + 1)
        engine.set_prices(MARKET, D(90000), D(84000), NOW_MS + 2)
        engine.advance(NOW_MS + 60_000)
    assert restored.state() == desk.engine.state()
    assert restored.drain() == desk.engine.drain()
    (order,) = restored.queries.orders_by_external_id(desk.a.id, "waits")
    assert order.status is not OrderStatus.UNTRIGGERED
    receipt = restored.receive_order(desk.b.id, limit(SELL, "0.001", 90000, "more"), NOW_MS + 3)
    assert receipt.id > pending


@pytest.mark.parametrize(
    "broken", [{}, {"version": 2}, {"version": 1}, {"version": 1, "insurance_id": "x", "markets": 3}]
)
def test_a_foreign_state_is_refused_in_words(broken) -> None:
    with pytest.raises(SettingsError, match="saved state"):
        Engine.restore(broken)


def test_the_configuration_is_not_part_of_the_state() -> None:
    desk = busy()
    assert Engine.restore(desk.engine.state()).config.verify_signatures
    assert not desk.engine.config.verify_signatures
