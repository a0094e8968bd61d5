"""What a loss costs: nothing. Fills are delivered exactly once, orders are neither doubled nor forgotten."""

import asyncio
import json
from dataclasses import replace

import pytest
from hummingbot.core.pubsub import PubSub

from hummingbot_extended.bridge.journal import Journal
from hummingbot_extended.bridge.settings import AccessKey
from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.gateway import ConnectionStatus, EventType, OrderSide, OrderType
from hummingbot_extended.gateway.errors import ExchangeUnavailableError
from test.bridge.running import EXCHANGE, PAIR, Ears, bridged
from test.until import until

BUY = (EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT)


@pytest.fixture
async def journaled(tmp_path):
    """A bridge whose journal is a file."""
    async with bridged(journal=tmp_path / "journal.sqlite") as running:
        yield running


def drop(bridge):
    """Cut every client's connection without goodbye."""
    for session in list(bridge.server._sessions):
        session._socket._req.transport.abort()


def ids(fills):
    return [fill["trade_id"] for fill in fills]


async def test_fills_while_the_client_was_away_come_when_it_is_back_and_once(journaled):
    price, other = await journaled.price(), await journaled.venue.trader()
    async with journaled.client() as client:
        order = await client.create_order(*BUY, "0.05", price)
        await other.place(Side.SELL, "0.01", price, ioc=True)
        await until(lambda: len(client.ears.fills()) == 1)
        gate, open_ = asyncio.Event(), client._link._transport.open

        async def open_later(*arguments, **more):
            await gate.wait()
            return await open_(*arguments, **more)

        client._link._transport.open = open_later
        drop(journaled)
        await until(lambda: client.connection_status is ConnectionStatus.CONNECTING)
        for _ in range(3):
            await other.place(Side.SELL, "0.01", price, ioc=True)
        await until(lambda: len(journaled.bot.fills()) == 4)
        gate.set()
        await until(lambda: len(client.ears.fills()) == 4)
        trades = (await journaled.venue.ledger())["trades"]
        assert ids(client.ears.fills()) == [str(trade["id"]) for trade in trades]
        await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], filled="0.04"))


async def test_client_that_starts_anew_resumes_where_the_last_one_was(journaled):
    price, other = await journaled.price(), await journaled.venue.trader()
    async with journaled.client() as first:
        await first.create_order(*BUY, "0.05", price)
        await other.place(Side.SELL, "0.01", price, ioc=True)
        await until(lambda: len(first.ears.fills()) == 1)
        position = first.position
    for _ in range(2):
        await other.place(Side.SELL, "0.01", price, ioc=True)
    await until(lambda: len(journaled.bot.fills()) == 3)
    async with journaled.client(resume_from=position) as second:
        await until(lambda: len(second.ears.fills()) == 2)
        assert all(fill["resync"] for fill in second.ears.fills())
    assert position == first.position
    async with journaled.client() as third:
        await third.ping()
        assert third.ears.fills() == []
    async with journaled.client(resume_from="another-journal:7") as fourth:
        await until(lambda: len(fourth.ears.fills()) == 3)


async def test_bridge_that_died_brings_back_orders_refs_and_fills(journaled):
    price, other = await journaled.price(), await journaled.venue.trader()
    async with journaled.client() as client:
        order = await client.create_order(*BUY, "0.05", price, client_ref="mine")
        await journaled.stop(cancel=False)
        await until(lambda: client.connection_status is ConnectionStatus.CONNECTING)
        await other.place(Side.SELL, "0.02", price, ioc=True)
        await until(lambda: len(journaled.bot.fills()) == 1)
        await journaled.start()
        await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)
        await until(lambda: len(client.ears.fills()) == 1)
        await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], filled="0.02"))
        again = await client.create_order(*BUY, "0.05", price, client_ref="mine")
        assert (again["order_id"], again["duplicate"]) == (order["order_id"], True)
        assert len(await journaled.venue.open_orders()) == 1


async def test_order_that_hummingbot_has_forgotten_is_asked_for_and_told(journaled):
    """Hummingbot died between sending an order and writing it down: the journal knows it, its tracker does not."""
    price, other = await journaled.price(), await journaled.venue.trader()
    async with journaled.client() as client:
        order = await client.create_order(*BUY, "0.05", price)
        await journaled.stop(cancel=False)
        journaled.connector.stop_tracking_order(order["order_id"])
        journaled.connector._order_tracker._cached_orders.clear()
        await other.place(Side.SELL, "0.02", price, ioc=True)
        await journaled.start()
        await until(lambda: journaled.connector.in_flight_orders.get(order["order_id"]))
        await until(lambda: client.connection_status is ConnectionStatus.CONNECTED)
        assert (await client.cancel_order(EXCHANGE, PAIR, order["order_id"]))["cancelled"] is True
        await until(lambda: len(client.ears.fills()) == 1)


async def test_more_fills_than_a_page_are_all_resumed_in_order(journaled):
    journal: Journal = journaled.server.journal
    for number in range(1, 1001):
        data = {"trade_id": f"t{number}", "order_id": "o", "own": True, "exchange": EXCHANGE, "symbol": PAIR}
        text = json.dumps({**data, "amount": "1"})
        assert journal.add_fill(number, EXCHANGE, PAIR, "o", f"t{number}", 1.0, text)
    async with journaled.client(resume_from=f"{journal.journal_id}:10") as client:
        await until(lambda: len(client.ears.fills()) == 990)
        assert ids(client.ears.fills()) == [f"t{number}" for number in range(11, 1001)]


@pytest.mark.parametrize(
    ("policy", "gone"), [("keep", set()), ("cancel_mine", {"mine"}), ("cancel_all", {"mine", "other"})]
)
async def test_policy_for_a_client_that_does_not_come_back(bridge, policy, gone):
    price = await bridge.price() - 500
    async with bridge.client() as other:
        async with bridge.client(on_disconnect=policy, grace_s=0.1) as client:
            orders = {
                "mine": (await client.create_order(*BUY, "0.01", price))["order_id"],
                "other": (await other.create_order(*BUY, "0.01", price))["order_id"],
            }
        for name in gone:
            await until(lambda name=name: other.ears.orders(orders[name])[-1:] == ["cancelled"])
        if not gone:
            await asyncio.sleep(0.3)
        left = {order.external_id for order in await bridge.venue.open_orders()}
        assert left == {orders[name] for name in orders if name not in gone}


async def test_orders_of_a_lost_client_are_cancelled_though_the_exchange_was_away(bridge, monkeypatch, caplog):
    monkeypatch.setattr("hummingbot_extended.bridge.departures.ASK_AGAIN_S", 0.05)
    async with bridge.client(on_disconnect="cancel_mine", grace_s=0) as client:
        await client.create_order(*BUY, "0.01", await bridge.price() - 500)
        connector = bridge.server.exchanges._connectors.pop(EXCHANGE)
    await until(lambda: "cannot be cancelled now" in caplog.text)
    assert bridge.server.journal.sessions()
    bridge.server.exchanges._connectors[EXCHANGE] = connector
    await until(lambda: not bridge.server.registry.open_orders())
    await until(lambda: not bridge.server.journal.sessions())


async def test_session_of_another_key_with_the_same_id_does_not_stand_in_for_a_lost_one():
    keys = (AccessKey(name="a", secret="a" * 40), AccessKey(name="b", secret="b" * 40))
    async with bridged(keys=keys) as bridge, bridge.client(api_key="b" * 40) as other:
        async with bridge.client(api_key="a" * 40, on_disconnect="cancel_mine", grace_s=0) as client:
            for session in bridge.server._sessions:
                session.login = replace(session.login, session_id="bot")
                session._caller.session_id = "bot"
            order = await client.create_order(*BUY, "0.01", await bridge.price() - 500)
        await until(lambda: other.ears.orders(order["order_id"])[-1:] == ["cancelled"])


async def test_client_that_comes_back_in_time_keeps_its_orders(journaled):
    async with journaled.client(on_disconnect="cancel_mine", grace_s=0.6) as client:
        await client.create_order(*BUY, "0.01", await journaled.price() - 500)
        drop(journaled)
        await until(lambda: client.ears.of(EventType.INFO, kind="reconnected"))
        await asyncio.sleep(0.8)
        assert len(await journaled.venue.open_orders()) == 1


async def test_policy_outlives_the_bridge(journaled):
    async with journaled.client(on_disconnect="cancel_mine", grace_s=0.3, auto_reconnect=False) as client:
        await client.create_order(*BUY, "0.01", await journaled.price() - 500)
        await journaled.stop(cancel=False)
        await journaled.start()
        assert len(await journaled.venue.open_orders()) == 1
        deadline = asyncio.get_running_loop().time() + 10
        while await journaled.venue.open_orders():
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)


async def test_stop_of_the_bridge_cancels_and_clients_see_it(bridge, client):
    order = await client.create_order(*BUY, "0.01", await bridge.price() - 500)
    await bridge.stop()
    assert await bridge.venue.open_orders() == []
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["cancelled"])


async def test_stop_may_keep_the_orders():
    async with bridged(on_stop="keep") as bridge, bridge.client() as client:
        await client.create_order(*BUY, "0.01", await bridge.price() - 500)
        await bridge.stop()
        assert len(await bridge.venue.open_orders()) == 1


async def test_two_clients_hear_the_same_fills(journaled):
    ears = [Ears(), Ears()]
    price, other = await journaled.price(), await journaled.venue.trader()
    async with journaled.client(ears[0]) as client, journaled.client(ears[1]):
        await client.create_order(*BUY, "0.05", price)
        for _ in range(5):
            await other.place(Side.SELL, "0.01", price, ioc=True)
        for each in ears:
            await until(lambda each=each: len(each.fills()) == 5)
        assert ids(ears[0].fills()) == ids(ears[1].fills())


async def test_order_that_was_part_filled_before_the_bridge_came_is_known_with_what_was_filled():
    async with bridged() as bridge:
        await bridge.stop(cancel=False)
        price, other = await bridge.price(), await bridge.venue.trader()
        order_id = bridge.bot.buy("0.05", price)
        await bridge.bot.until_open(order_id)
        await other.place(Side.SELL, "0.02", price, ioc=True)
        await until(lambda: len(bridge.bot.fills()) == 1)
        await bridge.start()
        async with bridge.client() as client:
            await until(lambda: bridge.server.registry.open_orders())
            (order,) = await client.get_open_orders(EXCHANGE, PAIR)
            assert (order["order_id"], order["filled"], order["acknowledged"]) == (order_id, "0.02", True)
            await other.place(Side.SELL, "0.01", price, ioc=True)
            await until(lambda: client.ears.fills())
            assert [fill["amount"] for fill in client.ears.fills()] == ["0.01"]
            result = await client.cancel_all()
            assert result == {"cancelled": [order_id], "failed": []}
            assert (await client.get_order_status(EXCHANGE, PAIR, order_id))["filled"] == "0.03"


async def test_fill_that_is_the_first_word_of_a_part_filled_order_is_told_alone_and_all_are_counted(monkeypatch):
    monkeypatch.setattr("hummingbot_extended.bridge.connector_watch.LOOK_S", 3600)
    async with bridged() as bridge, bridge.client() as client:
        price, other = await bridge.price(), await bridge.venue.trader()
        (events,) = bridge.server._events.values()
        events.stop()
        order_id = bridge.bot.buy("0.05", price)
        await bridge.bot.until_open(order_id)
        await other.place(Side.SELL, "0.02", price, ioc=True)
        await until(lambda: len(bridge.bot.fills()) == 1)
        events.start()
        await other.place(Side.SELL, "0.01", price, ioc=True)
        await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order_id, filled="0.03"))
        assert [fill["amount"] for fill in client.ears.fills()] == ["0.01"]


async def test_connector_that_is_put_in_the_place_of_another_is_heard(bridge, client, monkeypatch):
    async with bridge.venue.bot(bot_id="bot2") as bot:
        bridge.server.exchanges._connectors[EXCHANGE] = bot.connector
        await until(
            lambda: all(
                events.is_of(bridge.server.exchanges.find(EXCHANGE)) for events in bridge.server._events.values()
            )
        )
        order = await client.create_order(*BUY, "0.01", await bridge.price() - 500)
        assert order["acknowledged"] is True


class Broken(PubSub):
    """A connector that raises where others say whether they are ready."""

    @property
    def ready(self):
        raise RuntimeError("not today")


async def test_connector_that_cannot_be_looked_at_is_said_once_and_does_not_end_the_watch(
    bridge, client, caplog, monkeypatch
):
    monkeypatch.setattr("hummingbot_extended.bridge.connector_watch.LOOK_S", 0.01)
    connectors = bridge.server.exchanges._connectors
    connectors["broken"] = Broken()
    await until(lambda: "cannot look at broken" in caplog.text)
    own = bridge.bot.buy("0.01", await bridge.price() - 500)
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=own))
    del connectors["broken"]
    watch = next(task for task in bridge.server._tasks if "connector watch" in task.get_name())
    assert not watch.done()
    assert caplog.text.count("cannot look at broken") == 1


async def test_journal_that_takes_nothing_silences_nobody_and_takes_no_further_order(journaled):
    price, other = await journaled.price(), await journaled.venue.trader()
    database = journaled.server.journal._database
    async with journaled.client() as client:
        database.execute("PRAGMA query_only = ON")
        order = await client.create_order(*BUY, "0.05", price, client_ref="mine")
        assert order["acknowledged"] is True
        with pytest.raises(ExchangeUnavailableError, match="disk full"):
            await client.create_order(*BUY, "0.05", price)
        async with journaled.client(on_disconnect="cancel_mine") as late:
            again = await late.create_order(*BUY, "0.05", price, client_ref="mine")
        assert (again["order_id"], again["duplicate"]) == (order["order_id"], True)
        await other.place(Side.SELL, "0.02", price, ioc=True)
        await until(lambda: [fill["amount"] for fill in client.ears.fills()] == ["0.02"])
        assert (await client.cancel_order(EXCHANGE, PAIR, order["order_id"]))["cancelled"] is True
        database.execute("PRAGMA query_only = OFF")
        assert (await client.create_order(*BUY, "0.05", price - 500))["acknowledged"] is True
    await journaled.stop(cancel=False)
    await journaled.start()
    record = journaled.server.registry.find_ref("test", "mine")
    assert (record.order_id, record.to_wire()["status"], record.to_wire()["filled"]) == (
        order["order_id"],
        "cancelled",
        "0.02",
    )


async def test_record_that_cannot_be_read_keeps_no_other_from_being_restored_or_listed(journaled, caplog):
    async with journaled.client() as client:
        price = await journaled.price() - 500
        orders = [(await client.create_order(*BUY, "0.01", price))["order_id"] for _ in range(2)]
        journaled.server.journal._database.execute(
            'UPDATE orders SET record = \'{"of": "another version"}\' WHERE order_id = ?', (orders[0],)
        )
    await journaled.stop(cancel=False)
    await journaled.start()
    assert "cannot be read; look at the exchange" in caplog.text
    assert orders[1] in [record.order_id for record in journaled.server.registry.open_orders()]
    async with journaled.client() as client:
        history = await client.get_order_history(EXCHANGE, PAIR)
        assert orders[1] in [order["order_id"] for order in history]
        await until(lambda: len(journaled.server.registry.open_orders()) == 2)  # Hummingbot tracks the other, too
