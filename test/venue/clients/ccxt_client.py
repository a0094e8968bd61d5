"""Talk to the venue with ccxt 4.5.90, `extended` and `ccxt.pro`, unchanged but for base URLs. Runs in `.venv-ccxt`.

VENUE_FACTS in the environment is the venue's first line. Prints one JSON object: what was seen, by step.
"""

import asyncio
import json
import os
import time

import ccxt
import ccxt.pro

SYMBOL = "BTC/USDC:USDC"
AMOUNT = 0.001
FACTS = json.loads(os.environ["VENUE_FACTS"])
ORIGIN = FACTS["rest_url"].removesuffix("/api/v1")
seen: dict[str, object] = {}


def configured(exchange):
    """Point an exchange at the venue: two URLs, the keys, the chain of testnet."""
    exchange.urls["api"]["rest"] = ORIGIN
    exchange.urls["api"]["ws"] = FACTS["stream_url"]
    exchange.apiKey = FACTS["api_key"]
    exchange.privateKey = FACTS["stark_private_key"]
    exchange.options["chainId"] = FACTS["chain_id"]
    exchange.enableRateLimit = False
    return exchange


def wait_order(exchange, order_id: str, status: str) -> dict:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            order = exchange.fetch_order(order_id, SYMBOL)
        except ccxt.BaseError:
            order = {"status": "unknown"}
        if order["status"] == status:
            return order
        time.sleep(0.05)
    raise TimeoutError(f"{order_id} never became {status}, it is {order['status']}")


def rest() -> None:
    exchange = configured(ccxt.extended())
    read_public(exchange)
    read_account(exchange)
    trade(exchange)
    errors(exchange)


def read_public(exchange) -> None:
    seen["markets"] = sorted(exchange.load_markets())
    ticker = exchange.fetch_ticker(SYMBOL)
    book = exchange.fetch_order_book(SYMBOL)
    seen["levels"] = min(len(book["bids"]), len(book["asks"]))
    seen["ticker_has_prices"] = bool(ticker["bid"] and ticker["ask"])
    seen["tickers"] = len(exchange.fetch_tickers([SYMBOL]))
    seen["trades_have_prices"] = all(trade["price"] for trade in exchange.fetch_trades(SYMBOL))
    seen["candles"] = len(exchange.fetch_ohlcv(SYMBOL, "1m", limit=5))
    seen["mark_candles"] = len(exchange.fetch_ohlcv(SYMBOL, "1h", limit=3, params={"price": "mark"}))
    now = exchange.milliseconds()
    seen["funding_rates"] = len(exchange.fetch_funding_rate_history(SYMBOL, now - 6 * 3_600_000, 3))
    seen["open_interests"] = len(exchange.fetch_open_interest_history(SYMBOL, "1h", now - 6 * 3_600_000, 3))
    seen["currencies"] = sorted(exchange.fetch_currencies())


def read_account(exchange) -> None:
    seen["accounts"] = len(exchange.fetch_accounts())
    seen["balance"] = exchange.fetch_balance()["USDC"]["total"]
    seen["taker_fee"] = exchange.fetch_trading_fee(SYMBOL)["taker"]
    exchange.set_leverage(20, SYMBOL)
    seen["leverage"] = exchange.fetch_leverage(SYMBOL)["longLeverage"]
    seen["deposits"] = len(exchange.fetch_deposits("USD"))


def trade(exchange) -> None:
    book = exchange.fetch_order_book(SYMBOL)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    far = round(bid * 0.98)
    resting = exchange.create_order(SYMBOL, "limit", "buy", AMOUNT, far, {"postOnly": True, "clientOrderId": "ccxt-1"})
    seen["resting"] = wait_order(exchange, resting["id"], "open")["clientOrderId"]
    seen["open_orders"] = len(exchange.fetch_open_orders(SYMBOL))
    time.sleep(1.1)  # its nonce is the second: two equal orders in one second have one signature
    edited = exchange.edit_order(resting["id"], SYMBOL, "limit", "buy", AMOUNT, far - 10, {"clientOrderId": "ccxt-2"})
    wait_order(exchange, edited["id"], "open")
    wait_order(exchange, resting["id"], "canceled")
    exchange.cancel_order(edited["id"], SYMBOL)
    seen["cancelled"] = wait_order(exchange, edited["id"], "canceled")["status"]
    time.sleep(1.1)
    swept = exchange.create_order(SYMBOL, "limit", "buy", AMOUNT, far - 20)
    wait_order(exchange, swept["id"], "open")
    exchange.cancel_all_orders(SYMBOL)
    wait_order(exchange, swept["id"], "canceled")
    bought = exchange.create_order(SYMBOL, "market", "buy", AMOUNT, round(ask * 1.01))
    seen["bought"] = wait_order(exchange, bought["id"], "closed")["filled"]
    mine = exchange.fetch_my_trades(SYMBOL)[-1]
    builder_rate = 0.0001 if exchange.options.get("builderFee", True) else 0.0
    seen["fee_rate"] = round(mine["fee"]["cost"] / mine["cost"], 6)
    seen["builder_rate"] = builder_rate
    seen["position"] = [(p["side"], p["contracts"]) for p in exchange.fetch_positions([SYMBOL])]
    sold = exchange.create_order(SYMBOL, "market", "sell", AMOUNT, round(bid * 0.98), {"reduceOnly": True})
    wait_order(exchange, sold["id"], "closed")
    seen["positions_after"] = len(exchange.fetch_positions([SYMBOL]))
    seen["closed_orders"] = len(exchange.fetch_closed_orders(SYMBOL))
    seen["canceled_orders"] = len(exchange.fetch_canceled_orders(SYMBOL))
    exchange.cancel_all_orders_after(5000)
    exchange.cancel_all_orders_after(0)
    seen["funding_history"] = len(exchange.fetch_funding_history(SYMBOL, exchange.milliseconds() - 3_600_000))


def errors(exchange) -> None:
    try:
        exchange.create_order(SYMBOL, "limit", "buy", 0.00001, 80000)
    except ccxt.InvalidOrder:
        seen["too_small"] = True
    right = exchange.privateKey
    exchange.privateKey = hex(int(right, 16) ^ 1)
    try:
        exchange.create_order(SYMBOL, "limit", "buy", AMOUNT, 80000)
    except ccxt.BaseError as error:
        seen["wrong_signature"] = "110" in str(error)
    exchange.privateKey, exchange.apiKey = right, "0" * 32
    try:
        exchange.fetch_balance()
    except ccxt.BaseError as error:
        seen["wrong_api_key"] = "401" in str(error)


async def streams() -> None:
    exchange = configured(ccxt.pro.extended())
    try:
        await exchange.load_markets()
        first = await exchange.watch_order_book(SYMBOL)
        second = await exchange.watch_order_book(SYMBOL)
        seen["book_goes_on"] = second["nonce"] >= first["nonce"] >= 1
        seen["crossed"] = second["bids"][0][0] >= second["asks"][0][0]
        seen["watched_trades"] = len(await exchange.watch_trades(SYMBOL)) > 0
        seen["watched_candle"] = len((await exchange.watch_ohlcv(SYMBOL, "1m"))[0])
        seen["watched_funding"] = (await exchange.watch_funding_rate(SYMBOL))["symbol"]
        seen["watched_mark"] = (await exchange.watch_mark_price(SYMBOL))["markPrice"] > 0
        seen["watched_balance"] = (await exchange.watch_balance())["USDC"]["total"] > 0
        await watch_order(exchange)
    finally:
        await exchange.close()


async def watch_order(exchange) -> None:
    book = await exchange.fetch_order_book(SYMBOL)
    watching = asyncio.ensure_future(exchange.watch_orders(SYMBOL))
    fills = asyncio.ensure_future(exchange.watch_my_trades(SYMBOL))
    positions = asyncio.ensure_future(exchange.watch_positions([SYMBOL]))
    await asyncio.sleep(0.3)
    await exchange.create_order(SYMBOL, "market", "buy", AMOUNT * 2, round(book["asks"][0][0] * 1.01))
    seen["watched_order"] = (await asyncio.wait_for(watching, 30))[0]["symbol"]
    seen["watched_fill"] = (await asyncio.wait_for(fills, 30))[0]["takerOrMaker"]
    seen["watched_position"] = (await asyncio.wait_for(positions, 30))[0]["side"]


if __name__ == "__main__":
    rest()
    asyncio.run(asyncio.wait_for(streams(), 150))
    print(json.dumps(seen))
