"""URLs and web assistants, under the names Hummingbot's base classes call (`web_utils`)."""

import time

from hummingbot.core.api_throttler.async_throttler_base import AsyncThrottlerBase
from hummingbot.core.web_assistant.auth import AuthBase
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector.throttler import ExtendedThrottler
from hummingbot_extended.exchange.endpoints import account_stream_domain, find_domain, with_relay


def public_rest_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """Return the full URL of a REST path such as "/info/markets"; the local one is read from the environment."""
    return find_domain(domain).rest_url + path_url


def private_rest_url(path_url: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """Return the full URL of a REST path that wants the API key: the same host as the public ones."""
    return public_rest_url(path_url, domain)


def public_stream_url(path: str, domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """Return the full URL of a public v1 stream path such as "/orderbooks/BTC-USD", at the relay where one is set."""
    return with_relay(find_domain(domain)).stream_url + path


def direct_stream_url(domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """Return the base URL of the exchange's own streams, whatever relay is set."""
    return find_domain(domain).stream_url


def rpc_url(domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """Return the URL of the exchange's v2 socket; a relay has none."""
    return find_domain(domain).rpc_url


def account_stream_url(domain: str = CONSTANTS.DEFAULT_DOMAIN) -> str:
    """Return the URL of the account stream; at a relay only where that may see the API key. Raises SettingsError."""
    return account_stream_domain(find_domain(domain)).stream_url + "/account"


def create_throttler(requests_per_minute: int = CONSTANTS.REQUESTS_PER_MINUTE["default"]) -> ExtendedThrottler:
    """Return a throttler of its own, for a REST consumer that has no connector to share one with."""
    return ExtendedThrottler(CONSTANTS.rate_limits(requests_per_minute))


def build_api_factory(
    throttler: AsyncThrottlerBase | None = None, auth: AuthBase | None = None
) -> WebAssistantsFactory:
    """Return Hummingbot's factory of web assistants on `throttler` (a new one when None)."""
    return WebAssistantsFactory(throttler=throttler or create_throttler(), auth=auth)


async def get_current_server_time(
    throttler: AsyncThrottlerBase | None = None, domain: str = CONSTANTS.DEFAULT_DOMAIN
) -> float:
    """Return the time in ms for Hummingbot's TimeSynchronizer: this machine's.

    The exchange has no time endpoint (API reference §11) and nothing signed holds a time but the expiry, which
    `clock.py` corrects by the `Date` header.
    """
    return time.time() * 1e3
