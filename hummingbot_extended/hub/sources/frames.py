"""Frames for sources that read something else than the exchange's streams."""

import itertools
import time
from collections.abc import Iterable
from decimal import Decimal
from hashlib import blake2b

import msgspec

from hummingbot_extended.exchange.channels import ExactBookFrame

type PriceAndSize = tuple[Decimal, Decimal]

_next_numbers = itertools.count(int(time.time() * 1_000_000))


def exact(value: float) -> Decimal:
    """Return the shortest decimal that means the same double."""
    return Decimal(repr(float(value)))


def trade_number(known: str) -> int:
    """Return a venue's id of a trade as a number: the same for the same id; one of this process where there is none."""
    if known.isascii() and known.isdigit():
        return int(known)
    return int.from_bytes(blake2b(known.encode(), digest_size=7).digest()) if known else next(_next_numbers)


def book_frame(
    market: str, bids: Iterable[PriceAndSize], asks: Iterable[PriceAndSize], *, ts_ms: int, best_only: bool = False
) -> ExactBookFrame:
    """Return a snapshot of a book; with `best_only` the frame of its first level a side."""
    sides = [[{"p": price, "q": size} for price, size in levels] for levels in (bids, asks)]
    if best_only:
        sides = [levels[:1] for levels in sides]
    data = {"m": market, "b": sides[0], "a": sides[1], "d": "1" if best_only else "f"}
    return msgspec.convert({"type": "SNAPSHOT", "data": data, "ts": ts_ms, "seq": 0}, ExactBookFrame)
