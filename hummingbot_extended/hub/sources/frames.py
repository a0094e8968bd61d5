"""Frames for sources that read something else than the exchange's streams."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from hummingbot_extended.exchange.channels import ExactBookFrame

type PriceAndSize = tuple[Decimal, Decimal]


def book_frame(
    market: str, bids: Iterable[PriceAndSize], asks: Iterable[PriceAndSize], *, ts_ms: int, best_only: bool = False
) -> ExactBookFrame:
    """Return a snapshot of a book; with `best_only` the frame of its first level a side."""
    sides = [[{"p": price, "q": size} for price, size in levels] for levels in (bids, asks)]
    if best_only:
        sides = [levels[:1] for levels in sides]
    data = {"m": market, "b": sides[0], "a": sides[1], "d": "1" if best_only else "f"}
    return msgspec.convert({"type": "SNAPSHOT", "data": data, "ts": ts_ms, "seq": 0}, ExactBookFrame)
