"""From the arguments of Hummingbot's buy and sell to an order of the exchange. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from hummingbot.core.data_type.common import OrderType as HummingbotOrderType
from hummingbot.core.data_type.common import PositionAction

from hummingbot_extended.connector.order_limits import triggered_price
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.enums import (
    ExecutionPriceType,
    OrderType,
    Side,
    TimeInForce,
    TpSlType,
    TriggerDirection,
    TriggerPriceType,
)
from hummingbot_extended.exchange.models import Fees, Market
from hummingbot_extended.exchange.orders import ExitLeg, NewOrder, Trigger
from hummingbot_extended.exchange.rounding import round_price, round_to_multiple

DAY_MS = 86_400_000
SUPPORTED_ORDER_TYPES = (HummingbotOrderType.LIMIT, HummingbotOrderType.LIMIT_MAKER, HummingbotOrderType.MARKET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What `buy` and `sell` of this connector take beside Hummingbot's own arguments, all optional.

    `trigger_price` makes a stop order: with OrderType.MARKET it executes at market, with LIMIT at its price;
    `execution` ("MARKET", "LIMIT") says otherwise. `trigger_price_type` is "LAST", "MARK" (default) or "INDEX",
    `trigger_direction` "UP" or "DOWN" (default: from where the mark is now). `take_profit` and `stop_loss` are an
    `ExitLeg`, a trigger price, or a mapping with ExitLeg's fields; they close what the order opens.
    """

    trigger_price: Decimal | None = None
    trigger_price_type: TriggerPriceType = TriggerPriceType.MARK
    trigger_direction: TriggerDirection | None = None
    execution: ExecutionPriceType | None = None
    take_profit: Any = None
    stop_loss: Any = None

    def is_market(self, order_type: HummingbotOrderType) -> bool:
        """Return whether such an order trades at whatever price there is, within the band."""
        if self.execution is not None:
            return self.execution is ExecutionPriceType.MARKET
        return order_type is HummingbotOrderType.MARKET

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """Return the extras among keyword arguments; others are Hummingbot's. Raises SettingsError on a bad value."""
        trigger = arguments.get("trigger_price")
        execution = arguments.get("execution")
        direction = arguments.get("trigger_direction")
        return cls(
            trigger_price=None if trigger is None else _positive("trigger_price", trigger),
            trigger_price_type=_word(
                TriggerPriceType, "trigger_price_type", arguments.get("trigger_price_type", TriggerPriceType.MARK)
            ),
            trigger_direction=None if direction is None else _word(TriggerDirection, "trigger_direction", direction),
            execution=None if execution is None else _word(ExecutionPriceType, "execution", execution),
            take_profit=arguments.get("take_profit"),
            stop_loss=arguments.get("stop_loss"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One order as Hummingbot wants it, with the market, the prices and the fees of its moment."""

    market: Market
    side: Side
    order_type: HummingbotOrderType
    amount: Decimal
    price: Decimal
    position_action: PositionAction
    extras: Extras = Extras()
    mark: Decimal | None = None

    @property
    def is_market(self) -> bool:
        """Whether it trades at whatever price there is, within the band."""
        return self.extras.is_market(self.order_type)

    @property
    def is_conditional(self) -> bool:
        """Whether it waits for a trigger."""
        return self.extras.trigger_price is not None

    def new_order(
        self,
        client_order_id: str,
        fees: Fees,
        *,
        expiry_ms: int,
        nonce: int,
        builder_id: int | None = None,
        builder_fee_rate: Decimal | None = None,
    ) -> NewOrder:
        """Return the order to sign. Raises SettingsError for arguments that do not go together."""
        is_maker = self.order_type is HummingbotOrderType.LIMIT_MAKER
        take_profit = self._leg("take_profit", self.extras.take_profit)
        stop_loss = self._leg("stop_loss", self.extras.stop_loss)
        return NewOrder(
            market=self.market.name,
            side=self.side,
            qty=self.amount,
            price=self.price,
            # The rate is a maximum: the maker's is right for what can never take (API reference §4.6).
            fee_rate=fees.maker_fee_rate if is_maker else fees.taker_fee_rate,
            expiry_ms=expiry_ms,
            nonce=nonce,
            external_id=client_order_id,
            type=self._type(),
            time_in_force=TimeInForce.IOC if self.is_market and not self.is_conditional else TimeInForce.GTT,
            post_only=is_maker,
            reduce_only=self.position_action is PositionAction.CLOSE,
            builder_id=builder_id,
            builder_fee_rate=builder_fee_rate if builder_id is not None else None,
            trigger=self._trigger(),
            tp_sl_type=TpSlType.ORDER if take_profit or stop_loss else None,
            take_profit=take_profit,
            stop_loss=stop_loss,
        )

    def _type(self) -> OrderType:
        if self.is_conditional:
            return OrderType.CONDITIONAL
        return OrderType.MARKET if self.is_market else OrderType.LIMIT

    def _trigger(self) -> Trigger | None:
        price = self.extras.trigger_price
        if price is None:
            if self.extras.execution is not None:
                raise SettingsError("execution is for orders with a trigger_price")
            return None
        return Trigger(
            price=_nearest(price, self.market),
            price_type=self.extras.trigger_price_type,
            direction=self.extras.trigger_direction or self._direction(price),
            execution=ExecutionPriceType.MARKET if self.is_market else ExecutionPriceType.LIMIT,
        )

    def _direction(self, trigger_price: Decimal) -> TriggerDirection:
        if self.mark is None:
            raise SettingsError("trigger_direction is needed: the mark price is not known now")
        return TriggerDirection.UP if trigger_price > self.mark else TriggerDirection.DOWN

    def _leg(self, name: str, value: Any) -> ExitLeg | None:
        if value is None or isinstance(value, ExitLeg):
            return value
        fields = value if isinstance(value, Mapping) else {"trigger_price": value}
        if unknown := fields.keys() - {"trigger_price", "trigger_price_type", "price", "price_type"}:
            raise SettingsError(f"{name} has no {', '.join(sorted(unknown))}")
        if "trigger_price" not in fields:
            raise SettingsError(f"{name} needs a trigger_price")
        trigger_price = _nearest(_positive(name, fields["trigger_price"]), self.market)
        exit_side, tick, price = self.side.opposite, self.market.trading_config.min_price_change, fields.get("price")
        return ExitLeg(
            trigger_price=trigger_price,
            trigger_price_type=_word(TriggerPriceType, name, fields.get("trigger_price_type", TriggerPriceType.MARK)),
            price=(
                triggered_price(exit_side, self.market, trigger_price)
                if price is None
                else round_price(_positive(name, price), tick, exit_side)
            ),
            price_type=_word(
                ExecutionPriceType, name, fields.get("price_type", "MARKET" if price is None else "LIMIT")
            ),
        )


def expiry_ms(now_ms: int, days: int, max_days: int) -> int:
    """Return when an order sent at `now_ms` expires: after `days`, an hour inside the exchange's maximum."""
    return min(now_ms + days * DAY_MS, now_ms + max_days * DAY_MS - 3_600_000)


def _nearest(price: Decimal, market: Market) -> Decimal:
    return round_to_multiple(price, market.trading_config.min_price_change, "ROUND_HALF_UP")


def _positive(name: str, value: Any) -> Decimal:
    number = Decimal(str(value))
    if not (number.is_finite() and number > 0):
        raise SettingsError(f"{name} must be above 0")
    return number


def _word[Word: (TriggerPriceType, TriggerDirection, ExecutionPriceType)](
    of: type[Word], name: str, value: Any
) -> Word:
    word = of(str(value).upper())
    if word is of.UNKNOWN:
        raise SettingsError(f"{name}: {value!r} is none of {', '.join(set(of.__members__) - {'UNKNOWN'})}")
    return word
