"""One market's public trades: each reported once, whatever the stream repeats."""

from collections import deque
from collections.abc import Callable

from hummingbot.core.data_type.common import TradeType
from hummingbot.core.event.events import OrderBookTradeEvent

from hummingbot_extended.errors import SequenceGap
from hummingbot_extended.exchange.channels import decode_trades
from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.exchange.models import PublicTrade

REMEMBERED_IDS = 2_000  # the exchange repeats the last 50 on every connection (API reference §6.3)


class TradeFeed:
    """Turns the trades stream into Hummingbot's trade events, oldest first.

    The first message of the first connection is history: it gives the last price (`on_last_price`) and no events. What
    a later connection repeats is known by id; what it brings that is new was missed while away, and is reported.
    """

    def __init__(
        self,
        trading_pair: str,
        *,
        on_trade: Callable[[OrderBookTradeEvent], None],
        on_last_price: Callable[[float], None],
    ) -> None:
        self.trading_pair = trading_pair
        self.reported = 0
        self._on_trade = on_trade
        self._on_last_price = on_last_price
        self._ids: set[int] = set()
        self._order: deque[int] = deque()
        self._has_history = False
        self._last_seq: int | None = None
        self._is_sequenced = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.trading_pair}: {self.reported} trades reported>"

    def connected(self, *, is_sequenced: bool = True) -> None:
        """A new connection: its sequence starts anew, unless it is not this stream's."""
        self._last_seq = None
        self._is_sequenced = is_sequenced

    def disconnected(self, _reason: str) -> None:
        """The connection is gone; what it already told stays known."""

    def handle(self, message: bytes | str) -> None:
        """Report the trades of one message that are new.

        Raises ProtocolError (a gap, too), upon which the stream reconnects and repeats what was missed.
        """
        frame = decode_trades(message)
        if self._is_sequenced and not self._is_next(frame.seq):
            return
        trades = [trade for trade in frame.trades if self._remember(trade.id)]
        if self._has_history:
            for trade in trades:
                self.reported += 1
                self._on_trade(trade_event(self.trading_pair, trade))
        elif trades:
            self._on_last_price(float(trades[-1].price))
        self._has_history = True

    def _is_next(self, seq: int) -> bool:
        """False for a message that came before; trades out of order may be skipped (API reference §6.1)."""
        last = self._last_seq
        if last is not None and seq <= last:
            return False
        self._last_seq = seq
        if last is not None and seq != last + 1:
            raise SequenceGap(last + 1, seq, f"trades of {self.trading_pair}")
        return True

    def _remember(self, trade_id: int) -> bool:
        if trade_id in self._ids:
            return False
        if len(self._order) >= REMEMBERED_IDS:
            self._ids.discard(self._order.popleft())
        self._ids.add(trade_id)
        self._order.append(trade_id)
        return True


def trade_event(trading_pair: str, trade: PublicTrade) -> OrderBookTradeEvent:
    """Hummingbot's event of a public trade; `type` is the taker's side, the time is in seconds."""
    return OrderBookTradeEvent(
        trading_pair=trading_pair,
        timestamp=trade.time_ms / 1000,
        type=TradeType.BUY if trade.side is Side.BUY else TradeType.SELL,
        price=float(trade.price),
        amount=float(trade.qty),
        trade_id=str(trade.id),
    )
