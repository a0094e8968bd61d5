"""Tells whether this machine's clock agrees with the exchange's, from the `Date` header of REST replies.

Nothing signed holds a time but the expiry (API reference §9.25), which `ms` corrects.
"""

import logging
import time
from collections.abc import Callable

from hummingbot_extended.exchange.http import RestResponse

TOLERANCE_S = 5.0


class ExchangeClock:
    """Estimates how far this clock is off. Warns once, and once more when it is right again."""

    def __init__(self, now: Callable[[], float] = time.time, *, tolerance_s: float = TOLERANCE_S) -> None:
        self._now = now
        self._tolerance_s = tolerance_s
        self._warned = False
        self.offset_s = 0.0  # exchange's time minus ours; 0 within a second, the header's grain

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.offset_s:+.1f} s>"

    def observe(self, response: RestResponse) -> None:
        """Take the `Date` of a reply that has just come."""
        date = response.date
        if date is None:
            return
        ahead_s = date.timestamp() + 0.5 - self._now()
        self.offset_s = 0.0 if abs(ahead_s) <= 1.5 else ahead_s
        self._report(abs(ahead_s) > self._tolerance_s, ahead_s)

    def ms(self) -> int:
        """Return the exchange's time in ms since the epoch, as far as it is known."""
        return int((self._now() + self.offset_s) * 1000)

    def _report(self, is_off: bool, ahead_s: float) -> None:
        if is_off and not self._warned:
            logging.getLogger(__name__).warning(
                "This machine's clock is %.0f s %s the exchange's. Order expiry is corrected; please set the clock.",
                abs(ahead_s),
                "behind" if ahead_s > 0 else "ahead of",
            )
        elif self._warned and not is_off:
            logging.getLogger(__name__).info("This machine's clock agrees with the exchange's again.")
        self._warned = is_off
