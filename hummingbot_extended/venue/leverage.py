"""Setting an account's leverage on a market (API reference §3.10)."""

from decimal import Decimal

from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.margin import max_position_value
from hummingbot_extended.venue.refusals import refusal


def set_leverage(floor: Floor, ledger: Ledger, account_id: int, market: str, leverage: Decimal) -> None:
    """Set the leverage. Raises Refusal 1053 (decimals), 1049, 1050 (bounds), 10501 (position), 1052 (margin)."""
    account, state = floor.account(account_id), floor.market(market)
    if not leverage.is_finite() or -int(leverage.normalize().as_tuple().exponent) > floor.config.leverage_decimals:
        raise refusal(1053)
    if leverage < 1:
        raise refusal(1049)
    if leverage > state.spec.max_leverage:
        raise refusal(1050)
    if abs(floor.size(account_id, market)) * state.mark > max_position_value(state.spec, leverage):
        raise refusal(10501)
    before, is_lower = dict(account.leverage), leverage < floor.leverage(account_id, market)
    account.leverage[market] = leverage
    if is_lower and ledger.available(account) < 0:
        account.leverage = before
        raise refusal(1052)
    floor.touch(account_id)
    if market in account.positions:
        floor.dirty_positions[account_id, market] = None
