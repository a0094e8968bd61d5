"""Alerts: a closed list of conditions on what a hub publishes. Sans-I/O.

An alert is a JSON object: `kind` and `symbol`, what the kind needs, and `cooldown_s` (60). Kinds: cross_above and
cross_below (`price`), pct_move (`percent` within `window_s`), spread (`percent` of the mid, or more), funding (`rate`
as a fraction an hour, by absolute value, or more), stale (a feed of the market is no longer live).
"""

import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.events import AlertRow, FundingRow, PriceRow, QuoteRow, Row, StatusRow
from hummingbot_extended.hub.kinds import Kind

COOLDOWN_S = 60.0
WINDOW_S = 300.0
MAX_WINDOW_S = 86_400.0
MAX_POINTS = 5_000

# What each kind listens to, and the name of its threshold.
NEEDS: dict[str, tuple[Kind, str | None]] = {
    "cross_above": (Kind.PRICE, "price"),
    "cross_below": (Kind.PRICE, "price"),
    "pct_move": (Kind.PRICE, "percent"),
    "spread": (Kind.QUOTE, "percent"),
    "funding": (Kind.FUNDING, "rate"),
    "stale": (Kind.STATUS, None),
}
_ids = itertools.count(1)


@dataclass(slots=True)
class Alert:
    """One alert of one reader. `look` returns the row to send when it fires."""

    id: str
    what: str
    market: str
    threshold: Decimal
    cooldown_ms: int
    window_ms: int
    sink: Callable[[Row], None]
    fired_ms: int | None = None
    _last: Decimal | None = None
    _points: deque[tuple[int, Decimal]] = field(default_factory=deque)

    @property
    def kind(self) -> Kind:
        """What it listens to."""
        return NEEDS[self.what][0]

    def look(self, row: Row, now_ms: int) -> AlertRow | None:
        """Look at a row; return what to send, None where it does not fire or fired a moment ago."""
        value = self._value(row)
        if value is None or (self.fired_ms is not None and now_ms - self.fired_ms < self.cooldown_ms):
            return None
        self.fired_ms = now_ms
        self._points.clear()
        return AlertRow(
            market=self.market,
            ts_ms=row.ts_ms,
            provider=row.provider,
            received_ms=now_ms,
            alert_id=self.id,
            what=self.what,
            value=value,
            threshold=self.threshold,
        )

    def _value(self, row: Row) -> Decimal | None:
        """Return what fires the alert, None where nothing does."""
        match row:
            case PriceRow() if self.what == "pct_move":
                return self._moved(row)
            case PriceRow():
                before, self._last = self._last, row.price
                if before is None:
                    return None
                is_up = self.what == "cross_above"
                crossed = before < self.threshold <= row.price if is_up else before > self.threshold >= row.price
                return row.price if crossed else None
            case QuoteRow(bid=bid, ask=ask) if bid is not None and ask is not None:
                percent = (ask - bid) / (ask + bid) * 200
                return percent if percent >= self.threshold else None
            case FundingRow():
                return row.rate if abs(row.rate) >= self.threshold else None
            case StatusRow():
                return Decimal(1) if row.state in ("stale", "down") else None
        return None

    def _moved(self, row: PriceRow) -> Decimal | None:
        # As many points as fit, however fast prices come: the first must be one of a whole window ago.
        if not self._points or row.ts_ms - self._points[-1][0] >= self.window_ms / MAX_POINTS:
            self._points.append((row.ts_ms, row.price))
        while len(self._points) > 1 and self._points[0][0] < row.ts_ms - self.window_ms:
            self._points.popleft()
        first = self._points[0][1]
        percent = (row.price - first) / first * 100
        return percent if abs(percent) >= self.threshold else None


def parse_alert(alert: Mapping[str, Any], resolve: Callable[[str], str], sink: Callable[[Row], None]) -> Alert:
    """Return the alert that `alert` describes. Raises SettingsError, and what `resolve` raises."""
    what = alert.get("kind")
    if not isinstance(what, str) or what not in NEEDS:
        raise SettingsError(f"an alert's kind is one of {', '.join(NEEDS)}")
    symbol = alert.get("symbol")
    if not isinstance(symbol, str):
        raise SettingsError("an alert needs a symbol")
    name = NEEDS[what][1]
    threshold = Decimal(0) if name is None else _number(alert, name, None)
    if name is not None and threshold <= 0:
        raise SettingsError(f"{name} must be above 0")
    window_s = _number(alert, "window_s", WINDOW_S)
    cooldown_s = _number(alert, "cooldown_s", COOLDOWN_S)
    if not 0 <= cooldown_s <= MAX_WINDOW_S or not 0 < window_s <= MAX_WINDOW_S:
        raise SettingsError("cooldown_s and window_s are seconds up to a day")
    return Alert(
        id=f"alert-{next(_ids)}",
        what=what,
        market=resolve(symbol),
        threshold=threshold,
        cooldown_ms=int(cooldown_s * 1000),
        window_ms=int(window_s * 1000),
        sink=sink,
    )


def _number(alert: Mapping[str, Any], name: str, default: float | None) -> Decimal:
    value = alert.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise SettingsError(f"an alert of this kind needs {name}, a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise SettingsError(f"{name} is not a number") from None
    if not number.is_finite():
        raise SettingsError(f"{name} is not a number")
    return number
