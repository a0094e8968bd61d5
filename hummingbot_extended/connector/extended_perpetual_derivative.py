"""Extended's perpetuals as a Hummingbot connector: translates, and obeys Hummingbot's base classes.

Who does what: `connector_facts` says what the connector is, `account_feed` takes what the account stream brings,
`account_state` applies what the exchange tells, `reconcile` catches up after a gap, `order_outcomes` finds out what
became of an order, `adoption` deals with orders of an earlier life, `order_prices` tells what an order is priced by,
`order_desk` prices, checks, signs and sends it. This class puts them under the names that Hummingbot calls.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import batched
from typing import Any

from bidict import bidict
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.connector.utils import TradeFillOrderDetails
from hummingbot.core.data_type.cancellation_result import CancellationResult
from hummingbot.core.data_type.common import OrderType, PositionAction, PositionMode, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.trade_fee import TradeFeeBase
from hummingbot.core.event.events import (
    MarketEvent,
    OrderExpiredEvent,
)
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.core.utils.async_utils import safe_gather
from hummingbot.core.utils.estimate_fee import build_perpetual_trade_fee
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector import extended_perpetual_web_utils as web_utils
from hummingbot_extended.connector import translate
from hummingbot_extended.connector.account_feed import AccountFeed
from hummingbot_extended.connector.account_leverage import AccountLeverage
from hummingbot_extended.connector.account_state import AccountState
from hummingbot_extended.connector.account_watch import AccountWatch
from hummingbot_extended.connector.adoption import ADOPT, Adoption
from hummingbot_extended.connector.bot_identity import BotIdentity, identify
from hummingbot_extended.connector.cancel_all import CHUNK, CancelAll
from hummingbot_extended.connector.cancel_order import Canceller, exchange_id
from hummingbot_extended.connector.client_order_tracker import ExtendedClientOrderTracker
from hummingbot_extended.connector.clock import ExchangeClock
from hummingbot_extended.connector.connector_facts import ConnectorFacts
from hummingbot_extended.connector.credentials import SIBLINGS, prove_credentials
from hummingbot_extended.connector.dead_mans_switch import DeadMansSwitch
from hummingbot_extended.connector.extended_perpetual_api_order_book_data_source import (
    ExtendedPerpetualAPIOrderBookDataSource,
)
from hummingbot_extended.connector.extended_perpetual_auth import ExtendedPerpetualAuth
from hummingbot_extended.connector.extended_perpetual_user_stream_data_source import (
    BoundedUserStreamTracker,
    ExtendedPerpetualUserStreamDataSource,
)
from hummingbot_extended.connector.fault_log import FaultLog
from hummingbot_extended.connector.fills import FillHistory
from hummingbot_extended.connector.funding_payments import FundingPayments
from hummingbot_extended.connector.markets import AccountFees, Markets
from hummingbot_extended.connector.order_book_tracker import ExtendedOrderBookTracker
from hummingbot_extended.connector.order_desk import OrderDesk
from hummingbot_extended.connector.order_entry import Entry
from hummingbot_extended.connector.order_outcomes import OrderOutcomes, OrderUnresolved
from hummingbot_extended.connector.order_prices import OrderPrices
from hummingbot_extended.connector.reconcile import Reconciler
from hummingbot_extended.connector.rest import AssistantSend, RestConnections
from hummingbot_extended.connector.settings import ConnectorSettings
from hummingbot_extended.connector.tasks import Tasks
from hummingbot_extended.connector.throttler import ExtendedThrottler
from hummingbot_extended.connector.transport import stream_transports
from hummingbot_extended.connector.turns import OneATurn
from hummingbot_extended.errors import (
    ExtendedError,
    NotFound,
    Outcome,
)
from hummingbot_extended.exchange.endpoints import Domain, find_domain
from hummingbot_extended.exchange.enums import OrderStatus
from hummingbot_extended.exchange.enums import TradeType as Kind
from hummingbot_extended.exchange.http import order_not_found
from hummingbot_extended.exchange.models import Account, AccountTrade, Balance, FundingPayment, Market, Order
from hummingbot_extended.exchange.order_search import VISIBLE_AFTER_S, find_order
from hummingbot_extended.exchange.reading import Records
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.transport import StreamRequest

NETWORK_CHECK_S = 4.0
FOREIGN_MARGIN_MS = 60_000
BORN_MARGIN_MS = 5_000  # two clocks are involved
KEPT_IDS = 100_000
SAVED_STATE = "extended_perpetual"  # our entry among Hummingbot's saved tracking states


class ExtendedPerpetualDerivative(ConnectorFacts):
    """The connector. Keys may be empty for an instance that does not trade; settings come as Hummingbot's config map
    (`connector_configuration`) or as keyword arguments with the names of `ConnectorSettings`.

    Beside Hummingbot's interface: `acknowledged`, `exchange_status`, `was_triggered`, `trading_refusal`, and the
    arguments of `order_entry.Extras` on `buy` and `sell`. Raises SettingsError for malformed keys or settings.
    """

    web_utils = web_utils

    def __init__(
        self,
        extended_perpetual_api_key: str = "",
        extended_perpetual_stark_private_key: str = "",
        balance_asset_limit: dict[str, dict[str, Decimal]] | None = None,
        rate_limits_share_pct: Decimal = Decimal(100),
        trading_pairs: list[str] | None = None,
        trading_required: bool = True,
        domain: str = CONSTANTS.DEFAULT_DOMAIN,
        connector_configuration: object | None = None,
        **settings: object,
    ) -> None:
        self._domain: Domain = find_domain(domain)
        self._settings = ConnectorSettings.read(connector_configuration, settings)
        self._trading_pairs = trading_pairs or []
        self._trading_required = trading_required
        self._auth_keys = ExtendedPerpetualAuth(extended_perpetual_api_key, extended_perpetual_stark_private_key)
        self._share_pct = min(Decimal(rate_limits_share_pct), self._settings.rate_limit_share_pct)
        self._clock = ExchangeClock()
        self._born_ms = self._clock.ms()
        self._markets = Markets(lambda: self._trading_pairs, self.logger())
        self._account: Account | None = None
        self._identity_: BotIdentity | None = None
        self._proving = asyncio.Lock()
        self._stopping = asyncio.Lock()
        self._faults = FaultLog(self.logger())
        self._owned_tasks = Tasks()
        self._funding_fee_polling_task: asyncio.Task[None] | None = None
        self._entries: dict[str, Entry] = {}  # of the orders that are being placed
        self._arriving: dict[str, asyncio.Event] = {}  # orders that Hummingbot does not track yet
        self._entering = OneATurn()  # a strategy may refresh all its orders in one tick
        self._started = False
        self._adoption: Adoption | None = None
        self._restored: set[str] = set()  # orders of an earlier life that `Adoption` has not dealt with
        self._tracked_ids: dict[str, None] = {}  # of this life, oldest first
        super().__init__(balance_asset_limit, rate_limits_share_pct)
        self._set_order_book_tracker(
            ExtendedOrderBookTracker(self._orderbook_ds, self._trading_pairs, domain=self.domain)
        )
        self._fees = AccountFees(self._rest, self._markets, self._settings.builder_id)
        self._fills = FillHistory(self._rest)
        self._funding = FundingPayments(self._rest, self._clock.ms)
        self._state = AccountState(self._order_tracker, self._perpetual_trading, self, self._owned_tasks)
        self._outcomes = OrderOutcomes(
            self._rest,
            self._owned_tasks,
            on_found=self._state.apply_order,
            on_missing=self._order_is_missing,
        )
        self._reconciler = Reconciler(
            self._rest,
            self._state,
            self._fills,
            tracked=lambda: list(self.in_flight_orders.values()),
            missing=self._handle_update_error_for_active_order,
            adoption=self._get_adoption,
        )
        self._leverage = AccountLeverage(self._rest, self._markets, self._perpetual_trading)
        self._feed = AccountFeed(
            self._user_stream, self._state, self._reconciler, prepare=self._prepare_account, logger=self.logger()
        )
        self._canceller = Canceller(
            self._rest,
            apply=self._state.apply_order,
            is_searched=self._outcomes.is_searching,
            may_show=self._may_show,
        )
        self._prices = OrderPrices(
            self._rest,
            self._markets,
            self._orderbook_ds,
            order_books=lambda: self.order_book_tracker.order_books,
            is_started=lambda: self._started,
        )
        self._desk = OrderDesk(
            domain=self._domain,
            settings=self._settings,
            auth=self._auth_keys,
            clock=self._clock,
            markets=self._markets,
            fees=self._fees,
            prices=self._prices,
            outcomes=self._outcomes,
            prove_account=self._prove_account,
            identity=lambda: self._identity,
        )
        self._watch = AccountWatch(
            self._user_stream,
            self._state,
            self._reconciler,
            open_orders=lambda: self.in_flight_orders.values(),
            positions=lambda: self.account_positions.values(),
            cancel=self._execute_order_cancel,
        )
        self._switch = (
            DeadMansSwitch(self._rest, self._settings.dead_mans_switch_s) if self._settings.dead_mans_switch_s else None
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self._trading_pairs} {self._auth_keys!r} {self._user_stream!r}>"

    # === parts ======================================================================================================

    def _create_web_assistants_factory(self) -> WebAssistantsFactory:
        self._throttler = ExtendedThrottler(self.rate_limits_rules, limits_share_percentage=self._share_pct)
        factory = WebAssistantsFactory(
            throttler=self._throttler, auth=self._auth, connections_factory=RestConnections()
        )
        self._rest = self._rest_of(self._domain, factory)
        return factory

    def _rest_of(self, domain: Domain, factory: WebAssistantsFactory | None = None) -> ExtendedRest:
        send = AssistantSend(factory or self._web_assistants_factory, self._throttler, domain.rest_url)
        return ExtendedRest(send, on_response=self._clock.observe)

    def _create_order_book_data_source(self) -> ExtendedPerpetualAPIOrderBookDataSource:
        url = web_utils.public_stream_url("", self.domain)
        return ExtendedPerpetualAPIOrderBookDataSource(
            trading_pairs=self._trading_pairs,
            connector=self,
            api_factory=self._web_assistants_factory,
            domain=self.domain,
            rest=self._rest,
            transports=stream_transports(
                self._web_assistants_factory,
                self._settings.path_transport,
                url=url,
                direct_url=web_utils.direct_stream_url(self.domain),
            ),
            use_rpc=self._settings.transport == "rpc",
        )

    def _create_user_stream_data_source(self) -> ExtendedPerpetualUserStreamDataSource:
        self._user_stream = ExtendedPerpetualUserStreamDataSource(self._supervise_account)
        return self._user_stream

    def _create_user_stream_tracker(self) -> BoundedUserStreamTracker:
        return BoundedUserStreamTracker(self._create_user_stream_data_source())

    def _supervise_account(self, **handlers: Any) -> StreamSupervisor:
        url = web_utils.account_stream_url(self.domain)
        # No data deadline: an idle account is silent for hours. Pings prove the socket, REST polls the content.
        request = StreamRequest(url=url, headers=self._auth_keys.headers, data_timeout_s=None)
        transports = stream_transports(self._web_assistants_factory, self._settings.path_transport, url=url)
        return StreamSupervisor(request, transports, name=f"{self.name} account", **handlers)

    def _create_order_tracker(self) -> ExtendedClientOrderTracker:
        return ExtendedClientOrderTracker(self, self._now)

    @property
    def _identity(self) -> BotIdentity:
        if self._identity_ is None:
            self._identity_ = identify(self.domain, self._settings.bot_id)
        return self._identity_

    def _get_adoption(self) -> Adoption:
        if self._adoption is None:
            self._adoption = Adoption(
                self._rest,
                self._identity,
                self._settings.orders_after_restart,
                is_known=self._is_known,
                is_anothers=self._is_anothers,
                adopt=self._adopt,
                cancel=self._cancel_left_over,
                restored=self._restored,
            )
        return self._adoption

    # === life =======================================================================================================

    async def start_network(self) -> None:
        """Start everything; the account is reconciled as soon as its stream is open."""
        self._started = True
        await super().start_network()
        if not self._trading_required:
            return
        self._owned_tasks.start(self._watch.run(), name="account watch")
        if self._switch is not None:
            self._owned_tasks.start(self._switch.run(), name="dead man's switch")

    async def stop_network(self) -> None:
        """Stop everything and return when it has ended: no task and no connection of this instance is left.

        Called again meanwhile, it waits for the same end: Hummingbot begins it and looks no further.
        """
        async with self._stopping:
            await self._stop_network()

    async def _stop_network(self) -> None:
        base_tasks = [
            self._status_polling_task,
            self._trading_rules_polling_task,
            self._trading_fees_polling_task,
            self._user_stream_tracker_task,
            self._user_stream_event_listener_task,
            self._lost_orders_update_task,
            self._funding_info_listener_task,
            self._funding_fee_polling_task,  # Hummingbot forgets to cancel this one
        ]
        was_running = self._user_stream_tracker_task is not None
        if self._funding_fee_polling_task is not None:
            self._funding_fee_polling_task.cancel()
            self._funding_fee_polling_task = None
        await super().stop_network()
        await self._owned_tasks.stop()
        running = [task for task in base_tasks if task is not None and task is not asyncio.current_task()]
        await asyncio.gather(*running, return_exceptions=True)
        await self.order_book_tracker.wait_stopped()
        if was_running and self._switch is not None:
            await self._switch.disarm()

    @property
    def network_status(self) -> NetworkStatus:
        """Hummingbot's network status, but not CONNECTED while trading is refused for a pair."""
        status = super().network_status
        if status is NetworkStatus.CONNECTED and any(map(self.trading_refusal, self._trading_pairs)):
            return NetworkStatus.NOT_CONNECTED
        return status

    async def check_network(self) -> NetworkStatus:
        """Ask REST; a failure does not count while a stream is live or our own budget of requests is used up:
        Hummingbot would tear all streams down for it.
        """
        if self._started and self._throttler.is_exhausted:
            return NetworkStatus.CONNECTED
        status = await super().check_network()
        if status is not NetworkStatus.CONNECTED and self._a_stream_is_live():
            return NetworkStatus.CONNECTED
        return status

    async def _make_network_check_request(self) -> None:
        pair = self._trading_pairs[0] if self._trading_pairs else "BTC-USD"
        try:
            async with asyncio.timeout(NETWORK_CHECK_S):
                await self._rest.market_stats(self._markets.name_of(pair))
        except NotFound as error:
            if error.code is None:
                raise
            # The exchange answers. That it has no such market is said when the markets are read.

    def _a_stream_is_live(self) -> bool:
        return self._user_stream.is_live or any(
            self._orderbook_ds.broken_reason(pair) is None for pair in self._trading_pairs
        )

    def _is_user_stream_initialized(self) -> bool:
        return not self._trading_required or self._feed.is_current

    def trading_refusal(self, trading_pair: str) -> str | None:
        """Return why no order that may open a position is sent for a pair now, or None. Cancels always go.

        Before the network was started first, nothing is refused here.
        """
        if not self._started:
            return None
        if reason := self._orderbook_ds.broken_reason(trading_pair):
            return f"the order book of {trading_pair} cannot be trusted: {reason}"
        if self._trading_required and not self._feed.is_current:
            return "the account stream is not connected, or not reconciled yet"
        return None

    def stream_status(self) -> list[str]:
        """Return a line a market and one for the account: what is live, how late it is (ms), how often it broke."""
        markets = [streams for pair in self._trading_pairs if (streams := self._orderbook_ds.streams(pair)) is not None]
        account = "live" if self._feed.is_current else "not connected, or not reconciled yet"
        return [streams.describe() for streams in markets] + [f"account {account}"]

    def acknowledged(self, client_order_id: str) -> bool:
        """Return whether the exchange has confirmed that it accepted an order: the Created event comes earlier, with
        HTTP 200, which only says that the order was received (API reference §4.10)."""
        return self._state.is_acknowledged(client_order_id)

    def exchange_status(self, client_order_id: str) -> OrderStatus | None:
        """Return the exchange's own word for an order's state (UNTRIGGERED, EXPIRED …); None before the first."""
        return self._state.status_of(client_order_id)

    def start_tracking_order(self, order_id: str, *args: Any, **kwargs: Any) -> None:
        """Track an order, created now: without Hummingbot's clock (hummingbot-api runs none) its time would be none."""
        super().start_tracking_order(order_id, *args, **kwargs)
        if (order := self._order_tracker.active_orders.get(order_id)) is not None:
            order.creation_timestamp = order.last_update_timestamp = self._now()
        self._tracked_ids[order_id] = None
        if len(self._tracked_ids) > KEPT_IDS:
            del self._tracked_ids[next(iter(self._tracked_ids))]
        self._has_arrived(order_id)

    def was_triggered(self, client_order_id: str) -> bool:
        """Return whether the price that a conditional order waits for has come, whatever became of the order then."""
        return self._state.was_triggered(client_order_id)

    # === saved state ================================================================================================

    @property
    def tracking_states(self) -> dict[str, Any]:
        """What Hummingbot saves: its orders, and which funding payments are reported."""
        states: dict[str, Any] = super().tracking_states
        if (until_ms := self._funding.reported_until_ms) is not None:
            ids = self._funding.reported_ids
            states[SAVED_STATE] = {"funding_reported_until_ms": until_ms, "funding_reported_ids": ids}
        return states

    def restore_tracking_states(self, saved_states: dict[str, Any]) -> None:
        """Take what `tracking_states` gave in an earlier life."""
        orders = dict(saved_states)
        own = orders.pop(SAVED_STATE, None)
        if own and "funding_reported_until_ms" in own:
            self._funding.restore(int(own["funding_reported_until_ms"]), own.get("funding_reported_ids", ()))
        super().restore_tracking_states(orders)
        self._restored.update(order_id for order_id in orders if order_id in self.in_flight_orders)

    def adopt_orders_after_restart(self) -> None:
        """Go on with what an earlier life left open, whatever `orders_after_restart` says: somebody still knows it."""
        self._get_adoption().mode = ADOPT

    def trigger_event(self, event_tag: Any, message: Any) -> None:
        """Pass an event on. A recorded order is not in the journal of intents any more, and can be cancelled now if
        that was asked for while nobody knew whether it exists.
        """
        super().trigger_event(event_tag, message)
        is_created = event_tag in (MarketEvent.BuyOrderCreated, MarketEvent.SellOrderCreated)
        journal = self._identity_.journal if self._identity_ else None
        if journal and (is_created or event_tag is MarketEvent.OrderFailure):
            journal.strike_out(message.order_id)
        if is_created and (unwanted := self._canceller.take_wish(message.order_id)) is not None:
            self._owned_tasks.start(self._cancel_unwanted(unwanted), name=f"cancel {message.order_id}")

    # === markets and rules ==========================================================================================

    async def _make_trading_rules_request(self) -> Records[Market]:
        return await self._rest.markets()

    async def _make_trading_pairs_request(self) -> Records[Market]:
        return await self._rest.markets()

    async def _format_trading_rules(self, exchange_info_dict: Records[Market]) -> list[TradingRule]:
        self._markets.remember(exchange_info_dict)
        return self._markets.rules()

    def _initialize_trading_pair_symbols_from_exchange_info(self, exchange_info: Records[Market]) -> None:
        self._markets.remember(exchange_info)
        self._set_trading_pair_symbol_map(bidict(self._markets.symbols()))

    async def _ensure_markets(self) -> None:
        if not self._markets:
            await self._update_trading_rules()

    def _known_pairs(self) -> list[str]:
        return [pair for pair in self._trading_pairs if self._markets.of(pair) is not None]

    async def _init_funding_info(self) -> None:
        """Read the funding info of all pairs; Hummingbot's own ends for good at the first that fails."""
        backoff = Backoff()
        while True:
            try:
                await self._ensure_markets()
                for pair in self._known_pairs():
                    self._perpetual_trading.initialize_funding_info(await self._orderbook_ds.get_funding_info(pair))
            except ExtendedError as error:
                self._faults.failed("Reading the funding rates", error)
                await self._sleep(backoff.next_delay_s())
            else:
                self._faults.worked("Reading the funding rates")
                return

    async def _get_last_traded_price(self, trading_pair: str) -> float:
        market = await self.exchange_symbol_associated_to_pair(trading_pair=trading_pair)
        return float((await self._rest.market_stats(market)).last_price)

    async def get_all_pairs_prices(self) -> list[dict[str, str]]:
        """Return {"symbol": pair, "price": last price} of every tradable market, for rate sources."""
        await self._update_trading_rules()
        return self._markets.last_prices()

    async def _trading_rules_polling_loop(self) -> None:
        await self._repeat("Reading the markets", self._update_trading_rules, self.TRADING_RULES_INTERVAL)

    async def _trading_fees_polling_loop(self) -> None:
        await self._repeat("Reading the account's fees", self._update_trading_fees, self.TRADING_FEES_INTERVAL)

    async def _repeat(self, what: str, update: Callable[[], Any], interval_s: float) -> None:
        """Update at an interval; after a failure sooner, with one line in the log instead of one each 0.5 s."""
        backoff = Backoff()
        while True:
            try:
                await update()
            except ExtendedError as error:
                self._faults.failed(what, error)
                await self._sleep(backoff.next_delay_s())
            else:
                self._faults.worked(what)
                await self._sleep(interval_s)

    # === account ====================================================================================================

    async def _prove_account(self) -> Account:
        """Return the account; the first time, prove that the keys belong to it."""
        if self._account is not None:
            return self._account
        async with self._proving:
            if self._account is None:
                self._account = await prove_credentials(
                    self._rest,
                    self._auth_keys,
                    self._domain,
                    sibling=SIBLINGS.get(self._domain.name),
                    rest_of=self._rest_of,
                )
            return self._account

    async def _update_balances(self) -> None:
        """Update the balance. On an instance that was never started (`connect`) this is the whole proof of the keys."""
        await self._prove_account()
        await self._reconciler.apply_balance()

    async def _update_positions(self) -> None:
        await self._ensure_markets()
        await self._reconciler.apply_positions()

    async def _status_polling_loop_fetch_updates(self) -> None:
        try:
            await safe_gather(self._update_positions(), self._update_balances(), self._update_order_status())
        except ExtendedError as error:
            self._faults.failed("Polling the account", error)
        else:
            self._faults.worked("Polling the account")

    def set_balance(self, balance: Balance) -> None:
        """Publish the collateral balance: equity in all, what is free to trade as available."""
        asset = translate.collateral(balance.collateral_name)
        self._account_balances.clear()
        self._account_available_balances.clear()
        self._account_balances[asset] = balance.equity
        self._account_available_balances[asset] = balance.available_for_trade

    def pair_of(self, market: str) -> str | None:
        """Return Hummingbot's pair of a market."""
        return self._markets.pair_of(market)

    # === fees =======================================================================================================

    async def _update_trading_fees(self) -> None:
        await self._ensure_markets()
        await self._fees.update()

    def _get_fee(
        self,
        base_currency: str,
        quote_currency: str,
        order_type: OrderType,
        order_side: TradeType,
        position_action: PositionAction,
        amount: Decimal,
        price: Decimal = Decimal("NaN"),
        is_maker: bool | None = None,
    ) -> TradeFeeBase:
        maker = order_type is OrderType.LIMIT_MAKER if is_maker is None else is_maker
        fee = self._fees.estimate(f"{base_currency}-{quote_currency}", position_action, is_maker=maker)
        return fee or build_perpetual_trade_fee(
            self.name, maker, position_action, base_currency, quote_currency, order_type, order_side, amount, price
        )

    # === placing ====================================================================================================

    async def _create_order(
        self,
        trade_type: TradeType,
        order_id: str,
        trading_pair: str,
        amount: Decimal,
        order_type: OrderType,
        price: Decimal | None = None,
        position_action: PositionAction = PositionAction.NIL,
        **kwargs: Any,
    ) -> None:
        """Price, check and place an order. Whatever is wrong with it becomes a failure event with the reason."""
        self._arriving[order_id] = asyncio.Event()
        try:
            await self._ensure_markets()
            if trading_pair not in self._trading_rules and self._markets.of(trading_pair) is not None:
                await self._update_trading_rules()  # the symbols were asked for, or the market is new
            mark = await self._prices.mark(trading_pair, order_type)
            await self._entering()
            entry = self._desk.entry(trading_pair, trade_type, amount, order_type, price, position_action, kwargs, mark)
            self._desk.check(
                entry,
                opening_refusal=self.trading_refusal(trading_pair),
                open_orders=sum(order.trading_pair == trading_pair for order in self.in_flight_orders.values()),
            )
            self._entries[order_id] = entry
            await super()._create_order(
                trade_type, order_id, trading_pair, amount, order_type, entry.price, position_action, **kwargs
            )
        except (ExtendedError, ValueError) as error:
            self._refuse(order_id, trading_pair, trade_type, order_type, price, amount, position_action, error)
        finally:
            self._entries.pop(order_id, None)
            self._has_arrived(order_id)

    def _has_arrived(self, order_id: str) -> None:
        if (arriving := self._arriving.pop(order_id, None)) is not None:
            arriving.set()

    def _refuse(
        self,
        order_id: str,
        trading_pair: str,
        trade_type: TradeType,
        order_type: OrderType,
        price: Decimal | None,
        amount: Decimal,
        position_action: PositionAction,
        error: Exception,
    ) -> None:
        is_amount = amount.is_finite() and amount > 0  # an order of anything else is filled for Hummingbot
        self.start_tracking_order(
            order_id=order_id,
            exchange_order_id=None,
            trading_pair=trading_pair,
            trade_type=trade_type,
            price=price,
            amount=amount if is_amount else Decimal(0),
            order_type=order_type,
            position_action=position_action,
        )
        self._update_order_after_failure(order_id=order_id, trading_pair=trading_pair, exception=error)

    def _on_order_failure(
        self,
        order_id: str,
        trading_pair: str,
        amount: Decimal,
        trade_type: TradeType,
        order_type: OrderType,
        price: Decimal | None,
        exception: Exception,
        **_kwargs: Any,
    ) -> None:
        """Say why an order was not placed, where Hummingbot would say "Check API key and network connection"."""
        side = trade_type.name
        self.logger().network(
            f"Error submitting {side.lower()} {order_type.name.upper()} order to {self.name_cap} for {amount} "
            f"{trading_pair} {price}.",
            exc_info=not isinstance(exception, ExtendedError),
        )
        self.logger().warning(f"The {side} order {order_id} for {amount} {trading_pair} was not placed: {exception}")
        self._update_order_after_failure(order_id=order_id, trading_pair=trading_pair, exception=exception)

    async def _place_order_and_process_update(self, order: InFlightOrder, **kwargs: Any) -> str:
        """Place an order; one whose outcome is unknown stays tracked, and is asked for until it is known."""
        try:
            exchange_order_id, timestamp = await self._place_order(
                order_id=order.client_order_id,
                trading_pair=order.trading_pair,
                amount=order.amount,
                trade_type=order.trade_type,
                order_type=order.order_type,
                price=order.price,
                **kwargs,
            )
        except OrderUnresolved:
            self._outcomes.search(order)
            return ""
        if order.is_pending_create:  # the account stream may have been faster
            self._order_tracker.process_order_update(
                OrderUpdate(
                    trading_pair=order.trading_pair,
                    update_timestamp=timestamp,
                    new_state=OrderState.OPEN,
                    client_order_id=order.client_order_id,
                    exchange_order_id=exchange_order_id,
                )
            )
        return exchange_order_id

    async def _place_order(
        self,
        order_id: str,
        trading_pair: str,
        amount: Decimal,
        trade_type: TradeType,
        order_type: OrderType,
        price: Decimal,
        position_action: PositionAction = PositionAction.NIL,
        **kwargs: Any,
    ) -> tuple[str, float]:
        entry = replace(self._entries[order_id], amount=amount, price=price)  # as Hummingbot rounded and recorded it
        exchange_order_id = await self._desk.send(entry, self._order_tracker.active_orders[order_id])
        return exchange_order_id, self._now()

    # === cancelling =================================================================================================

    async def _execute_cancel(self, trading_pair: str, order_id: str) -> str | None:
        """Cancel an order; one that waits for its turn to be entered, once it is."""
        if (arriving := self._arriving.get(order_id)) is not None:
            await arriving.wait()
        cancelled: str | None = await super()._execute_cancel(trading_pair, order_id)
        return cancelled

    async def _place_cancel(self, order_id: str, tracked_order: InFlightOrder) -> bool:
        try:
            return await self._canceller.cancel(tracked_order)
        except ExtendedError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            # Not a failure: the order stays tracked as it is, and Hummingbot would print a traceback.
            self.logger().warning(f"The cancel of {order_id} is not confirmed yet: {error}")
            return False

    async def _cancel_unwanted(self, order: InFlightOrder) -> None:
        """Cancel an order whose cancel was asked for before it was known to exist, until that is taken or it has ended.

        Who asked has gone: nobody else would try again.
        """
        backoff = Backoff()
        while not order.is_done and await self._execute_order_cancel(order) is None:
            await self._sleep(backoff.next_delay_s())

    async def cancel_all(self, timeout_seconds: float) -> list[CancellationResult]:
        """Cancel this bot's open orders by one request and verify it. True for each that is open no more.

        One that is not known to exist by then is cancelled once it is.
        """
        began_s = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds / 2):
                for arriving in list(self._arriving.values()):
                    await arriving.wait()
        orders = [order for order in self.in_flight_orders.values() if not order.is_done]
        if not orders:
            return []
        cancel_all = CancelAll(self._rest, orders, ask=self._settle, stream_is_live=lambda: self._user_stream.is_live)
        results = await cancel_all.within(timeout_seconds - (time.monotonic() - began_s))
        for order in cancel_all.unknown():
            self._canceller.wish(order)
        return results

    async def _settle(self, order: InFlightOrder) -> bool:
        # Fills first: when a bot stops, there may be no later for them to come by the stream.
        await self._reconciler.apply_fills([order])
        if (found := await self._reconciler.ask(order)) is not None:
            return found.status.is_final
        return self.acknowledged(order.client_order_id) or not self._may_show(order)

    # === following orders ===========================================================================================

    async def _update_orders_fills(self, orders: list[InFlightOrder]) -> None:
        if not orders:
            return
        try:
            await self._ensure_markets()
            await self._reconciler.apply_fills(orders)
        except ExtendedError as error:
            self._faults.failed("Reading the account's fills", error)
        else:
            self._faults.worked("Reading the account's fills")

    async def _update_orders(self) -> None:
        if not self.in_flight_orders:
            return
        try:
            await self._reconciler.apply_orders()
        except ExtendedError as error:
            self._faults.failed("Reading the open orders", error)
        else:
            self._faults.worked("Reading the open orders")

    async def _handle_update_error_for_active_order(self, order: InFlightOrder, error: Exception) -> None:
        """Count only what the exchange itself says: it knows no such order, and has had the time to know it."""
        if not order_not_found(error) or self._may_show(order):
            self.logger().debug(f"The state of {order.client_order_id} is not known now: {error}")
            return
        await self._order_tracker.process_order_not_found(order.client_order_id)

    def _may_show(self, order: InFlightOrder) -> bool:
        """Return whether an order that the exchange does not know may be on its way to it, or not visible there yet."""
        key = order.client_order_id
        is_young = time.time() - order.creation_timestamp < VISIBLE_AFTER_S
        return is_young or key in self._entries or self._outcomes.is_searching(key)

    def _order_is_missing(self, tracked: InFlightOrder, error: NotFound) -> None:
        self.logger().warning(f"The exchange never received the order {tracked.client_order_id}.")
        self._update_order_after_failure(tracked.client_order_id, tracked.trading_pair, exception=error)

    async def _request_order_status(self, tracked_order: InFlightOrder) -> OrderUpdate:
        order = await find_order(
            self._rest, external_id=tracked_order.client_order_id, order_id=exchange_id(tracked_order)
        )
        return translate.order_update(order, tracked_order.client_order_id, tracked_order.trading_pair, rested=True)

    async def _all_trade_updates_for_order(self, order: InFlightOrder) -> list[TradeUpdate]:
        return [
            translate.trade_update(trade, order.client_order_id, order.trading_pair, order.position)
            for trade in await self.fetch_fills(order)
        ]

    async def fetch_fills(self, tracked: InFlightOrder) -> Iterable[AccountTrade]:
        """Return an order's fills by REST; none while its exchange id is not known."""
        if (order_id := exchange_id(tracked)) is None:
            return []
        created_ms = int(tracked.creation_timestamp * 1000) if tracked.creation_timestamp > 0 else 0
        return await self._fills.fetch_order(self._markets.name_of(tracked.trading_pair), order_id, created_ms)

    def is_recorded(self, trade: AccountTrade, pair: str) -> bool:
        """Return whether Hummingbot's database holds this fill already."""
        return TradeFillOrderDetails(self.display_name, str(trade.id), pair) in self._current_trade_fills

    def order_expired(self, tracked: InFlightOrder) -> None:
        """Report an expiry as such; the tracker has reported the order's end."""
        self.logger().warning(f"The order {tracked.client_order_id} on {tracked.trading_pair} has expired.")
        self.trigger_event(MarketEvent.OrderExpired, OrderExpiredEvent(self._now(), tracked.client_order_id))

    def owns(self, external_id: str) -> bool:
        """Return whether an order with this external id is this bot's."""
        return self._identity.owns(external_id)

    def foreign_trade(self, trade: AccountTrade, pair: str, *, is_leg: bool) -> None:
        """Report a liquidation, a deleveraging, or the fill of a take-profit or stop-loss (`is_leg`): no order that
        Hummingbot knows stands for them. Other bots' fills are not ours.
        """
        is_ours = pair in self._trading_pairs and trade.created_time_ms >= self._born_there_ms - FOREIGN_MARGIN_MS
        if (trade.type is Kind.TRADE and not is_leg) or not is_ours or self.is_recorded(trade, pair):
            return
        what = "TPSL" if is_leg else trade.type.value
        self.logger().warning(f"{what}: the exchange closed {trade.qty} of the {pair} position at {trade.price}.")
        fill = translate.exit_fill(trade, pair, what, self._now(), self.get_leverage(pair))
        self.trigger_event(MarketEvent.OrderFilled, fill)

    # === adoption ===================================================================================================

    def _is_known(self, order: Order) -> bool:
        status = self._state.status_of(order.external_id)
        return self._state.find(order.external_id, order.id) is not None or (status is not None and status.is_final)

    @property
    def _born_there_ms(self) -> float:
        """When this connector was made, by the exchange's clock."""
        return self._born_ms + self._clock.offset_s * 1000

    def _is_anothers(self, order: Order) -> bool:
        is_younger = order.created_time_ms > self._born_there_ms + BORN_MARGIN_MS
        return is_younger and order.external_id not in self._tracked_ids

    async def _adopt(self, order: Order) -> None:
        """Track an order of this bot that Hummingbot does not know; record it, unless its database has it."""
        pair = self.pair_of(order.market)
        if pair is None:
            self.logger().warning(f"The order {order.external_id} is in the unknown market {order.market}.")
            return
        if self._is_known(order):  # meanwhile
            return
        self.start_tracking_order(
            order_id=order.external_id,
            exchange_order_id=None,
            trading_pair=pair,
            trade_type=translate.trade_type(order.side),
            price=order.price or Decimal("NaN"),
            amount=order.qty,
            order_type=translate.order_type(order),
            position_action=PositionAction.CLOSE if order.reduce_only else PositionAction.OPEN,
        )
        tracked = self._order_tracker.active_orders[order.external_id]
        tracked.creation_timestamp = order.created_time_ms / 1e3
        if str(order.id) in self._exchange_order_ids:
            tracked.update_exchange_order_id(str(order.id))
            tracked.current_state = OrderState.OPEN
        await self._state.apply_order(order)

    async def _cancel_left_over(self, orders: Sequence[Order]) -> None:
        """Cancel orders of an earlier life by one request. What is not gone then is followed up as any other cancel."""
        for some in batched(orders, CHUNK):
            await self._rest.mass_cancel(order_ids=[order.id for order in some])
        ids = [order.external_id for order in orders]
        for tracked in [self.in_flight_orders[key] for key in ids if key in self.in_flight_orders]:
            await self._order_tracker.process_order_update(
                OrderUpdate(tracked.trading_pair, time.time(), OrderState.PENDING_CANCEL, tracked.client_order_id)
            )

    # === the account stream =========================================================================================

    async def _user_stream_event_listener(self) -> None:
        await self._feed.run(self._iter_user_event_queue())

    async def _prepare_account(self) -> None:
        await self._prove_account()
        await self._ensure_markets()
        if not self._feed.was_current:
            await self._leverage.read(self._known_pairs())

    # === position mode, leverage, funding ===========================================================================

    async def _fetch_account_position_mode(self) -> PositionMode:
        return PositionMode.ONEWAY

    async def _trading_pair_position_mode_set(self, mode: PositionMode, trading_pair: str) -> tuple[bool, str]:
        if mode is PositionMode.ONEWAY:
            return True, ""
        return False, "Extended has one-way positions only"

    async def _set_trading_pair_leverage(self, trading_pair: str, leverage: int) -> tuple[bool, str]:
        return await self._leverage.set(trading_pair, leverage)

    async def _fetch_last_fee_payment(self, trading_pair: str) -> tuple[float, Decimal, Decimal]:
        """Return (time in ms, rate, amount) of a pair's last payment; payments are reported by `FundingPayments`."""
        market = self._markets.name_of(trading_pair)
        payments = await self._rest.funding_payments(market, start_time_ms=0, limit=1)
        if not payments:
            return 0, Decimal(-1), Decimal(-1)
        return payments[0].paid_time_ms, payments[0].funding_rate, payments[0].funding_fee

    async def _update_all_funding_payments(self, fire_event_on_new: bool) -> None:
        """Report every payment of our pairs that was not reported yet; which are new is not the loop's to say."""
        try:
            payments = await self._funding.fetch_new()
        except ExtendedError as error:
            self._faults.failed("Reading the funding payments", error)
            return
        self._faults.worked("Reading the funding payments")
        for payment in payments:
            pair = self.pair_of(payment.market) or payment.market
            if pair in self._trading_pairs:
                self._report_funding(payment, pair)

    def _report_funding(self, payment: FundingPayment, pair: str) -> None:
        action = "paid" if payment.funding_fee < 0 else "received"
        self.logger().info(f"Funding payment of {abs(payment.funding_fee)} {action} on {pair} market.")
        event = translate.funding_event(payment, pair, self.name, self._funding.timestamp_ms(payment))
        self.trigger_event(MarketEvent.FundingPaymentCompleted, event)

    def _now(self) -> float:
        """Hummingbot's time; the machine's before there is one, and where the connector lives without a clock.

        So it does in hummingbot-api, which gives it the time once in minutes: that time stands still in between.
        """
        now: float = self.current_timestamp
        has_no_clock = self.clock is None and self._user_stream_tracker_task is not None
        return time.time() if math.isnan(now) or has_no_clock else now
