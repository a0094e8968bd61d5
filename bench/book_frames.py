"""Order-book frames as the exchange sends them, made up but alike: 2 to 4 levels a delta, most of them near the top."""

import json
import random

MID = 84_077
MEAN_DEPTH = 15  # levels from the top, as in captured deltas of BTC-USD


def snapshot(market: str, seq: int, levels: int) -> str:
    """A snapshot of `levels` levels a side, 2×2000 of them in about 180 KB."""
    bids = [{"q": _size(level), "p": _price(MID - level)} for level in range(levels)]
    asks = [{"q": _size(level), "p": _price(MID + 1 + level)} for level in range(levels)]
    return _frame("SNAPSHOT", market, seq, bids, asks)


def deltas(market: str, count: int, levels: int, *, first_seq: int = 2, seed: int = 1) -> list[str]:
    """`count` deltas on that book, never crossing it."""
    rng = random.Random(seed)
    frames = []

    def depth() -> int:
        return min(levels - 1, int(rng.expovariate(1 / MEAN_DEPTH)))

    for number in range(count):
        bids = [_change(rng, _price(MID - depth())) for _ in range(rng.randint(1, 2))]
        asks = [_change(rng, _price(MID + 1 + depth())) for _ in range(rng.randint(1, 2))]
        frames.append(_frame("DELTA", market, first_seq + number, bids, asks))
    return frames


def _change(rng: random.Random, price: str) -> dict[str, str]:
    total = 0 if rng.random() < 0.2 else rng.randrange(1, 500_000) / 100_000
    return {"q": f"{rng.randrange(-90_000, 90_000) / 100_000:.5f}", "p": price, "c": f"{total:.5f}" if total else "0"}


def _price(price: int) -> str:
    return str(price)


def _size(level: int) -> str:
    return f"{(level * 7919 % 100_000 + 1) / 100_000:.5f}"


def _frame(kind: str, market: str, seq: int, bids: list[dict[str, str]], asks: list[dict[str, str]]) -> str:
    data = {"t": kind, "m": market, "b": bids, "a": asks, "d": "f"}
    frame = {"type": kind, "data": data, "ts": 1_795_219_200_000 + seq, "seq": seq}
    return json.dumps(frame, separators=(",", ":"))
