"""Compare Hummingbot's books with the venue's, item by item."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hummingbot_extended.demo.books import Books, Fill


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what each side says, and whether they agree."""

    what: str
    hummingbot: str
    venue: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """The report: its lines and every single difference."""

    lines: tuple[Line, ...]
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether both sides recorded the same, to the last decimal."""
        return not self.differences and all(line.agrees for line in self.lines)


def audit(hummingbot: Books, venue: Books, mark_prices: Mapping[str, Decimal], venue_pnl: Decimal) -> Audit:
    """Compare by id: every order, fill and funding payment, then the totals.

    `mark_prices` are the venue's by trading pair; `venue_pnl` is its equity less what the account started with (quote).
    """
    pairs = {fill.trading_pair for fill in venue.fills.values()} | {f.trading_pair for f in hummingbot.fills.values()}
    marks = {pair: mark_prices[pair] for pair in pairs}
    lines = [
        _compared("orders", len(hummingbot.orders), len(venue.orders)),
        _compared("fills", len(hummingbot.fills), len(venue.fills)),
        _compared("volume", hummingbot.volume, venue.volume),
        _compared("fees", hummingbot.fees, venue.fees),
        _compared("funding payments", len(hummingbot.funding), len(venue.funding)),
        _compared("funding", hummingbot.funding_total, venue.funding_total),
        *(_compared(f"position {pair}", hummingbot.position(pair), venue.position(pair)) for pair in sorted(pairs)),
        _compared("profit and loss", hummingbot.pnl(marks), venue_pnl),
    ]
    return Audit(tuple(lines), tuple(_differences(hummingbot, venue)))


def _compared(what: str, hummingbot: Decimal | int, venue: Decimal | int) -> Line:
    return Line(what, _plain(hummingbot), _plain(venue), hummingbot == venue)


def _plain(number: Decimal | int) -> str:
    return f"{number.normalize():,f}" if isinstance(number, Decimal) else f"{number:,}"


def _differences(hummingbot: Books, venue: Books) -> Iterator[str]:
    for order_id in hummingbot.orders.keys() ^ venue.orders.keys():
        holder = "Hummingbot" if order_id in hummingbot.orders else "the venue"
        yield f"order {order_id} is known to {holder} only"
    for order_id in hummingbot.orders.keys() & venue.orders.keys():
        ours, theirs = hummingbot.orders[order_id], venue.orders[order_id]
        if (ours.client_order_id, ours.amount) != (theirs.client_order_id, theirs.amount):
            yield f"order {order_id}: Hummingbot has {ours}, the venue {theirs}"
    for trade_id in hummingbot.fills.keys() ^ venue.fills.keys():
        holder = "Hummingbot" if trade_id in hummingbot.fills else "the venue"
        yield f"fill {trade_id} is known to {holder} only"
    for trade_id in hummingbot.fills.keys() & venue.fills.keys():
        yield from _fill_differences(hummingbot.fills[trade_id], venue.fills[trade_id])
    if sorted(hummingbot.funding) != sorted(venue.funding):
        yield f"funding: Hummingbot has {sorted(hummingbot.funding)}, the venue {sorted(venue.funding)}"


def _fill_differences(ours: Fill, theirs: Fill) -> Iterator[str]:
    for name in ("order_id", "trading_pair", "side", "price", "amount", "fee"):
        if getattr(ours, name) != getattr(theirs, name):
            yield f"fill {ours.trade_id}: {name} is {getattr(ours, name)} and {getattr(theirs, name)}"
