"""The examples of the founding document, as they are there but for imports, exchange, market, key and waiting time."""

import asyncio

from hummingbot_extended.gateway import (
    Event,
    EventEngine,
    EventListener,
    EventType,
    HummingbotClient,
    OrderSide,
    OrderType,
)


class OrderUpdateListener(EventListener):
    def __init__(self, name):
        super().__init__(name, [EventType.ORDER_UPDATE])
        self.printed = []

    def handle_event(self, event: Event):
        order_id = event.data.get("order_id")
        status = event.data.get("status")
        self.printed.append(f"Order {order_id} status: {status}")


class ErrorListener(EventListener):
    def __init__(self, name):
        super().__init__(name, [EventType.ERROR])
        self.printed = []

    def handle_event(self, event: Event):
        self.printed.append(f"Error occurred: {event.data.get('message')}")
        self.printed.append(f"Source: {event.source}")


class SimpleMarketMaker:
    def __init__(self, client: HummingbotClient, event_engine: EventEngine):
        self.client = client
        self.event_engine = event_engine

    async def create_market(self, exchange, symbol, spread=0.01, amount=1.0):
        ticker = await self.client.get_ticker(exchange, symbol)
        mid_price = (float(ticker["bid"]) + float(ticker["ask"])) / 2

        bid_price = mid_price * (1 - spread)
        ask_price = mid_price * (1 + spread)

        await self.client.create_order(
            exchange=exchange,
            market=symbol,
            side=OrderSide.BUY,
            order_type=OrderType.LIMIT,
            price=bid_price,
            amount=amount,
        )

        await self.client.create_order(
            exchange=exchange,
            market=symbol,
            side=OrderSide.SELL,
            order_type=OrderType.LIMIT,
            price=ask_price,
            amount=amount,
        )


class RiskManager(EventListener):
    def __init__(self, name, client, max_position=10.0):
        super().__init__(name, [EventType.ORDER_UPDATE, EventType.TRADE_UPDATE])
        self.client = client
        self.max_position = max_position
        self.current_position = 0.0
        self.exceeded = False

    async def update_position(self, exchange):
        return await self.client.get_balances(exchange)

    def handle_event(self, event: Event):
        if event.type == EventType.TRADE_UPDATE and event.data["own"]:  # own fills only
            amount = float(event.data.get("amount", 0))
            side = event.data.get("side")

            if side == "buy":
                self.current_position += amount
            else:
                self.current_position -= amount

            if abs(self.current_position) > self.max_position:
                self.exceeded = True


async def simple_market_making(exchange, market, wait_s, **connection):
    event_engine = EventEngine()
    client = HummingbotClient(event_engine=event_engine, **connection)

    await client.connect()

    try:
        await client.subscribe_to_order_book(exchange=exchange, market=market)

        ticker = await client.get_ticker(exchange=exchange, market=market)

        mid_price = (float(ticker["bid"]) + float(ticker["ask"])) / 2

        bid_price = mid_price * 0.99
        ask_price = mid_price * 1.01

        buy_order = await client.create_order(
            exchange=exchange,
            market=market,
            side=OrderSide.BUY,
            order_type=OrderType.LIMIT,
            price=bid_price,
            amount=0.1,
        )

        sell_order = await client.create_order(
            exchange=exchange,
            market=market,
            side=OrderSide.SELL,
            order_type=OrderType.LIMIT,
            price=ask_price,
            amount=0.1,
        )

        await asyncio.sleep(wait_s)

        await client.cancel_order(exchange=exchange, market=market, order_id=buy_order["order_id"])

        await client.cancel_order(exchange=exchange, market=market, order_id=sell_order["order_id"])

    finally:
        await client.disconnect()
    return event_engine, buy_order, sell_order
