"""Stream frames, v1 and v2, as typed objects (API reference §6). Books are in `book_frames.py`.

Every frame has `ts_ms` (the server's time), `seq` (per connection), `kind` (the wire's `type`, or None) and `topic`
(v2 only). Decoding has a fast way, typed by msgspec, and a tolerant one for what the fast way refuses: nulls, other
spellings, one bad record among good ones. All decoders raise MalformedMessage for what is no frame and ProtocolError
for a frame that reports a stream error; both mean: reconnect.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from hummingbot_extended.errors import MalformedMessage, ProtocolError
from hummingbot_extended.exchange.enums import AccountEvent, PriceType
from hummingbot_extended.exchange.models import (
    AccountTrade,
    Balance,
    Candle,
    FundingRate,
    Order,
    Position,
    PublicTrade,
    SpotBalance,
)
from hummingbot_extended.exchange.reading import BadRecord, Model, Records, fast, parse, read, read_records

named = msgspec.field


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all frames have. `bad` are the records of this frame that could not be read."""

    ts_ms: int = named(name="ts")
    seq: int
    kind: str | None = named(name="type", default=None)
    topic: str | None = named(name="subscription", default=None)
    bad: tuple[BadRecord, ...] = ()


class OtherFrame(Frame, frozen=True, kw_only=True, gc=False):
    """A frame of a kind that is not known: check its `seq`, count it, and go on."""


class TradesFrame(Frame, frozen=True, kw_only=True, gc=False):
    """Public trades. Recent ones come again after each connect: tell them by id."""

    trades: list[PublicTrade] = named(name="data")


class FundingFrame(Frame, frozen=True, kw_only=True, gc=False):
    """The current funding rate of a market (pushed between the hours too, §6.4)."""

    funding: FundingRate = named(name="data")


class Price(Model, frozen=True, kw_only=True, gc=False):
    """A mark or index price. Its own `ts` is 0 on the wire: take the frame's `ts_ms`."""

    market: str = named(name="m")
    price: Decimal = named(name="p")


class PriceFrame(Frame, frozen=True, kw_only=True, gc=False):
    """A mark or index price of a market."""

    price: Price = named(name="data")

    @property
    def price_type(self) -> PriceType | None:
        """Which price it is ("MP", "IP", with "PRICES." before it in v2); None when the frame does not say."""
        return _PRICE_TYPES.get((self.kind or "").rpartition(".")[2])


_PRICE_TYPES = {"MP": PriceType.MARK, "IP": PriceType.INDEX}


class CandleFrame(Frame, frozen=True, kw_only=True, gc=False):
    """The running candle; one is final when a later one comes. The market is the path's."""

    candles: list[Candle] = named(name="data")


class AccountFrame(Frame, frozen=True, kw_only=True):
    """News of the account. `event` names the part that is set; OTHER is what this program does not read.

    `is_snapshot` frames come first after each connect, one an event. An empty ORDERS snapshot does not mean that all
    orders are gone. A bad record is in `bad`, never raised.
    """

    event: AccountEvent
    is_snapshot: bool = False
    orders: list[Order] = []
    trades: list[AccountTrade] = []
    positions: list[Position] = []
    balance: Balance | None = None
    spot_balances: list[SpotBalance] = []


# --- decoding -------------------------------------------------------------------------------------------------------

_trades_decoder = msgspec.json.Decoder(TradesFrame, strict=False)
_funding_decoder = msgspec.json.Decoder(FundingFrame, strict=False)
_price_decoder = msgspec.json.Decoder(PriceFrame, strict=False)
_candles_decoder = msgspec.json.Decoder(CandleFrame, strict=False)


def decode_trades(raw: bytes | str) -> TradesFrame:
    """Return a frame of public trades."""
    return _decode(_trades_decoder, raw, lambda data: _listed(data, PublicTrade, "trades"))


def decode_funding(raw: bytes | str) -> FundingFrame:
    """Return a frame with a funding rate."""
    return _decode(_funding_decoder, raw, lambda data: {"funding": read(data, FundingRate)})


def decode_price(raw: bytes | str) -> PriceFrame:
    """Return a frame with a mark or index price."""
    return _decode(_price_decoder, raw, lambda data: {"price": read(data, Price)})


def decode_candles(raw: bytes | str) -> CandleFrame:
    """Return a frame with candles."""
    return _decode(_candles_decoder, raw, lambda data: _listed(data, Candle, "candles"))


def decode_account(raw: bytes | str) -> AccountFrame:
    """Return a frame of the account, told by its payload's key and not by its type (API reference §6.7)."""
    value = frame_value(raw)
    data = value.get("data")
    payload = {key: part for key, part in (data if isinstance(data, dict) else {}).items() if part is not None}
    event = next((event for event in AccountEvent if event.value in payload), AccountEvent.OTHER)
    orders = read_records(payload.get("orders"), Order)
    trades = read_records(payload.get("trades"), AccountTrade)
    positions = read_records(payload.get("positions"), Position)
    balances = read_records(payload.get("balance"), Balance)
    spot_balances = read_records(payload.get("spotBalances"), SpotBalance)
    return AccountFrame(
        event=event,
        is_snapshot=payload.get("isSnapshot") is True,
        orders=orders,
        trades=trades,
        positions=positions,
        balance=balances[0] if balances else None,
        spot_balances=spot_balances,
        bad=orders.bad + trades.bad + positions.bad + balances.bad + spot_balances.bad,
        **head_of(value),
    )


def _decode[F: Frame](
    decoder: msgspec.json.Decoder[F], raw: bytes | str, read_data: Callable[[Any], dict[str, Any]]
) -> F:
    frame = fast(decoder, raw)
    if frame is None:
        value = frame_value(raw)
        frame = decoder.type(**read_data(value.get("data")), **head_of(value))
    return frame


def _listed(data: Any, model: type[Model], name: str) -> dict[str, Any]:
    records: Records[Any] = read_records(data, model)
    return {name: records, "bad": records.bad}


def frame_value(raw: bytes | str) -> dict[str, Any]:
    """Return a frame's JSON object. Raises MalformedMessage, and ProtocolError when it reports a stream error."""
    value = parse(raw)
    if not isinstance(value, dict):
        raise MalformedMessage("not a frame", raw)
    if value.get("error") is not None:
        raise ProtocolError(f"the stream reports an error: {value['error']!s:.200}")
    return value


def head_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that every frame has, to build one. Raises MalformedMessage when `ts` or `seq` is missing."""
    head = read({name: value.get(name) for name in ("ts", "seq", "type", "subscription")}, OtherFrame)
    return {"ts_ms": head.ts_ms, "seq": head.seq, "kind": head.kind, "topic": head.topic}
