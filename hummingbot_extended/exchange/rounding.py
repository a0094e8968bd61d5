"""Prices and sizes on the exchange's grids (API reference §4.7): multiples of any tick, 0.1 as well as 0.5, 5 or 1000.

Exact whatever the caller's decimal context is. All arguments are positive Decimals.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from hummingbot_extended.exchange.decimals import EXACT, ZERO
from hummingbot_extended.exchange.enums import Side

WHOLE_POSITION_FACTOR = 50  # API reference §4.8


def round_to_multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return the multiple of `step` that `rounding` (a `decimal.ROUND_*`) leads to. Raises ValueError for step ≤ 0."""
    if step <= 0:
        raise ValueError("a step must be positive")
    count = EXACT.divide(value, step).to_integral_value(rounding, EXACT)
    return _plain(EXACT.multiply(count, step), step)


def round_size(qty: Decimal, step: Decimal) -> Decimal:
    """Return the largest size on the grid that is not above `qty`: never more than was asked for."""
    return round_to_multiple(qty, step, ROUND_DOWN)


def round_price(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Return the nearest price on the grid that is not worse for the order's owner: lower to buy, higher to sell."""
    return round_to_multiple(price, tick, ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)


def price_with_slippage(price: Decimal, side: Side, slippage: Decimal, tick: Decimal) -> Decimal:
    """Return the worst price to accept when crossing the book: rounded outward, at least one tick (§4.1)."""
    if side is Side.BUY:
        return round_to_multiple(EXACT.multiply(price, EXACT.add(1, slippage)), tick, ROUND_CEILING)
    return max(tick, round_to_multiple(EXACT.multiply(price, EXACT.subtract(1, slippage)), tick, ROUND_FLOOR))


def band_limit(side: Side, reference: Decimal, distance: Decimal, tick: Decimal) -> Decimal:
    """Return the last price on the grid inside the band: the highest to buy at, the lowest to sell at (§4.7).

    `reference` is the mark price (of a conditional order: its trigger), `distance` the cap or floor as a fraction.
    """
    if side is Side.BUY:
        return round_to_multiple(EXACT.multiply(reference, EXACT.add(1, distance)), tick, ROUND_FLOOR)
    return max(tick, round_to_multiple(EXACT.multiply(reference, EXACT.subtract(1, distance)), tick, ROUND_CEILING))


def market_price(
    side: Side, best: Decimal, mark: Decimal, *, slippage: Decimal, band: Decimal, tick: Decimal
) -> Decimal:
    """Return the price of a market order: `best` of the other side with slippage, kept inside the band around mark."""
    wanted, limit = price_with_slippage(best, side, slippage, tick), band_limit(side, mark, band, tick)
    return min(wanted, limit) if side is Side.BUY else max(wanted, limit)


def is_in_band(side: Side, price: Decimal, reference: Decimal, distance: Decimal) -> bool:
    """Return whether a limit price is inside the band that the documents state; the far side is not limited."""
    if side is Side.BUY:
        return price <= EXACT.multiply(reference, EXACT.add(1, distance))
    return price >= EXACT.multiply(reference, EXACT.subtract(1, distance))


def whole_position_size(max_position_value: Decimal, price: Decimal, step: Decimal) -> Decimal:
    """Return the size that an exit leg for a whole position is signed for (§4.8), on the step's decimals.

    The exchange counts decimals here, not multiples: with a step of 5 or 10 that is a whole number.
    """
    places = max(0, -_exponent(step))
    value = EXACT.divide(EXACT.multiply(max_position_value, Decimal(WHOLE_POSITION_FACTOR)), price)
    return value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN, EXACT)


def _exponent(step: Decimal) -> int:
    """Return the exponent of a step without its trailing zeros: −1 for "0.10"."""
    exponent = step.normalize(EXACT).as_tuple().exponent
    assert isinstance(exponent, int), "a step is finite"  # noqa: S101  # NaN and infinity end at the models
    return exponent


def _plain(value: Decimal, step: Decimal) -> Decimal:
    """Return `value` with as many decimals as its grid needs, so that its text is what a reader expects."""
    if value == ZERO:
        return ZERO
    return value.quantize(Decimal(1).scaleb(min(0, _exponent(step))), context=EXACT)
