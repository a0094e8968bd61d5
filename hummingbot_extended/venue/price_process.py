"""Where a simulated market's price goes (sans-I/O): a fair value around an anchor, index and mark around it.

The fair value is an Ornstein-Uhlenbeck process in log price, so a market stays near the price it started from however
long the venue runs. Floats are right here: this is weather, not money; prices become Decimals when they are quoted.
"""

import math
import random
from dataclasses import dataclass

BASIS_POINT = 1e-4


@dataclass(frozen=True, slots=True)
class Climate:
    """How a market's fair value moves."""

    volatility_bp: float = 3.0  # standard deviation of the log price over one second
    pull_per_s: float = 1 / 120  # strength of the way back to the anchor: with 3 bp a stationary deviation of 23 bp
    basis_bp: float = 1.5  # typical distance of the index from the fair value
    mark_memory_s: float = 30.0  # how long the mark price averages the premium of the book over the index


class PriceProcess:
    """The fair value, index and mark price of one market; `step` advances it by `dt_s` seconds of market time."""

    def __init__(self, anchor: float, rng: random.Random, climate: Climate | None = None) -> None:
        self.anchor = anchor
        self._rng = rng
        self._climate = climate or Climate()
        self._deviation = 0.0
        self._basis = 0.0
        self._premium = 0.0
        self.fair = anchor
        self.index = anchor
        self.mark = anchor

    def step(self, dt_s: float, mid: float | None) -> None:
        """Advance by `dt_s`; `mid` is the middle of the book, None when a side is empty."""
        climate = self._climate
        root = math.sqrt(dt_s)
        self._deviation += self._rng.gauss(0, climate.volatility_bp * BASIS_POINT) * root
        self._deviation -= self._deviation * min(1.0, climate.pull_per_s * dt_s)
        self._basis += self._rng.gauss(0, climate.basis_bp * BASIS_POINT / 5) * root - self._basis * min(
            1.0, 0.02 * dt_s
        )
        self.fair = self.anchor * math.exp(self._deviation)
        self.index = self.fair * math.exp(self._basis)
        weight = min(1.0, dt_s / climate.mark_memory_s)
        self._premium += ((mid if mid is not None else self.fair) - self.index - self._premium) * weight
        self.mark = self.index + self._premium

    def jump(self, price: float) -> None:
        """Move the anchor, and with it everything, to `price` at once."""
        self.anchor = self.fair = self.index = self.mark = price
        self._deviation = self._basis = self._premium = 0.0
