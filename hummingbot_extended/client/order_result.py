"""What became of a command."""

from dataclasses import dataclass
from enum import Enum

from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.models import Order


class OrderOutcome(Enum):
    """One of three (design §4)."""

    ACCEPTED = "accepted"  # the exchange has it; whether it fills is the order's own story
    REJECTED = "rejected"  # the exchange has no such order, for certain
    UNKNOWN = "unknown"  # not known yet: it is asked for until it is


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResult:
    """The outcome of a command. `order` is its state where it was read, `error` why it is not accepted."""

    outcome: OrderOutcome
    external_id: str
    order_id: int | None = None
    order: Order | None = None
    error: ExtendedError | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the exchange has it."""
        return self.outcome is OrderOutcome.ACCEPTED

    @property
    def reason(self) -> str:
        """Why it is not accepted, for people; "" where it is."""
        if self.error is not None:
            return str(self.error)
        if self.order is not None and not self.is_accepted:
            return str(self.order.status_reason or self.order.status)
        return ""
