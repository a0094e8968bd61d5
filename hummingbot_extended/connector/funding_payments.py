"""Funding payments, each reported once: also those that were paid while the bot was away."""

from collections.abc import Callable, Iterable
from functools import partial

from hummingbot_extended.errors import NotFound
from hummingbot_extended.exchange.models import FundingPayment
from hummingbot_extended.exchange.paging import pages
from hummingbot_extended.exchange.rest import ExtendedRest

# A payment may appear in the history later than it was paid.
OVERLAP_MS = 10 * 60_000
LONGEST_ABSENCE_MS = 24 * 3_600_000
KEPT_IDS = 10_000
SAVED_IDS = 200


class FundingPayments:
    """Finds payments that were not reported yet, by id.

    The first look of a new bot reports nothing: what was paid before is not its own. A bot that was here before tells
    with `restore` until when its payments are reported, and the last of them; then the first look reports what came
    since, up to 24 hours, and what appeared only since.
    `now_ms` is the exchange's time in ms since the epoch.
    """

    def __init__(self, rest: ExtendedRest, now_ms: Callable[[], int]) -> None:
        self._rest = rest
        self._now_ms = now_ms
        self._reported: dict[int, None] = {}  # ids, oldest first
        self._used_timestamps: dict[int, int] = {}  # timestamp → id
        self._restored_ms: int | None = None
        self._looked_until_ms: int | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} until {self._looked_until_ms}, {len(self._reported)} ids kept>"

    @property
    def reported_until_ms(self) -> int | None:
        """Until when everything is reported; what `restore` wants after a restart."""
        return self._looked_until_ms or self._restored_ms

    @property
    def reported_ids(self) -> list[int]:
        """The last payments that are reported; what `restore` wants beside the time."""
        return list(self._reported)[-SAVED_IDS:]

    def restore(self, reported_until_ms: int, reported_ids: Iterable[int] = ()) -> None:
        """Begin where an earlier life of this bot ended. Only before the first look."""
        self._restored_ms = reported_until_ms
        self._reported = dict.fromkeys(reported_ids)

    async def fetch_new(self) -> list[FundingPayment]:
        """Return payments that were not returned before, oldest first. Raises what REST raises, and forgets nothing."""
        began_ms = self._now_ms()
        try:
            found = await self._fetch(self._start_ms(began_ms))
        except NotFound:  # so it is said in places that an account was never paid (API reference §3.8)
            if self.reported_until_ms is not None:
                raise
            found = []
        is_new = self._is_after_restored if self._looked_until_ms is None else self._is_unreported
        new = [payment for payment in found if is_new(payment)]
        for payment in sorted(found, key=_by_id):
            self._reported[payment.id] = None
        self._looked_until_ms = began_ms
        _trim(self._reported)
        _trim(self._used_timestamps)
        return sorted(new, key=_by_id)

    def timestamp_ms(self, payment: FundingPayment) -> int:
        """Return the payment's time, moved by the fewest ms that no other payment has it.

        Hummingbot's database keeps one payment a timestamp (model/funding_payment.py), and the exchange pays all
        markets at once.
        """
        timestamp = payment.paid_time_ms
        while self._used_timestamps.setdefault(timestamp, payment.id) != payment.id:
            timestamp += 1
        return timestamp

    def _start_ms(self, now_ms: int) -> int:
        if self._looked_until_ms is not None:
            return self._looked_until_ms - OVERLAP_MS
        if self._restored_ms is not None:
            return max(self._restored_ms, now_ms - LONGEST_ABSENCE_MS) - OVERLAP_MS
        return now_ms - OVERLAP_MS

    async def _fetch(self, start_time_ms: int) -> list[FundingPayment]:
        fetch = partial(self._rest.funding_payments, start_time_ms=start_time_ms)
        return [payment async for page in pages(fetch) for payment in page]

    def _is_after_restored(self, payment: FundingPayment) -> bool:
        if self._restored_ms is None or payment.id in self._reported:
            return False
        oldest_id = next(iter(self._reported), payment.id)
        return payment.paid_time_ms > self._restored_ms or payment.id > oldest_id

    def _is_unreported(self, payment: FundingPayment) -> bool:
        return payment.id not in self._reported


def _by_id(payment: FundingPayment) -> int:
    return payment.id


def _trim(kept: dict[int, int] | dict[int, None]) -> None:
    while len(kept) > KEPT_IDS:
        del kept[next(iter(kept))]
