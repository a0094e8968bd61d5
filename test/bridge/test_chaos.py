"""The short form of the chaos run: a connector, bridge and clients in one process, disturbed from a fixed seed.

The long form, with processes that are killed, is `python -m test.bridge.chaos`.
"""

import asyncio
import random
from collections import Counter
from decimal import Decimal

import pytest

from hummingbot_extended.gateway import OrderSide, OrderType
from hummingbot_extended.gateway.errors import HummingbotClientException, OrderNotFoundError
from test.bridge.chaos import OPEN, same
from test.bridge.running import EXCHANGE, PAIR, Ears, bridged
from test.until import until

SECONDS = 8.0
MODULES = ("order_outcomes", "extended_perpetual_derivative")


async def trade(bridge, ears, state, stop):
    """A client that trades until told, over and over: each life resumes where the last one was."""
    dice = random.Random(11)
    position = None
    while not stop.is_set():
        async with bridge.client(ears, retry_attempts=50, resume_from=position, request_timeout=3) as client:
            state["client"] = client
            orders = []
            for _ in range(dice.randrange(15, 40)):
                if stop.is_set():
                    break
                try:
                    await act(client, dice, state["refs"], orders, await bridge.price())
                except HummingbotClientException:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(dice.expovariate(30))
        position = client.position


async def act(client, dice, refs, orders, mark):
    if dice.random() < 0.3 and orders:
        await client.cancel_order(EXCHANGE, PAIR, orders.pop())
        return
    refs.append(f"ref-{len(refs)}")
    side = dice.choice(list(OrderSide))
    fields = {"exchange": EXCHANGE, "market": PAIR, "side": side, "amount": "0.0005", "client_ref": refs[-1]}
    if dice.random() < 0.5:
        await client.create_order(**fields, order_type=OrderType.MARKET)
    else:
        away = dice.uniform(-0.002, 0.01) * (-1 if side is OrderSide.BUY else 1)
        order = await client.create_order(**fields, order_type=OrderType.LIMIT, price=round(mark * (1 + away)))
        orders.append(order["order_id"])


async def disturb(bridge, dice):
    """One bad thing."""
    match dice.randrange(6):
        case 0:
            for session in list(bridge.server._sessions):
                session._socket._req.transport.abort()
        case 1:
            await bridge.stop(cancel=False)
            await asyncio.sleep(dice.uniform(0, 0.3))
            await bridge.start()
        case 2:
            await bridge.venue.fault("cut", path="*account*", count=1)
        case 3:
            await bridge.venue.fault("cut", path="*orderbooks*", count=1)
        case 4:
            await bridge.venue.fault("reply_lost", path="*user/order*", count=2)
        case 5:
            await bridge.venue.fault("server_error", path="*user/order*", value=503, count=2)


@pytest.mark.slow
async def test_nothing_is_doubled_forgotten_or_told_twice(tmp_path, monkeypatch):
    # How long the connector asks for an order before "not found" counts; half a minute of waiting shows nothing more.
    for module in MODULES:
        monkeypatch.setattr(f"hummingbot_extended.connector.{module}.VISIBLE_AFTER_S", 1.0)
    async with bridged(venue={"makers": True}, journal=tmp_path / "journal.sqlite") as bridge:
        await until(lambda: bridge.connector.order_book_tracker.order_books[PAIR].snapshot[0].shape[0])
        dice, ears, state, stop = random.Random(20260922), Ears(), {"refs": []}, asyncio.Event()
        trading = asyncio.create_task(trade(bridge, ears, state, stop))
        end_s = asyncio.get_running_loop().time() + SECONDS
        while asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(dice.uniform(0.1, 0.6))
            await disturb(bridge, dice)
        stop.set()
        await trading
        position = state["client"].position
        async with bridge.client(ears, resume_from=position) as client:
            await agree(bridge, client, ears, state["refs"])


async def agree(bridge, client, ears, refs):
    """Wait until the client and the venue say the same of every order, fill and position."""
    deadline_s = asyncio.get_running_loop().time() + 40
    while True:
        found = await compare(bridge, client, ears, refs)
        if not any(found.values()):
            return
        assert asyncio.get_running_loop().time() < deadline_s, found
        await asyncio.sleep(0.2)


async def compare(bridge, client, ears, refs):
    """Return what differs, by name; empty where all agrees."""
    ledger = await bridge.venue.ledger()
    known = {}
    for ref in refs:
        try:
            order = await client.get_order_status(EXCHANGE, PAIR, client_ref=ref)
        except OrderNotFoundError:
            continue
        known[order["order_id"]] = order
    orders = {order["externalId"]: order for order in ledger["orders"]}
    told = Counter(fill["trade_id"] for fill in ears.fills())
    net = sum((Decimal(f["amount"]) * (1 if f["side"] == "buy" else -1) for f in ears.fills()), Decimal(0))
    open_at_bridge = {order["order_id"] for order in await client.get_open_orders(EXCHANGE, PAIR)}
    return {
        "doubled": [] if len(orders) == len(ledger["orders"]) <= len(refs) else len(ledger["orders"]),
        "unknown": orders.keys() - known.keys(),
        "open": open_at_bridge ^ {order_id for order_id, order in orders.items() if order["status"] in OPEN},
        "differing": [
            order_id for order_id in orders.keys() & known.keys() if not same(orders[order_id], known[order_id])
        ],
        "fills": told.keys() ^ {str(trade["id"]) for trade in ledger["trades"]},
        "twice": [trade_id for trade_id, times in told.items() if times > 1],
        "position": net - bridge.bot.position(),
    }
