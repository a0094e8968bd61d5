"""What every perpetual connector of Hummingbot inherits for orders: a minimal one on its real pipeline.

buy() → base class → `_place_order`, which signs with the exchange's SDK → `_api_post` → AsyncThrottler → RESTAssistant.
Only what an order needs is written here, as Hummingbot's connectors write it.
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hummingbot.connector.perpetual_derivative_py_base import PerpetualDerivativePyBase
from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.user_stream_tracker_data_source import UserStreamTrackerDataSource
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory
from x10.config import TESTNET_CONFIG
from x10.core.stark_account import StarkPerpetualAccount
from x10.models.market import MarketModel
from x10.models.order import OrderSide
from x10.signing.order_object import create_order_object

from bench.inherited_books import InheritedDataSource
from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector import extended_perpetual_web_utils as web_utils
from hummingbot_extended.connector.extended_perpetual_auth import ExtendedPerpetualAuth
from hummingbot_extended.exchange.endpoints import LOCAL_NAME, PLACE_ORDER

TAKER_FEE = Decimal("0.00025")


class SdkSigner:
    """Orders as the SDK makes them."""

    def __init__(self, market: dict[str, Any], private_key: str, public_key: str, vault: int) -> None:
        self._market = MarketModel.model_validate(market)
        self._account = StarkPerpetualAccount(vault, private_key, public_key, "bench")

    def body(
        self,
        is_buy: bool,
        qty: Decimal,
        price: Decimal,
        external_id: str,
        *,
        expire_time: datetime | None = None,
        nonce: int | None = None,
    ) -> dict[str, Any]:
        """A signed body, ready for JSON."""
        order = create_order_object(
            account=self._account,
            market=self._market,
            amount_of_synthetic=qty,
            price=price,
            side=OrderSide.BUY if is_buy else OrderSide.SELL,
            starknet_domain=TESTNET_CONFIG.signing.starknet_domain,
            order_external_id=external_id,
            taker_fee=TAKER_FEE,
            expire_time=expire_time or datetime.now(UTC) + timedelta(days=28),
            nonce=nonce,
        )
        return order.to_api_request_json(exclude_none=True)


class NoUserStream(UserStreamTrackerDataSource):
    """Never listened to."""

    async def _connected_websocket_assistant(self) -> Any:
        raise NotImplementedError

    async def _subscribe_channels(self, websocket_assistant: Any) -> None:
        raise NotImplementedError


class InheritedDerivative(PerpetualDerivativePyBase):
    """Places orders, and nothing else."""

    web_utils = web_utils
    name = domain = LOCAL_NAME
    client_order_id_prefix, client_order_id_max_length = "hbx-bench-", CONSTANTS.MAX_CLIENT_ORDER_ID_LENGTH
    is_trading_required = True

    def __init__(self, pair: str, api_key: str, private_key: str, signer: SdkSigner) -> None:
        self._pair, self._signer = pair, signer
        self._keys = ExtendedPerpetualAuth(api_key, private_key)
        super().__init__()

    @property
    def authenticator(self) -> ExtendedPerpetualAuth:
        return self._keys

    @property
    def rate_limits_rules(self) -> list[RateLimit]:
        return CONSTANTS.RATE_LIMITS

    @property
    def trading_pairs(self) -> list[str]:
        return [self._pair]

    def supported_order_types(self) -> list[OrderType]:
        return [OrderType.LIMIT]

    def _create_web_assistants_factory(self) -> WebAssistantsFactory:
        self._throttler = AsyncThrottler(self.rate_limits_rules)
        return WebAssistantsFactory(throttler=self._throttler, auth=self._auth)

    def _create_order_book_data_source(self) -> InheritedDataSource:
        return InheritedDataSource(self.trading_pairs, "", OrderBook)

    def _create_user_stream_data_source(self) -> NoUserStream:
        return NoUserStream()

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
        reply = await self._api_post(
            path_url=PLACE_ORDER.path,
            data=self._signer.body(trade_type is TradeType.BUY, amount, price, order_id),
            is_auth_required=True,
            limit_id=PLACE_ORDER.limit_id,
        )
        return str(reply["data"]["id"]), time.time()


InheritedDerivative.__abstractmethods__ = frozenset()  # the rest is never called here
