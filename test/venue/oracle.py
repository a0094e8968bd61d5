"""A second ledger, in exact fractions and without a line of the venue's: it replays fills and payments."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from hummingbot_extended.venue.events import AccountTradeEvent, Event, FundingPaymentEvent, OrderEvent


class Oracle:
    """Adds up what the events tell. Rates are those of the test: a taker's and builders', no maker's."""

    def __init__(self, taker_rate: Decimal) -> None:
        self.rate = Fraction(taker_rate)
        self.cash: dict[int, Fraction] = defaultdict(Fraction)
        self.sizes: dict[tuple[int, str], Fraction] = defaultdict(Fraction)
        self.filled: dict[int, Fraction] = defaultdict(Fraction)
        self.value: dict[int, Fraction] = defaultdict(Fraction)
        self.fees: dict[int, Fraction] = defaultdict(Fraction)
        self.builder_rates: dict[int, Fraction] = {}
        self.last: dict[int, OrderEvent] = {}
        self.trade_ids: set[tuple[int, int]] = set()

    def follow(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, OrderEvent):
                self.last[event.order.id] = event
                self.builder_rates[event.order.id] = Fraction(event.order.builder_fee)
            elif isinstance(event, FundingPaymentEvent):
                self.cash[event.account_id] += Fraction(event.payment.fee)
        for event in events:
            if isinstance(event, AccountTradeEvent):
                self._fill(event)

    def _fill(self, event: AccountTradeEvent) -> None:
        trade = event.trade
        assert (trade.account_id, trade.id) not in self.trade_ids
        self.trade_ids.add((trade.account_id, trade.id))
        qty, value = Fraction(trade.qty), Fraction(trade.qty) * Fraction(trade.price)
        free = trade.trade_type.value == "DELEVERAGE"
        rate = self.rate if trade.is_taker and not free else Fraction(0)
        fee = value * (rate + self.builder_rates[trade.order_id])
        assert Fraction(trade.fee) == fee
        assert Fraction(trade.value) == value
        sign = 1 if trade.side.value == "BUY" else -1
        self.cash[trade.account_id] -= sign * value + fee
        self.sizes[trade.account_id, trade.market] += sign * qty
        self.filled[trade.order_id] += qty
        self.value[trade.order_id] += value
        self.fees[trade.order_id] += fee
