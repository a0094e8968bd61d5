"""What the connector is: what Hummingbot asks of every connector and what stays the same while it runs."""

from abc import abstractmethod

from hummingbot.connector.perpetual_derivative_py_base import PerpetualDerivativePyBase
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.data_type.common import OrderType, PositionMode

from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector.bot_identity import BotIdentity
from hummingbot_extended.connector.extended_perpetual_auth import ExtendedPerpetualAuth
from hummingbot_extended.connector.markets import Markets
from hummingbot_extended.connector.order_entry import SUPPORTED_ORDER_TYPES
from hummingbot_extended.connector.settings import ConnectorSettings
from hummingbot_extended.exchange import endpoints as at
from hummingbot_extended.exchange.endpoints import Domain
from hummingbot_extended.exchange.http import order_not_found


class ConnectorFacts(PerpetualDerivativePyBase):
    """Answers from what its subclass sets before Hummingbot's own constructor runs."""

    _domain: Domain
    _settings: ConnectorSettings
    _auth_keys: ExtendedPerpetualAuth
    _markets: Markets
    _trading_pairs: list[str]
    _trading_required: bool

    @property
    @abstractmethod
    def _identity(self) -> BotIdentity:
        """Who this bot is among those that share its key."""

    @property
    def name(self) -> str:
        """The domain's name: what Hummingbot lists the connector under."""
        return self._domain.name

    @property
    def domain(self) -> str:
        """See `name`."""
        return self._domain.name

    @property
    def authenticator(self) -> ExtendedPerpetualAuth:
        """The keys."""
        return self._auth_keys

    @property
    def rate_limits_rules(self) -> list[RateLimit]:
        """One budget an IP (API reference §1.8), as the account's tier has it."""
        return CONSTANTS.rate_limits(self._settings.requests_per_minute)

    @property
    def client_order_id_max_length(self) -> int:
        """How long an order id may be."""
        return CONSTANTS.MAX_CLIENT_ORDER_ID_LENGTH

    @property
    def client_order_id_prefix(self) -> str:
        """What this bot's order ids begin with."""
        return self._identity.prefix

    @property
    def trading_rules_request_path(self) -> str:
        """Path of the markets."""
        return at.MARKETS.path

    @property
    def trading_pairs_request_path(self) -> str:
        """Path of the markets."""
        return at.MARKETS.path

    @property
    def check_network_request_path(self) -> str:
        """Path of the documented network check: statistics of a market."""
        pair = self._trading_pairs[0] if self._trading_pairs else "BTC-USD"
        return at.MARKET_STATS.url_path(market=self._markets.name_of(pair))

    @property
    def trading_pairs(self) -> list[str]:
        """The pairs in use; Hummingbot adds and removes some while running."""
        return self._trading_pairs

    @property
    def is_cancel_request_in_exchange_synchronous(self) -> bool:
        """No: the account stream tells when an order is cancelled (API reference §3.12)."""
        return False

    @property
    def is_trading_required(self) -> bool:
        """Whether this instance trades."""
        return self._trading_required

    @property
    def funding_fee_poll_interval(self) -> int:
        """Seconds between looks for funding payments; the practice venue may pay by the second."""
        return 5 if self._domain.is_local else 30

    def supported_order_types(self) -> list[OrderType]:
        """LIMIT, LIMIT_MAKER (post-only) and MARKET (IOC); stop orders by `order_entry.Extras`."""
        return list(SUPPORTED_ORDER_TYPES)

    def supported_position_modes(self) -> list[PositionMode]:
        """One-way only: the exchange has one position a market (API reference §3.4)."""
        return [PositionMode.ONEWAY]

    def get_buy_collateral_token(self, trading_pair: str) -> str:
        """The collateral of a pair."""
        return self._collateral(trading_pair)

    def get_sell_collateral_token(self, trading_pair: str) -> str:
        """The collateral of a pair."""
        return self._collateral(trading_pair)

    def _collateral(self, trading_pair: str) -> str:
        rule = self._trading_rules.get(trading_pair)
        return rule.buy_order_collateral_token if rule else CONSTANTS.COLLATERAL

    def _is_request_exception_related_to_time_synchronizer(self, request_exception: Exception) -> bool:
        return False  # no request carries a time that could be refused

    def _is_order_not_found_during_status_update_error(self, status_update_exception: Exception) -> bool:
        return order_not_found(status_update_exception)

    def _is_order_not_found_during_cancelation_error(self, cancelation_exception: Exception) -> bool:
        return order_not_found(cancelation_exception)
