"""Prices and checks of an order before it is sent. Pure: the market, the prices and the order come as arguments."""

from decimal import Decimal

from hummingbot_extended.exchange.enums import MarketStatus, MarketType, Side
from hummingbot_extended.exchange.models import Market
from hummingbot_extended.exchange.rounding import band_limit, is_in_band, price_with_slippage

# What the exchange's own interface takes (API reference §4.1), and the band of market orders (§4.7), a little inside:
# the mark moves while the order travels.
MARKET_SLIPPAGE = Decimal("0.0075")
MARKET_BAND = Decimal("0.048")


def market_price(side: Side, tick: Decimal, *, book: Decimal | None, mark: Decimal | None) -> Decimal:
    """Return the worst price a market order accepts: from the book's price for its size, within the band of the mark.

    Without a usable book the mark is the reference, without a mark the book alone. Raises ValueError without either.
    """
    reference = book or mark
    if reference is None:
        raise ValueError("there is neither a book nor a mark price to protect a market order with")
    wanted = price_with_slippage(reference, side, MARKET_SLIPPAGE, tick)
    if mark is None:
        return wanted
    limit = band_limit(side, mark, MARKET_BAND, tick)
    return min(wanted, limit) if side is Side.BUY else max(wanted, limit)


def triggered_price(side: Side, market: Market, trigger: Decimal) -> Decimal:
    """Return the worst price that an order accepts which its trigger sends to market: the last in the trigger's band.

    Who has a stop wants to be out: the market may have jumped past the trigger, and what finds nothing within its price
    is cancelled.
    """
    config = market.trading_config
    distance = min(MARKET_BAND, config.limit_price_cap if side is Side.BUY else config.limit_price_floor)
    return band_limit(side, trigger, distance, config.min_price_change)


def market_refusal(market: Market, *, reduce_only: bool) -> str | None:
    """Return why the market takes no such order now, or None: its life cycle, its kind (API reference §2.1)."""
    if market.type is not MarketType.PERPETUAL:
        return f"{market.name} is not a perpetual market"
    if market.is_rfq:
        return f"{market.name} trades by request for quote only"
    if market.status is MarketStatus.REDUCE_ONLY:
        return None if reduce_only else f"{market.name} is in reduce-only mode: positions can only be closed"
    if not market.active or market.status is not MarketStatus.ACTIVE:
        return f"{market.name} is {market.status.value.lower().replace('_', ' ')}: no orders are accepted"
    return None


def order_refusal(
    market: Market,
    *,
    side: Side,
    price: Decimal,
    amount: Decimal,
    is_market: bool,
    reference: Decimal | None,
    open_orders: int,
) -> str | None:
    """Return why the exchange would refuse an order, or None (API reference §4.7).

    `reference` is the mark price, or the trigger price of a conditional order; None where neither is known: then the
    band is left to the exchange.
    """
    config = market.trading_config
    largest = config.max_market_order_value if is_market else config.max_limit_order_value
    if price * amount > largest:
        return (
            f"the order's value {price * amount:f} is above the maximum of {largest:f} {market.collateral_asset_name}"
        )
    if open_orders >= config.max_num_orders:
        return f"there are already {open_orders} open orders in {market.name}, the most it allows"
    if reference is None:
        return None
    distance = config.limit_price_cap if side is Side.BUY else config.limit_price_floor
    if not is_market and not is_in_band(side, price, reference, distance):
        far = "above" if side is Side.BUY else "below"
        return f"the price {price:f} is more than {distance:%} {far} {reference:f}, the limit in {market.name}"
    return None
