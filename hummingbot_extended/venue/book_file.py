"""Captured order books as a market's first book: a REST reply, a v1 or an RPC SNAPSHOT frame."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from hummingbot_extended.errors import SettingsError

type Levels = list[tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class CapturedBook:
    """A book as captured: its market and (price, quantity) levels, best first."""

    market: str
    bids: Levels
    asks: Levels

    @property
    def mid(self) -> Decimal:
        """The middle between best bid and best ask."""
        return (self.bids[0][0] + self.asks[0][0]) / 2


def read_book(path: Path) -> CapturedBook:
    """Read a captured book (API reference §2.3, §6.2, §6.8).

    Raises SettingsError, with the file's name, for a file that is none, is empty on a side or is crossed.
    """
    try:
        content = msgspec.json.decode(path.read_bytes())
        data = content.get("data", content)
        market = data.get("m") or data["market"]
        bids = _levels(data["b"] if "b" in data else data["bid"], reverse=True)
        asks = _levels(data["a"] if "a" in data else data["ask"], reverse=False)
    except (OSError, msgspec.DecodeError, AttributeError, KeyError, TypeError, InvalidOperation) as error:
        raise SettingsError(f"{path} is not an order book in the exchange's shape") from error
    if not bids or not asks:
        raise SettingsError(f"{path} has an empty side")
    if bids[0][0] >= asks[0][0]:
        raise SettingsError(f"{path} is crossed: best bid {bids[0][0]}, best ask {asks[0][0]}")
    return CapturedBook(market, bids, asks)


def _levels(rows: list[dict[str, Any]], *, reverse: bool) -> Levels:
    levels = [(Decimal(row.get("p") or row["price"]), Decimal(row.get("q") or row["qty"])) for row in rows]
    return sorted(((price, qty) for price, qty in levels if qty > 0), reverse=reverse)
