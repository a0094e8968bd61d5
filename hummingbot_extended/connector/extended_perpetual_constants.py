"""What the connector fixes for itself: names, limits, intervals. Facts of the exchange are in `exchange.endpoints`."""

from typing import Final

from hummingbot.core.api_throttler.data_types import LinkedLimitWeightPair, RateLimit

from hummingbot_extended.exchange.endpoints import (
    CANCEL_BY_EXTERNAL_ID,
    CANCEL_ORDER,
    DEAD_MANS_SWITCH,
    DOMAIN_NAMES,
    ENDPOINTS,
    LOCAL_NAME,
    MAINNET_NAME,
    MASS_CANCEL,
    TESTNET_NAME,
)

EXCHANGE_NAME: Final = MAINNET_NAME
DEFAULT_DOMAIN: Final = MAINNET_NAME
TESTNET_DOMAIN: Final = TESTNET_NAME
LOCAL_DOMAIN: Final = LOCAL_NAME
DOMAINS: Final = DOMAIN_NAMES

# Every market settles in this; the wire calls it USDC in some documents (API reference §10).
COLLATERAL: Final = "USD"
COLLATERAL_ALIASES: Final = frozenset({"USD", "USDC"})

MAX_CLIENT_ORDER_ID_LENGTH: Final = 36  # inside what is known to work (API reference §4.3)
ORDER_ID_BRAND: Final = "hbx"

# One budget of requests an IP, over all endpoints (API reference §1.8).
REST_POOL: Final = "extended-rest"
RATE_WINDOW_S: Final = 60.0
REQUESTS_PER_MINUTE: Final = {"default": 1_000, "tier1": 4_000, "tier2": 8_000, "tier3": 12_000}
# Share of the budget that only vital requests may use, and which those are: cancels, and opening a stream.
VITAL_RESERVE: Final = 0.1
STREAM_LIMIT_ID: Final = "streams"
VITAL_LIMIT_IDS: Final = frozenset(
    {
        STREAM_LIMIT_ID,
        *(endpoint.limit_id for endpoint in (CANCEL_ORDER, CANCEL_BY_EXTERNAL_ID, MASS_CANCEL, DEAD_MANS_SWITCH)),
    }
)

REQUEST_TIMEOUT_S: Final = 10.0
# An order that the budget of requests holds up for longer is not sent any more: its price is of another time.
ORDER_WAIT_S: Final = 10.0
FUNDING_FEE_POLL_INTERVAL_S: Final = 120

TRANSPORTS: Final = ("auto", "websocket", "sse", "rpc")
ORDERS_AFTER_RESTART: Final = ("cancel", "adopt", "ignore")


def rate_limits(requests_per_minute: int) -> list[RateLimit]:
    """Return Hummingbot's limits: one pool, and every endpoint linked to it under its `limit_id`."""
    pool = RateLimit(limit_id=REST_POOL, limit=requests_per_minute, time_interval=RATE_WINDOW_S)
    linked = [LinkedLimitWeightPair(REST_POOL)]
    return [
        pool,
        *(
            RateLimit(endpoint.limit_id, requests_per_minute, RATE_WINDOW_S, linked_limits=linked)
            for endpoint in ENDPOINTS
        ),
    ]


RATE_LIMITS: Final = rate_limits(REQUESTS_PER_MINUTE["default"])
