"""Every order the bridge knows of, whoever created it: one record each, changed in one place, told to who listens."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from hummingbot_extended.bridge.journal import Journal, OrderRow
from hummingbot_extended.gateway.enums import OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.errors import ErrorCode
from hummingbot_extended.gateway.order_state import OrderState
from hummingbot_extended.gateway.protocol import plain

logger = logging.getLogger(__name__)

ARMED, TRIGGERED = "armed", "triggered"
ON_EXCHANGE, ON_BRIDGE = "exchange", "bridge"


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """One order. `order_id` is Hummingbot's, or the bridge's own for a stop order that the bridge holds.

    Such an order becomes a real one, `child_id`, when it is triggered. `owner` is the key that created it, None for
    orders of a strategy or an earlier Hummingbot; `session_id` the client's session.
    """

    exchange: str
    market: str
    order_id: str
    side: OrderSide
    order_type: OrderType
    amount: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    post_only: bool = False
    reduce_only: bool = False
    client_ref: str | None = None
    owner: str | None = None
    session_id: str | None = None
    created_s: float = 0.0
    updated_s: float = 0.0
    exchange_order_id: str | None = None
    child_id: str | None = None
    trigger: str | None = None
    held_by: str | None = None
    reason: str | None = None
    error_code: ErrorCode | None = None
    filled_quote: Decimal = Decimal(0)
    asked: dict[str, Any] = field(default_factory=dict)  # the request, to recognise its repetition
    state: OrderState = field(default_factory=OrderState)

    @property
    def is_closed(self) -> bool:
        """Whether nothing but late fills is to come."""
        return self.state.status.is_closed

    @property
    def connector_id(self) -> str:
        """The id under which Hummingbot's connector knows the order."""
        return self.child_id or self.order_id

    def to_wire(self) -> dict[str, Any]:
        """Return the order as clients see it: amounts as texts, times in epoch seconds."""
        state = self.state
        wire: dict[str, Any] = {
            "order_id": self.order_id,
            "exchange_order_id": self.exchange_order_id,
            "client_ref": self.client_ref,
            "symbol": self.market,
            "exchange": self.exchange,
            "price": _text(self.price),
            "amount": plain(self.amount),
            "filled": plain(state.filled),
            "average_price": _text(self.filled_quote / state.filled if state.fills and state.filled else None),
            "side": self.side.value,
            "type": self.order_type.value,
            "order_type": self.order_type.value,
            "status": state.status.value,
            "acknowledged": state.acknowledged,
            "cancel_requested": state.cancel_requested,
            "post_only": self.post_only,
            "reduce_only": self.reduce_only,
            "created_at": self.created_s,
            "timestamp": self.updated_s,
        }
        if self.order_type.has_stop_price:
            wire |= {"stop_price": _text(self.stop_price), "trigger": self.trigger, "held_by": self.held_by}
        if state.status is OrderStatus.FILLED:
            wire["filled_at"] = self.updated_s
        if self.reason is not None:
            wire["reason"] = self.reason
        if self.error_code is not None:
            wire["code"] = self.error_code.value
        return wire


class Registry:
    """The orders by id, the open ones in memory, all of them in the journal.

    `on_change(record)` is called after every change that clients are to learn of. All calls come from the event loop
    and none of them waits, but for `wait`.
    """

    def __init__(self, journal: Journal, on_change: Callable[[OrderRecord], None]) -> None:
        self._journal = journal
        self._on_change = on_change
        self._open: dict[tuple[str, str], OrderRecord] = {}
        self._children: dict[tuple[str, str], str] = {}
        self._pulses: dict[tuple[str, str], asyncio.Event] = {}
        self._unsaved: dict[tuple[str, str], OrderRecord] = {}
        for record in readable_records(journal.open_orders()):
            self._index(record)

    def __repr__(self) -> str:
        return f"<Registry {len(self._open)} open orders>"

    def open_orders(self, exchange: str | None = None, market: str | None = None) -> list[OrderRecord]:
        """Return the open orders, all or those of an exchange or a market, the oldest first."""
        return [
            record
            for record in self._open.values()
            if (exchange is None or record.exchange == exchange) and (market is None or record.market == market)
        ]

    def save(self) -> bool:
        """Write what the journal did not take (its disk was full, say); return whether all is in it now."""
        for record in list(self._unsaved.values()):
            self._save(record)
        return not self._unsaved

    def find(self, exchange: str, order_id: str) -> OrderRecord | None:
        """Return an order by its id, or by the id of the order it became."""
        order_id = self._children.get((exchange, order_id), order_id)
        key = (exchange, order_id)
        if record := self._open.get(key) or self._unsaved.get(key):
            return record
        text = self._journal.order(exchange, order_id)
        return None if text is None else next(readable_records([text]), None)

    def find_ref(self, owner: str, client_ref: str) -> OrderRecord | None:
        """Return the order that a key's `client_ref` names."""
        for record in self._unsaved.values():
            if (record.owner, record.client_ref) == (owner, client_ref):
                return record
        text = self._journal.order_of_ref(owner, client_ref)
        if text is None:
            return None
        record = read_record(text)
        return self._open.get((record.exchange, record.order_id), record)

    def add(self, record: OrderRecord) -> None:
        """Take in a new order. It is in the journal when this returns."""
        record.created_s = record.created_s or time.time()
        record.updated_s = record.updated_s or record.created_s
        record.state.amount = record.amount
        self._index(record)
        self._save(record)

    def change(self, record: OrderRecord, **fields: Any) -> None:
        """Set plain fields of a record (`price`, `child_id`, `trigger` …) and tell of it."""
        for name, value in fields.items():
            setattr(record, name, value)
        self._changed(record)

    def observe(self, record: OrderRecord, status: OrderStatus, **facts: Any) -> bool:
        """Take in a report of an order (see `OrderState.observe`); return whether it was news, which is told."""
        is_news = record.state.observe(status, **facts)
        if is_news:
            self._changed(record)
        return is_news

    def fill(self, record: OrderRecord, trade_id: str, amount: Decimal, price: Decimal) -> bool:
        """Take in a fill; return whether it is new. The caller tells of the fill first, then calls `tell`."""
        if not record.state.fill(trade_id, amount):
            return False
        record.filled_quote += amount * price
        if record.trigger == ARMED:
            record.trigger, record.state.triggered = TRIGGERED, True
        return True

    def triggered(self, record: OrderRecord) -> None:
        """Take in, and tell, that the price a stop order waits for has come."""
        record.trigger = TRIGGERED
        self.observe(record, record.state.status, triggered=True)

    def tell(self, record: OrderRecord) -> None:
        """Write a record that was changed, and tell of it."""
        self._changed(record)

    async def wait(self, record: OrderRecord, until: Callable[[OrderRecord], bool], timeout_s: float) -> bool:
        """Wait until a record is as wanted; False when it is not within `timeout_s`."""
        key = (record.exchange, record.order_id)
        try:
            async with asyncio.timeout(timeout_s):
                while not until(record):
                    await self._pulses.setdefault(key, asyncio.Event()).wait()
        except TimeoutError:
            return False
        return True

    def _index(self, record: OrderRecord) -> None:
        self._open[record.exchange, record.order_id] = record
        if record.child_id is not None:
            self._children[record.exchange, record.child_id] = record.order_id

    def _changed(self, record: OrderRecord) -> None:
        record.updated_s = time.time()
        key = (record.exchange, record.order_id)
        if record.is_closed:
            self._open.pop(key, None)
        elif record.child_id is not None:
            self._children[record.exchange, record.child_id] = record.order_id
        self._save(record)
        if (pulse := self._pulses.pop(key, None)) is not None:
            pulse.set()
        self._on_change(record)

    def _save(self, record: OrderRecord) -> None:
        """Write a record. Where the journal does not take it, memory keeps it: waiters and clients are told on."""
        key = (record.exchange, record.order_id)
        try:
            self._journal.save_order(_row(record))
        except sqlite3.OperationalError as error:
            if not self._unsaved:
                logger.error("The bridge's journal takes nothing (%s): no new orders until it does.", error)  # noqa: TRY400
            self._unsaved[key] = record
        else:
            self._unsaved.pop(key, None)


def _row(record: OrderRecord) -> OrderRow:
    return OrderRow(
        record.exchange,
        record.order_id,
        record.market,
        record.owner,
        record.client_ref,
        record.state.status.value,
        record.is_closed,
        record.created_s,
        record.updated_s,
        msgspec.json.encode(record).decode(),
    )


def read_record(text: str) -> OrderRecord:
    """Return the record that the journal holds as `text`."""
    return msgspec.json.decode(text, type=OrderRecord)


def readable_records(texts: Iterable[str]) -> Iterator[OrderRecord]:
    """Return the records that can be read; one that cannot (of another version, say) is logged and left out."""
    for text in texts:
        try:
            yield read_record(text)
        except msgspec.MsgspecError:
            logger.exception("An order in the bridge's journal cannot be read; look at the exchange: %s", text)


def _text(number: Decimal | None) -> str | None:
    return None if number is None or not number.is_finite() else plain(number)
