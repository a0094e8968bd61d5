"""What every part of the engine shares: state, order store, books, events, and what a command touched."""

from collections.abc import Sequence
from decimal import Decimal

from hummingbot_extended.venue.accounts import Account, Position
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.enums import AccountKind
from hummingbot_extended.venue.events import AccountEvent, Event, OrderEvent
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.matching import Book
from hummingbot_extended.venue.orders import ZERO, Order
from hummingbot_extended.venue.records import FeeRates
from hummingbot_extended.venue.refusals import refusal
from hummingbot_extended.venue.state import History, Market, VenueState
from hummingbot_extended.venue.store import IN_BOOK, OrderStore

INSURANCE_ID = 1


class Floor:
    """The trading floor. `dirty_*` and `unwatched` collect, in order, what a command touched, for its end."""

    def __init__(self, config: EngineConfig, state: VenueState) -> None:
        self.config = config
        self.state = state
        self.store = OrderStore(state)
        self.events: list[Event] = []
        self.books = {name: Book(name, self.events) for name in state.markets}
        self.dirty_accounts: dict[int, None] = {}
        self.dirty_positions: dict[tuple[int, str], None] = {}
        self.dirty_markets: dict[str, None] = {}
        self.unwatched: dict[int, None] = {}
        self.accounts_by_key = {account.api_key: account for account in state.accounts.values() if account.api_key}
        for order_ids in state.queues.values():
            for order_id in order_ids:
                self.rest(state.open_orders[order_id])
        self.events.clear()

    # ------------------------------------------------------------------------------------------------------- reading
    def market(self, name: str) -> Market:
        """Return a market. Raises Refusal 1001."""
        if (market := self.state.markets.get(name)) is None:
            raise refusal(1001, name)
        return market

    def account(self, account_id: int) -> Account:
        """Return an account. Raises Refusal 1004."""
        if (account := self.state.accounts.get(account_id)) is None:
            raise refusal(1004)
        return account

    def history(self, account_id: int) -> History:
        """Return an account's history."""
        return self.state.histories[account_id]

    def history_limit(self, account_id: int) -> int:
        """Return how many rows of each kind are kept of an account."""
        is_user = self.state.accounts[account_id].kind is AccountKind.USER
        return self.config.max_history if is_user else self.config.max_house_history

    def size(self, account_id: int, market: str) -> Decimal:
        """Return the signed size of an account's position, 0 if there is none."""
        position = self.position(account_id, market)
        return position.size if position else ZERO

    def position(self, account_id: int, market: str) -> Position | None:
        """Return an account's open position on a market, or None."""
        return self.state.accounts[account_id].positions.get(market)

    def leverage(self, account_id: int, market: str) -> Decimal:
        """Return an account's leverage on a market: as set, else the default within the market's maximum."""
        default = min(self.config.default_leverage, self.market(market).spec.max_leverage)
        return self.account(account_id).leverage.get(market, default)

    def fees(self, account_id: int, market: str) -> FeeRates:
        """Return what an account pays on a market: the market's own rates, else the account's, else everybody's."""
        account = self.account(account_id)
        everybody = FeeRates(maker=self.config.maker_fee, taker=self.config.taker_fee)
        return account.market_fees.get(market) or account.fees or everybody

    # ------------------------------------------------------------------------------------------------------- changes
    def touch(self, account_id: int) -> None:
        """Note that an account's money or margin changed: it is to be watched, and its balance told."""
        self.dirty_accounts[account_id] = None
        self.unwatched[account_id] = None

    def emit(self, event: AccountEvent) -> None:
        """Append an event of an account, unless nobody can be listening."""
        if self.state.accounts[event.account_id].kind is AccountKind.USER:
            self.events.append(event)

    def put(self, order: Order, *, is_told: bool = True) -> Order:
        """Store an order's new state, keep the book in step, tell it (`is_told`); returns the order."""
        account = self.state.accounts[order.account_id]
        is_archived = account.kind is AccountKind.USER and not account.is_high_volume
        keeps_unfilled = self.config.archive_unfilled and is_archived
        self.store.put(order, keep_closed=bool(order.filled_qty) or keeps_unfilled)
        if order.id in self.books[order.market]:
            if order.status in IN_BOOK:
                self.rest(order)
            else:
                self.books[order.market].remove(order.id)
        self.touch(order.account_id)
        if is_told:
            self.emit(OrderEvent(order.account_id, order))
        return order

    def rest(self, order: Order) -> None:
        """Show what remains of an order in the book: a new one queues last, a smaller one keeps its place."""
        self.books[order.market].set_size(order.id, order.side, order.limit_price, order.remaining)


def new_state(markets: Sequence[MarketSpec]) -> VenueState:
    """Return the state of a venue that has just opened, with its insurance fund's account."""
    state = VenueState(
        insurance_id=INSURANCE_ID,
        markets={spec.name: Market(spec=spec, mark=spec.start_price, index=spec.start_price) for spec in markets},
    )
    state.accounts[INSURANCE_ID] = Account(
        id=INSURANCE_ID,
        client_id=0,
        vault=1,
        public_key=0,
        api_key="",
        kind=AccountKind.INSURANCE,
        description="Insurance",
        fees=FeeRates(maker=ZERO, taker=ZERO),
    )
    state.histories[INSURANCE_ID] = History()
    return state
