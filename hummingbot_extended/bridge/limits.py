"""How much is taken from one client, and how often a key may be wrong. Sans-I/O."""

from collections import OrderedDict

FREE_FAILURES = 5
MAX_WAIT_S = 60.0
MAX_ADDRESSES = 1024


class TokenBucket:
    """At most `per_second` on average, twice that at once."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._capacity = max(1.0, 2 * per_second)
        self._tokens = self._capacity
        self._at_s: float | None = None

    def take(self, now_s: float) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        if self._at_s is not None:
            self._tokens = min(self._capacity, self._tokens + (now_s - self._at_s) * self._per_second)
        self._at_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._per_second


class FailedLogins:
    """Addresses that gave a wrong key: after five in a row each has to wait, longer with each further one."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """Return the seconds until an address may try again."""
        _, until_s = self._failures.get(address, (0, 0.0))
        return max(0.0, until_s - now_s)

    def failed(self, address: str, now_s: float) -> None:
        """Count a wrong key."""
        count = self._failures.get(address, (0, 0.0))[0] + 1
        beyond = count - FREE_FAILURES
        wait_s = min(MAX_WAIT_S, 2.0**beyond) if beyond >= 0 else 0.0
        self._failures[address] = (count, now_s + wait_s)
        self._failures.move_to_end(address)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address."""
        self._failures.pop(address, None)
