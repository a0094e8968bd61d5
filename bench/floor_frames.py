"""As little of a book frame as anybody needs: what the floors of the benchmarks decode."""

import msgspec


class FloorLevel(msgspec.Struct, gc=False):
    """A level: price and resulting size (of a snapshot: its size)."""

    price: float = msgspec.field(name="p")
    amount: float = msgspec.field(name="c", default=0.0)
    size: float = msgspec.field(name="q", default=0.0)


class FloorSides(msgspec.Struct, gc=False):
    """Both sides."""

    bids: list[FloorLevel] = msgspec.field(name="b")
    asks: list[FloorLevel] = msgspec.field(name="a")


class FloorFrame(msgspec.Struct, gc=False):
    """A frame."""

    data: FloorSides
    seq: int


decode_floor = msgspec.json.Decoder(FloorFrame, strict=False).decode
