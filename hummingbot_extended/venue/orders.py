"""An order as it is asked for (`OrderRequest`) and as it is kept (`Order`): frozen; a change is a new record."""

from decimal import Decimal

from msgspec import Struct

from hummingbot_extended.venue.enums import (
    Direction,
    ExecutionType,
    OrderStatus,
    OrderType,
    PriceSource,
    SelfTradeProtection,
    Side,
    StatusReason,
    TimeInForce,
    TpSlType,
)

ZERO = Decimal(0)


class Settlement(Struct, frozen=True, kw_only=True):
    """The signed part of an order or of a TP/SL leg: Stark signature, signer's key and vault (API reference §4.2)."""

    r: int
    s: int
    stark_key: int
    vault: int


class Trigger(Struct, frozen=True, kw_only=True):
    """When a conditional order goes to the book, and how."""

    price: Decimal
    source: PriceSource
    direction: Direction
    execution: ExecutionType


class Leg(Struct, frozen=True, kw_only=True):
    """A take-profit or stop-loss of an order. `price` is the worst price accepted once the trigger price is reached."""

    trigger_price: Decimal
    source: PriceSource
    price: Decimal
    execution: ExecutionType
    settlement: Settlement | None = None


class OrderRequest(Struct, frozen=True, kw_only=True):
    """The body of `POST /user/order`, parsed (API reference §4.2). Times in ms; the fees are fractions.

    What is missing in the body is None here, where the exchange has a rule for missing: `price` (1130),
    `self_trade_protection` (silently nothing), `settlement` (only TPSL orders go without).
    """

    external_id: str
    market: str
    type: OrderType
    side: Side
    qty: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    expire_ms: int
    fee_rate: Decimal
    nonce: int
    self_trade_protection: SelfTradeProtection | None
    settlement: Settlement | None
    reduce_only: bool = False
    post_only: bool = False
    cancel_id: str | None = None
    trigger: Trigger | None = None
    tp_sl_type: TpSlType | None = None
    take_profit: Leg | None = None
    stop_loss: Leg | None = None
    builder_fee: Decimal = ZERO
    builder_id: int | None = None
    is_rfq: bool = False  # sent to the RFQ endpoint


class OrderReceipt(Struct, frozen=True):
    """The answer to an order that was received: not yet in the book, perhaps never."""

    id: int
    external_id: str


class Order(Struct, frozen=True, kw_only=True):
    """An order as the venue keeps it and shows it (API reference §3.6). Times in ms, sizes in base, values in USD.

    A take-profit or stop-loss is an order of its own (type TPSL, exactly one leg) once its parent fills or a TPSL order
    is accepted; the two legs of one request share the external id, and `sibling_id` names the other one.
    """

    id: int
    account_id: int
    external_id: str
    market: str
    type: OrderType
    side: Side
    status: OrderStatus
    price: Decimal | None
    qty: Decimal
    time_in_force: TimeInForce
    expire_ms: int
    created_ms: int
    updated_ms: int
    self_trade_protection: SelfTradeProtection
    status_reason: StatusReason | None = None
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    cancelled_qty: Decimal = ZERO
    fee_paid: Decimal = ZERO
    reduce_only: bool = False
    post_only: bool = False
    trigger: Trigger | None = None
    tp_sl_type: TpSlType | None = None
    take_profit: Leg | None = None
    stop_loss: Leg | None = None
    builder_fee: Decimal = ZERO
    builder_id: int | None = None
    cancel_id: str | None = None
    prev_order_id: int | None = None
    parent_id: int | None = None
    sibling_id: int | None = None
    order_hash: int | None = None

    @property
    def remaining(self) -> Decimal:
        """Base quantity that may still be filled."""
        return self.qty - self.filled_qty - self.cancelled_qty

    @property
    def limit_price(self) -> Decimal:
        """The worst price of an order that trades; TPSL orders have one once they are triggered."""
        if self.price is None:
            raise ValueError(f"order {self.id} has no price yet")
        return self.price

    @property
    def leg(self) -> Leg | None:
        """The leg of a TPSL order that has exactly one; of others the take-profit first."""
        return self.take_profit or self.stop_loss

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the fills, or None before the first."""
        return self.filled_value / self.filled_qty if self.filled_qty else None

    @property
    def is_untriggered(self) -> bool:
        """Whether the order still waits for its trigger."""
        return self.status is OrderStatus.UNTRIGGERED
