"""Does this machine's clock agree with the exchange's? Asked only of the networks whose keys are saved."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime

from hummingbot_extended import __version__
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.endpoints import MARKETS, find_domain
from hummingbot_extended.installer.findings import Finding, fail, ok, warn

TIMEOUT_S = 5.0
WARN_S = 5.0
FAIL_S = 60.0
_CURE = "sudo timedatectl set-ntp true"


def check_clock(connectors: Sequence[str], *, offline: bool = False) -> Iterator[Finding]:
    """Yield a finding for each of `connectors`, by the Date header of one public request; one in all when offline."""
    if offline or not connectors:
        yield ok("clock", "not compared (offline)" if offline else "not compared: no network is connected yet")
        return
    for name in connectors:
        yield _compare(name)


def _compare(name: str) -> Finding:
    try:
        url = find_domain(name).rest_url + MARKETS.path
        ahead_s = _seconds_ahead(url)
    except (OSError, ValueError, SettingsError) as error:
        return warn("clock", f"{name} could not be asked ({error})")
    if abs(ahead_s) < WARN_S:
        return ok("clock", f"agrees with {name} within {WARN_S:g} s")
    off = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} {name}"
    return fail("clock", off, _CURE) if abs(ahead_s) >= FAIL_S else warn("clock", off, _CURE)


def _seconds_ahead(url: str) -> float:
    """Return by how much this clock is ahead of the server's, to about a second. Raises OSError, ValueError."""
    request = urllib.request.Request(url, headers={"User-Agent": f"hummingbot-extended/{__version__}"})  # noqa: S310
    started = time.time()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - http(s) by find_domain
            date = response.headers["Date"]
    except urllib.error.HTTPError as error:  # an error page has a date as well
        date = error.headers["Date"]
        error.close()
    middle = (started + time.time()) / 2
    if not date:
        raise ValueError("its reply has no Date")
    return middle - parsedate_to_datetime(date).timestamp() - 0.5
