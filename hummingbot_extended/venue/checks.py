"""What the REST level checks of an order before it answers (API reference §4.1, §4.7, §1.7): rules in a table."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from hummingbot_extended.venue import margin
from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.enums import (
    ExecutionType,
    MarketStatus,
    Mode,
    OrderType,
    Side,
    TimeInForce,
    TpSlType,
)
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import ZERO, Order, OrderRequest
from hummingbot_extended.venue.refusals import refusal
from hummingbot_extended.venue.state import Market

MAX_NONCE = 2**32  # the documents say 2^31, the official SDK draws below 2^32
MAX_MAGNITUDE = 15  # digits before or zeros after the point


class Case(Struct, kw_only=True):
    """An order to be checked, with what the rules look at."""

    floor: Floor
    ledger: Ledger
    account: Account
    market: Market
    request: OrderRequest
    replaced: Order | None
    now_ms: int

    @property
    def config(self) -> EngineConfig:
        """The engine's settings."""
        return self.floor.config

    @property
    def spec(self) -> MarketSpec:
        """The market's fixed part."""
        return self.market.spec

    @property
    def is_whole_position(self) -> bool:
        """Whether this is a TP/SL order for the whole position, which has no quantity of its own."""
        return self.request.type is OrderType.TPSL and self.request.tp_sl_type is TpSlType.POSITION

    @property
    def is_market(self) -> bool:
        """Whether the order trades like a market order once it is in the engine."""
        trigger = self.request.trigger
        return self.request.type is OrderType.MARKET or (
            trigger is not None and trigger.execution is ExecutionType.MARKET
        )

    @property
    def price(self) -> Decimal:
        """The worst price; 0 where TPSL orders have none."""
        return ZERO if self.request.type is OrderType.TPSL else self.request.price or ZERO


type Check = Callable[[Case], int | None]


def numbers(case: Case) -> int | None:
    """Refuse what is no number to trade with: not finite, or of absurd size."""
    request = case.request
    legs = (leg for leg in (request.take_profit, request.stop_loss) if leg is not None)
    values = [request.qty, request.price or ZERO, request.fee_rate, request.builder_fee]
    values += [request.trigger.price] if request.trigger else []
    values += [number for leg in legs for number in (leg.trigger_price, leg.price)]
    return None if all(v.is_finite() and abs(v.adjusted()) <= MAX_MAGNITUDE for v in values) else 1133


def mode(case: Case) -> int | None:
    """Refuse what the exchange's mode does not let through."""
    request = case.request
    refused = {
        Mode.NORMAL: None,
        Mode.MAINTENANCE: 1010,
        Mode.POST_ONLY: None if request.post_only else 1011,
        Mode.REDUCE_ONLY: None if request.reduce_only else 1012,
    }
    return refused[case.floor.state.mode]


def market_status(case: Case) -> int | None:
    """Refuse closed markets, increasing orders on reduce-only ones, and RFQ markets but at their own endpoint."""
    if case.market.status is MarketStatus.REDUCE_ONLY:
        return None if case.request.reduce_only else 1014
    if case.market.status is not MarketStatus.ACTIVE:
        return 1002
    return 1132 if case.spec.is_rfq is not case.request.is_rfq else None


def time_in_force(case: Case) -> int | None:
    """Allow GTT and IOC; MARKET is IOC and never post-only; post-only is GTT."""
    request = case.request
    if request.time_in_force not in (TimeInForce.GTT, TimeInForce.IOC):
        return 1133
    is_ioc = request.time_in_force is TimeInForce.IOC
    if request.type is OrderType.MARKET and not is_ioc:
        return 1139
    return 1133 if request.post_only and (is_ioc or request.type is OrderType.MARKET) else None


def trigger(case: Case) -> int | None:
    """Want a trigger on conditional orders and on no others."""
    request = case.request
    if request.type is not OrderType.CONDITIONAL:
        return None if request.trigger is None else 1133
    if request.trigger is None:
        return 1143
    if request.trigger.execution is ExecutionType.MARKET and request.post_only:
        return 1144
    return price_code(case.spec, request.trigger.price)


def quantity(case: Case) -> int | None:
    """Want a multiple of the step, at least the minimum; none at all for a whole position."""
    qty, spec = case.request.qty, case.spec
    if case.is_whole_position:
        return 1129 if qty else None
    if _decimals(qty) > _decimals(spec.step):
        return 1123
    if qty < spec.min_size:
        return 1120
    return 1121 if qty % spec.step else None


def price(case: Case) -> int | None:
    """Want a price that is a positive multiple of the tick, for MARKET too."""
    if case.request.type is OrderType.TPSL:
        return None
    return 1130 if case.request.price is None else price_code(case.spec, case.request.price)


def value(case: Case) -> int | None:
    """Limit the order's value."""
    limit = case.spec.max_market_value if case.is_market else case.spec.max_limit_value
    return 1122 if case.request.qty * case.price > limit else None


def price_band(case: Case) -> int | None:
    """Keep the price near the mark, or near the trigger price of a conditional order (§4.7)."""
    request, spec = case.request, case.spec
    if request.type is OrderType.TPSL:
        return None
    anchor = request.trigger.price if request.trigger else case.market.mark
    band = case.config.market_price_band
    cap, floor = (band, band) if request.type is OrderType.MARKET else (spec.price_cap, spec.price_floor)
    too_high, too_low = case.price > anchor * (1 + cap), case.price < anchor * (1 - floor)
    if case.config.far_limit == "refuse" and (too_high or too_low):
        return 1141
    return 1141 if (too_high if request.side is Side.BUY else too_low) else None


def expiry(case: Case) -> int | None:
    """Want an expiry in the future, within the network's bound."""
    ahead_ms = case.request.expire_ms - case.now_ms
    return None if 0 < ahead_ms <= case.config.max_expiry_ms else 1135


def fee(case: Case) -> int | None:
    """Want a maximum fee of at least the account's rate: the maker's for post-only orders, else the taker's."""
    rates = case.floor.fees(case.account.id, case.spec.name)
    rate = rates.maker if case.request.post_only else rates.taker
    return 1128 if case.request.fee_rate < rate or case.request.builder_fee < 0 else None


def identity(case: Case) -> int | None:
    """Want a client id that is not in use and a nonce within its bounds."""
    request = case.request
    if not request.external_id or not 0 <= request.nonce < MAX_NONCE:
        return 1133
    if case.config.missing_stp == "refuse" and request.self_trade_protection is None:
        return 1133
    longest, store = case.config.external_id_length, case.floor.store
    if longest is not None and len(request.external_id) > longest:
        return 1133
    used = store.ids_of(case.account.id, request.external_id)
    if case.config.external_id_reuse == "after_close":
        used = [order_id for order_id in used if store.open_or_pending(case.account.id, order_id) is not None]
    return 1134 if used else None


def replaced(case: Case) -> int | None:
    """Want the order to be replaced to be open."""
    return 1142 if case.request.cancel_id is not None and case.replaced is None else None


def reduce_only(case: Case) -> int | None:
    """Want a reduce-only order to have a position to reduce, and to be no larger."""
    request = case.request
    if not request.reduce_only:
        return None
    position = case.floor.position(case.account.id, case.spec.name)
    if position is None:
        return 1137
    if position.size * request.side.sign > 0:
        return 1138
    return 1136 if request.qty > abs(position.size) else None


def open_orders(case: Case) -> int | None:
    """Limit the open and received orders of a market; a replacing order takes the old one's place."""
    count = case.floor.store.open_count(case.account.id, case.spec.name) - (case.replaced is not None)
    return 1126 if count >= case.spec.max_orders else None


def position_value(case: Case) -> int | None:
    """Limit the position that this and the resting orders of the same side can lead to, by the leverage's risk band."""
    request, floor = case.request, case.floor
    if request.reduce_only or request.type is OrderType.CONDITIONAL:
        return None
    resting = case.ledger.resting(case.account.id, case.spec.name, case.replaced)
    orders = request.qty * case.price + (resting.buy_value if request.side is Side.BUY else resting.sell_value)
    held = floor.size(case.account.id, case.spec.name) * case.market.mark * request.side.sign
    limit = margin.max_position_value(case.spec, floor.leverage(case.account.id, case.spec.name))
    return 1127 if held + orders > limit else None


def order_cost(case: Case) -> int | None:
    """Want the order's cost to be available; what it replaces is given back first. Waiting orders cost nothing yet."""
    request = case.request
    if request.reduce_only or request.type is OrderType.CONDITIONAL:
        return None
    ledger, account = case.ledger, case.account
    cost = ledger.order_cost(account, case.spec.name, request.side, request.qty, case.price, case.replaced)
    return 1140 if cost > ledger.available(account, case.replaced) else None


FORM_CHECKS: tuple[Check, ...] = (
    numbers,
    mode,
    market_status,
    time_in_force,
    trigger,
    quantity,
    price,
    value,
    price_band,
    expiry,
    fee,
    identity,
)
FUNDS_CHECKS: tuple[Check, ...] = (replaced, reduce_only, open_orders, position_value, order_cost)


def run(checks: tuple[Check, ...], case: Case) -> None:
    """Raise the Refusal of the first check that has one."""
    for check in checks:
        if (code := check(case)) is not None:
            raise refusal(code)


def _decimals(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent))


def price_code(spec: MarketSpec, price: Decimal) -> int | None:
    """Return what is wrong with a price, or None: not positive, too many decimals, not on the tick."""
    if price <= 0:
        return 1141
    if _decimals(price) > _decimals(spec.tick):
        return 1125
    return 1124 if price % spec.tick else None
