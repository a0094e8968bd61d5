"""The client of the chaos run: a process that trades without pause, writes down what it hears, and may be killed.

    python -m test.bridge.chaos_client PORT FOLDER SEED     (the key is in the variable CHAOS_KEY)

`refs` gets the name of every order before it is sent, `fills` every own fill a listener was handed, with the position
to resume from: both are lines, written at once.
"""

import asyncio
import os
import random
import sys
import uuid
from pathlib import Path

from hummingbot_extended.gateway import (
    Event,
    EventEngine,
    EventListener,
    EventType,
    HummingbotClient,
    OrderSide,
    OrderType,
)
from hummingbot_extended.gateway.errors import HummingbotClientException

EXCHANGE, PAIR = "extended_perpetual_local", "BTC-USD"
ACTIONS_PER_SECOND = 8


class FillKeeper(EventListener):
    """Writes own fills down, each as it comes."""

    def __init__(self, path: Path) -> None:
        super().__init__("fill keeper", [EventType.TRADE_UPDATE])
        self._file = path.open("a", buffering=1)

    def handle_event(self, event: Event) -> None:
        fill = event.data
        if fill["own"]:
            self._file.write(
                f"{fill['trade_id']} {fill['order_id']} {fill['side']} {fill['amount']} {fill['position']}\n"
            )


def lines(path: Path) -> list[list[str]]:
    """Return the complete lines of a file, split; a line cut by a kill is not there."""
    text = path.read_text() if path.exists() else ""
    return [line.split() for line in text.split("\n")[:-1]]


async def act(client: HummingbotClient, dice: random.Random, refs, orders: list[str]) -> None:
    """Do one thing."""
    choice = dice.random()
    if choice < 0.3 and orders:
        await client.cancel_order(EXCHANGE, PAIR, orders.pop(dice.randrange(len(orders))))
        return
    mark = float((await client.get_ticker(EXCHANGE, PAIR))["mark_price"])
    side = dice.choice(list(OrderSide))
    ref = uuid.uuid4().hex
    refs.write(f"{ref}\n")
    fields = {"exchange": EXCHANGE, "market": PAIR, "side": side, "amount": "0.0005", "client_ref": ref}
    if choice < 0.6:
        order = await client.create_order(**fields, order_type=OrderType.MARKET)
    else:
        away = dice.uniform(-0.002, 0.01) * (-1 if side is OrderSide.BUY else 1)
        order = await client.create_order(**fields, order_type=OrderType.LIMIT, price=round(mark * (1 + away)))
        orders.append(order["order_id"])


async def main(port: int, folder: Path, seed: int) -> None:
    """Trade until killed."""
    dice = random.Random(seed)
    fills = lines(folder / "fills")
    engine = EventEngine()
    engine.register_listener(FillKeeper(folder / "fills"))
    engine.start()
    resume = fills[-1][4] if fills else (folder / "position").read_text()
    client = HummingbotClient(
        engine, "127.0.0.1", port, os.environ["CHAOS_KEY"], retry_attempts=100, resume_from=resume, request_timeout=5
    )
    await client.connect()
    orders: list[str] = []
    with (folder / "refs").open("a", buffering=1) as refs:
        while True:
            try:
                await act(client, dice, refs, orders)
            except HummingbotClientException as error:
                print(type(error).__name__, error, flush=True)
                await asyncio.sleep(0.1)
            await asyncio.sleep(dice.expovariate(ACTIONS_PER_SECOND))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
