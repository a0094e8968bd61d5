"""What a fill does to a position: pure, exact in sum (API reference §3.4: one position a market, weighted entry)."""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct
from msgspec.structs import replace

from hummingbot_extended.venue.accounts import Position
from hummingbot_extended.venue.orders import ZERO

QUANTUM = Decimal("1e-12")  # of amounts that come from a division; what one share loses the other one gets


class PositionChange(Struct, frozen=True, kw_only=True):
    """A fill's effect: the position after it, the position it closed (in its last state), the result it realised."""

    position: Position | None
    closed: Position | None
    pnl: Decimal


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return `amount` x `part` / `whole`, rounded to the quantum, exact when part is whole."""
    return amount if part == whole else (amount * part / whole).quantize(QUANTUM, ROUND_HALF_EVEN)


def fill(
    position: Position | None, market: str, qty: Decimal, price: Decimal, fee: Decimal, new_id: int, now_ms: int
) -> PositionChange:
    """Return what buying `qty` (negative: selling) at `price` for `fee` does; `new_id` is for a position that opens."""
    if position is None:
        return PositionChange(position=_opened(market, qty, price, fee, new_id, now_ms), closed=None, pnl=ZERO)
    if position.size * qty > 0:
        return PositionChange(position=_grown(position, qty, price, fee, now_ms), closed=None, pnl=ZERO)
    closing = max(qty, -position.size) if qty < 0 else min(qty, -position.size)
    closing_fee = share(fee, closing, qty)
    shrunk = _shrunk(position, closing, price, closing_fee, now_ms)
    pnl = shrunk.trade_pnl - position.trade_pnl
    if shrunk.size:
        return PositionChange(position=shrunk, closed=None, pnl=pnl)
    rest = qty - closing
    opened = _opened(market, rest, price, fee - closing_fee, new_id, now_ms) if rest else None
    last = replace(shrunk, size=position.size, cost=position.cost)
    return PositionChange(position=opened, closed=last, pnl=pnl)


def _opened(market: str, qty: Decimal, price: Decimal, fee: Decimal, new_id: int, now_ms: int) -> Position:
    return Position(
        id=new_id,
        market=market,
        size=qty,
        cost=qty * price,
        created_ms=now_ms,
        updated_ms=now_ms,
        open_fees=fee,
        peak_size=abs(qty),
    )


def _grown(position: Position, qty: Decimal, price: Decimal, fee: Decimal, now_ms: int) -> Position:
    size = position.size + qty
    return replace(
        position,
        size=size,
        cost=position.cost + qty * price,
        open_fees=position.open_fees + fee,
        peak_size=max(position.peak_size, abs(size)),
        updated_ms=now_ms,
    )


def _shrunk(position: Position, closing: Decimal, price: Decimal, fee: Decimal, now_ms: int) -> Position:
    cost = share(position.cost, -closing, position.size)
    return replace(
        position,
        size=position.size + closing,
        cost=position.cost - cost,
        trade_pnl=position.trade_pnl - closing * price - cost,
        close_fees=position.close_fees + fee,
        closed_qty=position.closed_qty + abs(closing),
        closed_value=position.closed_value + abs(closing) * price,
        updated_ms=now_ms,
    )
