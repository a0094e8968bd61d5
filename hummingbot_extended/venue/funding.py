"""Funding: the rate's formula, its hourly payment, and the rounding that loses nothing (API reference §8)."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from hummingbot_extended.venue.accounts import Account, Position
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.enums import Mode
from hummingbot_extended.venue.events import FundingPaymentEvent, FundingRateEvent
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import ZERO
from hummingbot_extended.venue.records import FundingPayment, FundingRate
from hummingbot_extended.venue.state import Market, append_bounded

RATE_QUANTUM = Decimal("0.000001")
PAYMENT_QUANTUM = Decimal("0.000001")
HOURS_PER_PREMIUM = 8
PERCENT = Decimal(100)


class Funding:
    """Keeps the rates and pays them."""

    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor = floor
        self._ledger = ledger

    def add_sample(self, market: Market, premium: Decimal, now_ms: int) -> None:
        """Count a premium sample into the hour's average and recompute the current rate."""
        market.premium_sum += premium
        market.premium_count += 1
        self._recompute(market, now_ms)

    def fix_rate(self, market: Market, rate: Decimal | None, now_ms: int) -> None:
        """Fix the current rate, or let the formula decide again (None)."""
        market.fixed_rate = rate
        self._recompute(market, now_ms)

    def _recompute(self, market: Market, now_ms: int) -> None:
        average = market.premium_sum / market.premium_count if market.premium_count else ZERO
        rate = formula(average, market.spec, self._floor.config) if market.fixed_rate is None else market.fixed_rate
        if rate != market.funding_rate:
            market.funding_rate = rate
            self._floor.events.append(FundingRateEvent(market.spec.name, rate, now_ms, False))

    def pay_due(self, now_ms: int) -> None:
        """Pay on every market whose hour has come, once, and set the next hour; hours that were missed are not made up.

        Nothing is paid in post-only and maintenance mode (§4.10).
        """
        is_paying = self._floor.state.mode not in (Mode.POST_ONLY, Mode.MAINTENANCE)
        interval_ms = self._floor.config.funding_interval_ms
        next_ms = (now_ms // interval_ms + 1) * interval_ms
        for market in self._floor.state.markets.values():
            if 0 < market.next_funding_ms <= now_ms and is_paying:
                self.pay(market, now_ms, market.next_funding_ms)
            market.next_funding_ms = next_ms

    def pay(self, market: Market, now_ms: int, hour_ms: int) -> None:
        """Pay the current rate for the hour that ended at `hour_ms`: longs pay shorts if it is positive.

        What the rounding of payments leaves goes to the insurance fund.
        """
        floor, name = self._floor, market.spec.name
        row = FundingRate(id=floor.state.ids.take(), market=name, ts_ms=hour_ms, rate=market.funding_rate)
        append_bounded(market.rates, row, floor.config.max_history)
        floor.events.append(FundingRateEvent(name, market.funding_rate, hour_ms, True))
        paid = ZERO
        for account in floor.state.accounts.values():
            if (position := account.positions.get(name)) is not None:
                paid += self._pay_position(account, position, market, now_ms)
        self._ledger.pay(floor.account(floor.state.insurance_id), -paid, now_ms)
        market.premium_sum, market.premium_count = ZERO, 0

    def _pay_position(self, account: Account, position: Position, market: Market, now_ms: int) -> Decimal:
        floor, value = self._floor, position.size * market.mark
        amount = (-value * market.funding_rate).quantize(PAYMENT_QUANTUM, ROUND_HALF_EVEN)
        self._ledger.pay_funding(account, position, amount, now_ms)
        payment = FundingPayment(
            id=floor.state.ids.take(),
            account_id=account.id,
            market=market.spec.name,
            position_id=position.id,
            side=position.side,
            size=abs(position.size),
            value=abs(value),
            mark_price=market.mark,
            fee=amount,
            rate=market.funding_rate,
            paid_ms=now_ms,
        )
        append_bounded(floor.history(account.id).payments, payment, floor.history_limit(account.id))
        floor.emit(FundingPaymentEvent(account.id, payment))
        return amount


def formula(average_premium: Decimal, spec: MarketSpec, config: EngineConfig) -> Decimal:
    """Return the 1-hour rate (§8): (premium + clamp(interest - premium)) / 8, within the market's cap."""
    interest = config.interest_rate if spec.has_interest else ZERO
    correction = clamp(interest - average_premium, config.interest_clamp) if spec.has_interest else ZERO
    rate = clamp((average_premium + correction) / HOURS_PER_PREMIUM, spec.funding_cap_percent / PERCENT)
    return rate.quantize(RATE_QUANTUM, ROUND_HALF_UP)


def clamp(number: Decimal, bound: Decimal) -> Decimal:
    """Return `number` kept within ± `bound`."""
    return max(-bound, min(bound, number))
