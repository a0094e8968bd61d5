"""What the REST level checks of take-profits and stop-losses (API reference §4.1, §4.7, §4.8)."""

from collections.abc import Iterator

from hummingbot_extended.venue.checks import Case, Check, price_code
from hummingbot_extended.venue.enums import OrderType, Side
from hummingbot_extended.venue.orders import Leg


def legs_of(case: Case) -> Iterator[Leg]:
    """Yield the order's legs: take-profit, then stop-loss, as far as there are."""
    yield from (leg for leg in (case.request.take_profit, case.request.stop_loss) if leg is not None)


def leg_side(case: Case) -> Side:
    """Return the side the legs trade on: a TPSL order's own, else the other one."""
    side = case.request.side
    return side if case.request.type is OrderType.TPSL else side.opposite


def form(case: Case) -> int | None:
    """Want legs and their kind together; a TPSL order has both, is reduce-only, never post-only, never replaces."""
    request, has_legs = case.request, any(legs_of(case))
    if request.tp_sl_type is None:
        return 1133 if has_legs or request.type is OrderType.TPSL else None
    if not has_legs:
        return 1131
    if request.type is not OrderType.TPSL:
        return None
    return None if request.reduce_only and not request.post_only else 1133


def leg_prices(case: Case) -> int | None:
    """Want prices on the tick, and the order's price not too far beyond its trigger."""
    cap, floor = case.spec.price_cap, case.spec.price_floor
    for leg in legs_of(case):
        for number in (leg.trigger_price, leg.price):
            if (code := price_code(case.spec, number)) is not None:
                return code
        is_buy = leg_side(case) is Side.BUY
        if leg.price > leg.trigger_price * (1 + cap) if is_buy else leg.price < leg.trigger_price * (1 - floor):
            return 1141
    return None


def leg_triggers(case: Case) -> int | None:
    """Want the entry between the two triggers: the profit in the direction of the position, the loss against it."""
    request = case.request
    has_price = request.type in (OrderType.LIMIT, OrderType.CONDITIONAL)
    entry = case.price if has_price else case.market.mark
    sign = leg_side(case).opposite.sign
    if request.take_profit is not None and (request.take_profit.trigger_price - entry) * sign <= 0:
        return 1141
    if request.stop_loss is not None and (request.stop_loss.trigger_price - entry) * sign >= 0:
        return 1141
    return None


TPSL_CHECKS: tuple[Check, ...] = (form, leg_prices, leg_triggers)
