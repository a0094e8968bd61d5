"""Margin arithmetic (API reference §3.2, §4.7, §8): pure functions over sizes in base and values in USD."""

from decimal import Decimal

from hummingbot_extended.venue.enums import Side
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import ZERO
from hummingbot_extended.venue.store import Resting

HALF = Decimal("0.5")


def initial_margin(position_value: Decimal, resting: Resting, leverage: Decimal) -> Decimal:
    """Return the margin one market locks: the larger of the two exposures that its orders could lead to (§3.2).

    `position_value` is signed, at the mark.
    """
    return max(abs(position_value + resting.buy_value), abs(position_value - resting.sell_value)) / leverage


def maintenance_factor(spec: MarketSpec, position_value: Decimal) -> Decimal:
    """Return the maintenance margin as a fraction of the position's value: half its band's initial factor (§8)."""
    value = abs(position_value)
    band = next((band for band in spec.bands if value <= band.upper_bound), spec.bands[-1])
    return band.risk_factor * HALF


def maintenance_margin(spec: MarketSpec, position_value: Decimal) -> Decimal:
    """Return the equity below which the position is liquidated."""
    return abs(position_value) * maintenance_factor(spec, position_value)


def max_position_value(spec: MarketSpec, leverage: Decimal) -> Decimal:
    """Return the largest position value that the risk bands allow at a leverage; 0 if none does."""
    allowed = [band.upper_bound for band in spec.bands if band.is_available and band.risk_factor * leverage <= 1]
    return min(max(allowed, default=ZERO), spec.max_position_value)


def order_cost(
    side: Side, qty: Decimal, price: Decimal, mark: Decimal, position: Decimal, resting: Resting, leverage: Decimal
) -> Decimal:
    """Return what an order takes of the available balance (§4.7); `position` is the signed size.

    The formula is documented for the buy side; the sell side is its mirror image.
    """
    held = position + resting.buy_qty if side is Side.BUY else resting.sell_qty - position
    open_loss = min(qty * (mark - price) * side.sign, ZERO)
    return max(price * (qty + min(ZERO, 2 * held)) / leverage - open_loss, ZERO)


def liquidation_price(
    size: Decimal, mark: Decimal, equity: Decimal, other_maintenance: Decimal, factor: Decimal
) -> Decimal | None:
    """Return the mark at which equity meets the maintenance margin, the other markets standing still; None if never."""
    price = (other_maintenance - equity + size * mark) / (size - abs(size) * factor)
    return price if price > 0 else None
