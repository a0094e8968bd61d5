"""How `watch` looks: tables on a terminal, plain lines and JSON lines elsewhere. Pure."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hummingbot_extended.client.events import Book, Event
from hummingbot_extended.client.live_markets import LiveMarket
from hummingbot_extended.exchange.channels import orderbook_path
from hummingbot_extended.exchange.enums import Side

STATE_COLOURS = {"live": "green", "stale": "yellow", "connecting": "yellow", "backoff": "red", "closed": "red"}


def screen(markets: Sequence[LiveMarket], stats: dict[str, dict[str, Any]], where: str) -> RenderableType:
    """The whole view: a panel a market, and the health of the streams."""
    panels = [_market_panel(market, is_live=_book_is_live(market, stats)) for market in markets]
    return Group(*panels, Panel(_health_table(stats), title=f"streams of {where}"))


def plain_line(market: LiveMarket, stats: dict[str, dict[str, Any]]) -> str:
    """One line of a market, for a pipe or a log."""
    bid, ask = _best(market.book)
    states = sorted({row["state"] for path, row in stats.items() if market.name in path})
    parts = [
        datetime.now(UTC).strftime("%H:%M:%S"),
        market.name,
        f"bid {bid} ask {ask}",
        f"mark {_short(market.mark.price) if market.mark else '-'}",
        f"funding {_percent(market.funding.rate) if market.funding else '-'}",
        f"{market.trade_count} trades",
        f"streams {'/'.join(states)}",
    ]
    return "  ".join(parts)


def json_line(event: Event) -> str:
    """An event as one JSON object; money as text, so that no digit is lost."""
    values = {f.name: getattr(event, f.name) for f in fields(event) if f.name != "raw"}
    return json.dumps({"event": type(event).__name__, **values}, default=str)


def _market_panel(market: LiveMarket, *, is_live: bool) -> Panel:
    """A market; one whose book is not live is framed in red, so that nobody takes old prices for the market's."""
    tables = Columns([_book_table(market), _trades_table(market)], padding=(0, 3))
    if is_live or market.book is None:
        return Panel(tables, title=_title(market))
    return Panel(tables, title=_title(market), subtitle="NOT LIVE: these prices are old", border_style="red")


def _book_is_live(market: LiveMarket, stats: dict[str, dict[str, Any]]) -> bool:
    row = stats.get(orderbook_path(market.name))
    return row is not None and row["state"] == "live"


def _title(market: LiveMarket) -> Text:
    mark = f"mark {_short(market.mark.price)}" if market.mark else "mark -"
    funding = f"funding {_percent(market.funding.rate)} per hour" if market.funding else "funding -"
    return Text(f"{market.name}   {mark}   {funding}   {market.trade_count} trades", style="bold")


def _book_table(market: LiveMarket) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, style in (("bid size", "dim"), ("bid", "green"), ("ask", "red"), ("ask size", "dim")):
        table.add_column(name, justify="right", style=style)
    if market.book is not None:
        sides = max(len(market.book.bids), len(market.book.asks))
        for row in range(sides):
            bid = market.book.bids[row] if row < len(market.book.bids) else ("", "")
            ask = market.book.asks[row] if row < len(market.book.asks) else ("", "")
            table.add_row(str(bid[1]), str(bid[0]), str(ask[0]), str(ask[1]))
    return table


def _trades_table(market: LiveMarket) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("time", "price", "size"):
        table.add_column(name, justify="right")
    for trade in market.trades:
        colour = "green" if trade.side is Side.BUY else "red"
        when = datetime.fromtimestamp(trade.ts_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
        table.add_row(when, Text(str(trade.price), style=colour), str(trade.qty))
    return table


def _health_table(stats: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("stream", "state", "messages", "lag ms", "gaps", "reconnects", "last error"):
        table.add_column(name, justify="left" if name in ("stream", "state", "last error") else "right")
    for path, row in stats.items():
        lag = row["lag_ms"]
        table.add_row(
            path,
            Text(row["state"], style=STATE_COLOURS.get(row["state"], "")),
            f"{row['messages']:,}",
            "-" if lag is None else f"{lag:.0f}",
            str(row["gaps"]),
            str(row["reconnects"]),
            (row["last_error"] or "")[:60],
        )
    return table


def _best(book: Book | None) -> tuple[str, str]:
    if book is None:
        return "-", "-"
    return str(book.bids[0][0]) if book.bids else "-", str(book.asks[0][0]) if book.asks else "-"


def _short(price: Decimal) -> str:
    return f"{price:.8g}"


def _percent(rate: Decimal) -> str:
    return f"{rate:.5%}"
