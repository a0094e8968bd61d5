"""Ids in the exchange's range: 64-bit, far above 2^53, increasing (API reference §1.4)."""

from msgspec import Struct

FIRST_ID = 2_100_000_000_000_000_001


class IdSource(Struct):
    """Gives increasing ids. Neighbours differ by one: whoever passes them through a float mixes them up at once."""

    next_id: int = FIRST_ID

    def take(self) -> int:
        """Return the next id, never given before."""
        taken = self.next_id
        self.next_id += 1
        return taken
