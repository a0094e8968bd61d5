import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange import endpoints as at


def test_url_path_encodes_what_a_url_cannot_hold() -> None:
    assert at.ORDERS_BY_EXTERNAL_ID.url_path(external_id="a/b c?d#é") == "/user/orders/external/a%2Fb%20c%3Fd%23%C3%A9"
    assert at.MARKET_STATS.url_path(market="SPX500m-USD") == "/info/markets/SPX500m-USD/stats"


def test_limit_ids_tell_all_endpoints_apart() -> None:
    assert len({endpoint.limit_id for endpoint in at.ENDPOINTS}) == len(at.ENDPOINTS) > 30
    assert at.CANCEL_ORDER.limit_id == "DELETE /user/order/{order_id}"


def test_only_user_paths_want_the_key() -> None:
    assert all(endpoint.auth == endpoint.path.startswith("/user/") for endpoint in at.ENDPOINTS)


@pytest.mark.parametrize(
    ("name", "rest", "stream", "rpc", "chain", "days"),
    [
        (
            "extended_perpetual",
            "https://api.starknet.extended.exchange/api/v1",
            "wss://api.starknet.extended.exchange/stream.extended.exchange/v1",
            "wss://api.starknet.extended.exchange/stream.extended.exchange/v2/rpc",
            "SN_MAIN",
            90,
        ),
        (
            "extended_perpetual_testnet",
            "https://api.starknet.sepolia.extended.exchange/api/v1",
            "wss://api.starknet.sepolia.extended.exchange/stream.extended.exchange/v1",
            "wss://api.starknet.sepolia.extended.exchange/stream.extended.exchange/v2/rpc",
            "SN_SEPOLIA",
            28,
        ),
        (
            "extended_perpetual_local",
            "http://127.0.0.1:8099/api/v1",
            "ws://127.0.0.1:8099/stream.extended.exchange/v1",
            "ws://127.0.0.1:8099/stream.extended.exchange/v2/rpc",
            "SN_SEPOLIA",
            90,
        ),
    ],
)
def test_find_domain_knows_three(name: str, rest: str, stream: str, rpc: str, chain: str, days: int) -> None:
    domain = at.find_domain(name, {})
    assert (domain.rest_url, domain.stream_url, domain.rpc_url) == (rest, stream, rpc)
    assert (domain.chain_id, domain.max_expiry_days, domain.is_local) == (chain, days, name.endswith("local"))


def test_testnet_has_the_documented_host_as_fallback() -> None:
    fallback = at.TESTNET.stream_fallback_url
    assert fallback == "wss://starknet.sepolia.extended.exchange/stream.extended.exchange/v1"


def test_find_domain_refuses_an_unknown_name() -> None:
    with pytest.raises(SettingsError, match="extended_perpetual_local"):
        at.find_domain("extended_perpetual_moonnet", {})


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000", " http://127.0.0.1:9000/ ", "http://127.0.0.1:9000/api/v1", "http://localhost:9000"],
)
def test_local_domain_takes_the_url_with_or_without_its_path(url: str) -> None:
    domain = at.find_domain("extended_perpetual_local", {"EXTENDED_PERPETUAL_LOCAL_URL": url})
    assert domain.rest_url.endswith(":9000/api/v1")
    assert domain.stream_url.startswith("ws://")


def test_local_domain_is_read_from_the_process_environment_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", "http://127.0.0.1:1234")
    assert at.find_domain("extended_perpetual_local").rest_url == "http://127.0.0.1:1234/api/v1"
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", "http://127.0.0.1:4321")
    assert at.find_domain("extended_perpetual_local").rest_url == "http://127.0.0.1:4321/api/v1"


@pytest.mark.parametrize("url", ["http://192.168.1.5:8099", "http://example.com", "ftp://127.0.0.1", "127.0.0.1:8099"])
def test_local_domain_refuses_other_machines_and_odd_urls(url: str) -> None:
    with pytest.raises(SettingsError):
        at.local_domain(url)


def test_with_relay_moves_public_streams_only_when_the_variable_is_set() -> None:
    assert at.with_relay(at.TESTNET, {}) is at.TESTNET
    relayed = at.with_relay(at.TESTNET, {"EXTENDED_PERPETUAL_STREAM_URL": "http://10.0.0.7:8000/relay/v1/"})
    assert relayed.stream_url == "http://10.0.0.7:8000/relay/v1"
    assert relayed.stream_fallback_url is None
    assert relayed.rest_url == at.TESTNET.rest_url


def test_with_relay_refuses_a_url_of_another_kind() -> None:
    with pytest.raises(SettingsError, match="EXTENDED_PERPETUAL_STREAM_URL"):
        at.with_relay(at.MAINNET, {"EXTENDED_PERPETUAL_STREAM_URL": "relay:8000"})


def test_account_stream_stays_at_the_exchange_unless_asked() -> None:
    relay = {"EXTENDED_PERPETUAL_STREAM_URL": "http://127.0.0.1:8000/v1"}
    assert at.account_stream_domain(at.MAINNET, relay) is at.MAINNET


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "http://[::1]:8000", "wss://relay.example/v1"])
def test_account_stream_goes_to_a_relay_that_may_see_the_key(url: str) -> None:
    environ = {"EXTENDED_PERPETUAL_STREAM_URL": url, "EXTENDED_PERPETUAL_RELAY_ACCOUNT": "1"}
    assert at.account_stream_domain(at.MAINNET, environ).stream_url == url


def test_account_stream_refuses_a_relay_that_would_send_the_key_in_the_clear() -> None:
    environ = {"EXTENDED_PERPETUAL_STREAM_URL": "http://10.0.0.7:8000", "EXTENDED_PERPETUAL_RELAY_ACCOUNT": "1"}
    with pytest.raises(SettingsError, match="API key"):
        at.account_stream_domain(at.MAINNET, environ)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (at.MAINNET.stream_url, True),
        (at.TESTNET.stream_fallback_url, True),
        ("https://extended.exchange/x", True),
        ("https://notextended.exchange/x", False),
        ("http://127.0.0.1/stream.extended.exchange/v1", False),
        ("nonsense", False),
    ],
)
def test_is_exchange_host(url: str, expected: bool) -> None:
    assert at.is_exchange_host(url) is expected
