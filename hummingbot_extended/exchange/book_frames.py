"""Order-book frames (API reference §6.2), two forms for two users.

`decode_book` is the hot path: floats, in rows that Hummingbot's OrderBook takes as they are. `decode_exact_book` keeps
Decimals, and the change beside the total, for our own book.

In a DELTA `q` is the change of a level and `c` its resulting size; in a SNAPSHOT `q` is the size, and `c`, usually
absent there, is the same.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange.frames import Frame, frame_value, head_of
from hummingbot_extended.exchange.reading import fast, read

named = msgspec.field

# The bounds keep NaN and infinity out at no cost that can be measured.
_Price = Annotated[float, msgspec.Meta(gt=0, lt=1e18)]
_Size = Annotated[float, msgspec.Meta(gt=0, lt=1e18)]
_Total = Annotated[float, msgspec.Meta(lt=1e18)]


class BookLevel(msgspec.Struct, gc=False):
    """A row for Hummingbot's `OrderBook.apply_diffs` and `apply_snapshot`. An amount of zero or less deletes."""

    update_id: ClassVar[int] = 0  # older and newer are told by the id that the OrderBook is given with the rows
    price: _Price = named(name="p")
    amount: _Total = named(name="c")


class _SnapshotLevel(BookLevel, gc=False, forbid_unknown_fields=True):  # `c` here takes the tolerant way
    amount: _Size = named(name="q")


class _Sides[Row](msgspec.Struct, gc=False):
    market: str = named(name="m", default="")
    bids: list[Row] = named(name="b", default_factory=list)
    asks: list[Row] = named(name="a", default_factory=list)
    depth: str = named(name="d", default="f")


class BookFrame(msgspec.Struct, kw_only=True, gc=False, tag_field="type"):
    """A book's snapshot or delta with rows of floats. `market` is empty for a kind that is not known."""

    is_snapshot: ClassVar[bool] = False
    data: _Sides[BookLevel]
    ts_ms: int = named(name="ts")
    seq: int
    topic: str | None = named(name="subscription", default=None)

    @property
    def market(self) -> str:
        """The market's name."""
        return self.data.market

    @property
    def bids(self) -> list[BookLevel]:
        """Bid rows."""
        return self.data.bids

    @property
    def asks(self) -> list[BookLevel]:
        """Ask rows."""
        return self.data.asks

    @property
    def is_best_only(self) -> bool:
        """Whether this is of a depth=1 stream, whose frames replace best bid and ask and know nothing else."""
        return self.data.depth == "1"


class _Delta(BookFrame, kw_only=True, gc=False, tag="DELTA"):
    pass


class _RpcDelta(BookFrame, kw_only=True, gc=False, tag="ORDERBOOKS.DELTA"):
    pass


class _Snapshot(BookFrame, kw_only=True, gc=False, tag="SNAPSHOT"):
    is_snapshot: ClassVar[bool] = True
    data: _Sides[_SnapshotLevel]  # type: ignore[assignment]  # rows are read, never put in


class _RpcSnapshot(_Snapshot, kw_only=True, gc=False, tag="ORDERBOOKS.SNAPSHOT"):
    pass


_decode: Callable[[bytes | str], BookFrame] = msgspec.json.Decoder(
    _Delta | _Snapshot | _RpcDelta | _RpcSnapshot, strict=False
).decode


def decode_book(raw: bytes | str) -> BookFrame:
    """Return a book frame whose rows Hummingbot's OrderBook applies as they are.

    Raises MalformedMessage, also for a delta without `c`, which floats cannot follow, and ProtocolError for a stream
    error.
    """
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _from_exact(decode_exact_book(raw), raw)


def _from_exact(exact: "ExactBookFrame", raw: bytes | str) -> BookFrame:
    def size(level: ExactLevel) -> Decimal:
        if level.total is None and not exact.is_snapshot:
            raise MalformedMessage("a delta level without its total size", raw)
        return level.change if level.total is None else level.total

    def rows(levels: list[ExactLevel]) -> list[BookLevel]:
        sized = [(level.price, size(level)) for level in levels]
        return [
            BookLevel(float(price), float(amount)) for price, amount in sized if amount > 0 or not exact.is_snapshot
        ]

    sides: Any = _Sides(market=exact.market, bids=rows(exact.bids), asks=rows(exact.asks), depth=exact.depth)
    kind = _Snapshot if exact.is_snapshot else _Delta
    return kind(data=sides, ts_ms=exact.ts_ms, seq=exact.seq, topic=exact.topic)


# --- exact ----------------------------------------------------------------------------------------------------------


class ExactLevel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A level as on the wire: `change` is `q` (the size itself in a snapshot), `total` is `c` where it is there."""

    price: Decimal = named(name="p")
    change: Decimal = named(name="q")
    total: Decimal | None = named(name="c", default=None)


class _ExactSides(msgspec.Struct, frozen=True, gc=False):
    market: str = named(name="m", default="")
    bids: list[ExactLevel] = named(name="b", default_factory=list)
    asks: list[ExactLevel] = named(name="a", default_factory=list)
    depth: str = named(name="d", default="f")


class ExactBookFrame(Frame, frozen=True, kw_only=True, gc=False):
    """A book's snapshot or delta with Decimals. `market` is empty for a kind that is not known."""

    data: _ExactSides

    @property
    def is_snapshot(self) -> bool:
        """Whether this replaces the book."""
        return (self.kind or "").endswith("SNAPSHOT")

    @property
    def market(self) -> str:
        """The market's name."""
        return self.data.market

    @property
    def bids(self) -> list[ExactLevel]:
        """Bid levels."""
        return self.data.bids

    @property
    def asks(self) -> list[ExactLevel]:
        """Ask levels."""
        return self.data.asks

    @property
    def depth(self) -> str:
        """ "f" for a whole book, "1" for best bid and ask only."""
        return self.data.depth


_exact_decoder = msgspec.json.Decoder(ExactBookFrame, strict=False)
_KNOWN_KINDS = ("SNAPSHOT", "DELTA")
_BOUND = Decimal(10**18)


def decode_exact_book(raw: bytes | str) -> ExactBookFrame:
    """Return a book frame with Decimals. Raises MalformedMessage, and ProtocolError for a stream error."""
    frame = fast(_exact_decoder, raw) or _read_exact(raw)
    if not (frame.kind or "").endswith(_KNOWN_KINDS):
        frame = ExactBookFrame(data=_ExactSides(), ts_ms=frame.ts_ms, seq=frame.seq, kind=frame.kind, topic=frame.topic)
    elif not all(0 < level.price < _BOUND for levels in (frame.bids, frame.asks) for level in levels):
        raise MalformedMessage("a level with a price that is none", raw)
    return frame


def _read_exact(raw: bytes | str) -> ExactBookFrame:
    value = frame_value(raw)
    head = head_of(value)
    is_known = (head["kind"] or "").endswith(_KNOWN_KINDS)
    return ExactBookFrame(data=read(value.get("data"), _ExactSides) if is_known else _ExactSides(), **head)
