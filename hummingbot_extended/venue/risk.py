"""What the venue does to accounts in trouble: orders cancelled, liquidation, deleveraging (API reference §3.2, §8)."""

from decimal import Decimal

from msgspec.structs import replace

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.enums import AccountKind, Mode, PositionSide, Side, StatusReason, TradeType
from hummingbot_extended.venue.execution import Execution
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.orders import ZERO


class Risk:
    """Watches the margin of accounts that a command touched."""

    def __init__(self, floor: Floor, ledger: Ledger, execution: Execution) -> None:
        self._floor = floor
        self._ledger = ledger
        self._execution = execution

    def watch(self, account_id: int, now_ms: int) -> None:
        """Cancel increasing orders when nothing is available; liquidate when maintenance margin exceeds equity.

        Nothing happens outside normal trading (§4.10), and never to the insurance fund.
        """
        account = self._floor.account(account_id)
        if account.kind is AccountKind.INSURANCE or self._floor.state.mode in (Mode.POST_ONLY, Mode.MAINTENANCE):
            return
        if self._ledger.available(account) < 0:
            for order in self._floor.store.open_of(account_id):
                if not order.reduce_only:
                    self._execution.cancel(order, StatusReason.NOT_ENOUGH_FUNDS, now_ms)
        if account.positions and self._ledger.maintenance(account) > self._ledger.equity(account):
            self._liquidate(account, now_ms)

    def _liquidate(self, account: Account, now_ms: int) -> None:
        """Close everything: on the book within the market's price band, the rest with the insurance fund at the mark.

        What the account then still owes, the insurance fund pays.
        """
        floor = self._floor
        self._execution.cancel_all(account.id, StatusReason.ACCOUNT_LIQUIDATION, now_ms)
        for market in sorted(account.positions, key=lambda name: -abs(self._ledger.value(account.positions[name]))):
            self._close(account, market, now_ms)
        if account.balance < 0:
            owed = -account.balance
            self._ledger.pay(account, owed, now_ms)
            self._ledger.pay(floor.account(floor.state.insurance_id), -owed, now_ms)

    def _close(self, account: Account, market: str, now_ms: int) -> None:
        floor, trading, kind = self._floor, self._execution.trading, TradeType.LIQUIDATION
        size = floor.size(account.id, market)
        side = Side.SELL if size > 0 else Side.BUY
        order = trading.system_order(account.id, market, side, abs(size), kind, now_ms)
        worst = order.limit_price * (1 + side.sign * floor.config.market_price_band)
        order = self._execution.sweep(floor.put(replace(order, price=worst), is_told=False), kind, now_ms)
        if order.remaining:
            insurer = floor.state.insurance_id
            taken = trading.system_order(insurer, market, side.opposite, order.remaining, kind, now_ms)
            trading.trade(order, taken, kind, now_ms)

    def deleverage(self, account_id: int, market: str, qty: Decimal, now_ms: int) -> None:
        """Close up to `qty` of an account's position at the mark, against the best-ranked opposite positions."""
        floor = self._floor
        size = floor.size(account_id, market)
        left = min(qty, abs(size))
        sign = -1 if size > 0 else 1
        opposite = PositionSide.SHORT if size > 0 else PositionSide.LONG
        for other in self._ledger.adl_queue(market, opposite):
            part = min(left, abs(floor.size(other.id, market)))
            if part > ZERO:
                self._execution.trading.cross(account_id, other.id, market, sign * part, TradeType.DELEVERAGE, now_ms)
                left -= part
                for touched in (account_id, other.id):
                    self._execution.follow_position(touched, market, now_ms)
