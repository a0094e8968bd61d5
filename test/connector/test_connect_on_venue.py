"""`connect`: an instance that was never started proves its keys by one balance update, or says what is wrong."""

import asyncio
import logging
from decimal import Decimal

import pytest
from aiohttp import web
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from hummingbot_extended.connector import extended_perpetual_derivative as derivative
from hummingbot_extended.connector.credentials import prove_credentials
from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
from hummingbot_extended.errors import ApiError, ConnectFailed, RequestTimedOut, SettingsError
from hummingbot_extended.exchange.endpoints import LOCAL_NAME, LOCAL_URL_ENV, MAINNET, TESTNET, find_domain
from test.connector.running import stage


@pytest.fixture
async def venue():
    async with stage() as running:
        yield running


@pytest.fixture
async def serve(monkeypatch):
    """Start a server with one handler for everything; the local domain is there."""
    runners = []

    async def start(handler):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        monkeypatch.setenv(LOCAL_URL_ENV, url)
        return url

    yield start
    for runner in runners:
        await runner.cleanup()
    await ConnectionsFactory().close()


def connector(api_key="k" * 32, stark_key="0x123"):
    return ExtendedPerpetualDerivative(api_key, stark_key, domain=LOCAL_NAME)


async def test_right_keys_connect_and_show_the_balance(venue):
    instance = venue.connector()
    await instance._update_balances()
    assert instance.get_all_balances() == {"USD": Decimal(10_000)}
    assert instance.available_balances == {"USD": Decimal(10_000)}


async def test_keys_with_blanks_and_without_0x_connect(venue):
    instance = venue.connector(
        extended_perpetual_api_key=f"  {venue.venue.api_key}\n",
        extended_perpetual_stark_private_key=f" {venue.venue.stark_private_key.removeprefix('0x').upper()} ",
    )
    await instance._update_balances()


async def test_account_that_never_had_a_deposit_connects_with_zero(venue):
    keys = await venue.control("POST", "accounts", {"balance": "0"})
    instance = venue.connector(
        extended_perpetual_api_key=keys["api_key"], extended_perpetual_stark_private_key=keys["stark_private_key"]
    )
    await instance._update_balances()
    assert instance.get_all_balances() == {"USD": Decimal(0)}


async def test_collateral_that_a_document_calls_usdc_is_usd(venue):
    await venue.control("PATCH", "variants", {"collateral_name": "USDC"})
    instance = venue.connector()
    await instance._update_balances()
    assert list(instance.get_all_balances()) == ["USD"]


async def test_wrong_api_key_is_told(venue):
    with pytest.raises(SettingsError, match="The API key was refused by the practice venue"):
        await venue.connector(extended_perpetual_api_key="0" * 32)._update_balances()


async def test_stark_key_of_another_account_is_told(venue):
    other = await venue.control("POST", "accounts", {"balance": "1"})
    with pytest.raises(SettingsError, match="The Stark private key is not that of the API key's account"):
        await venue.connector(extended_perpetual_stark_private_key=other["stark_private_key"])._update_balances()


async def test_url_of_another_network_is_told():
    async with stage(chain_id="SN_MAIN") as venue:
        with pytest.raises(SettingsError, match="another network than the practice venue: it signs for SN_MAIN"):
            await venue.connector()._update_balances()


async def test_key_of_the_sibling_network_is_told(venue):
    instance = venue.connector()
    refused = venue.rest("0" * 32)
    with pytest.raises(SettingsError, match="one of the Extended testnet, not of Extended: use 'connect extended_perp"):
        await prove_credentials(
            refused,
            instance._auth_keys,
            MAINNET,
            sibling=TESTNET,
            rest_of=lambda domain: venue.rest(venue.venue.api_key),
        )
    with pytest.raises(SettingsError, match="was refused by Extended: it is wrong, revoked, or of another network"):
        await prove_credentials(refused, instance._auth_keys, MAINNET, sibling=TESTNET, rest_of=lambda domain: refused)
    assert derivative.SIBLINGS == {"extended_perpetual": TESTNET, "extended_perpetual_testnet": MAINNET}


async def test_no_network_is_told(venue, monkeypatch, unused_tcp_port):
    monkeypatch.setenv(LOCAL_URL_ENV, f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ConnectFailed, match=r"does not answer at .* is 'hummingbot-extended venue' running"):
        await connector()._update_balances()
    with pytest.raises(ConnectFailed, match=r"Extended cannot be reached at .*: check the internet connection"):
        await prove_credentials(
            connector()._rest, connector()._auth_keys, MAINNET, rest_of=lambda domain: connector()._rest
        )


async def test_exchange_that_fails_is_told_as_its_own_failure(venue):
    await venue.fault("server_error", value=503)
    with pytest.raises(ApiError, match="HTTP 503"):
        await venue.connector()._update_balances()


async def test_instance_without_keys_reads_the_market_and_refuses_the_account(venue):
    instance = ExtendedPerpetualDerivative("", "", trading_pairs=["BTC-USD"], trading_required=False, domain=LOCAL_NAME)
    assert "BTC-USD" in await instance.all_trading_pairs()
    assert (await instance.get_last_traded_prices(["BTC-USD"]))["BTC-USD"] > 0
    assert {"BTC-USD", "ETH-USD"} <= {each["symbol"] for each in await instance.get_all_pairs_prices()}
    with pytest.raises(SettingsError, match="needs an API key and a Stark private key"):
        await instance._update_balances()


async def test_instance_made_from_a_config_maps_fields_with_empty_values(venue):
    """As MarketDataProvider makes one: every field of the config map is passed, all of them empty."""
    empty = dict.fromkeys(
        [
            "extended_perpetual_api_key",
            "extended_perpetual_stark_private_key",
            "transport",
            "rate_limit_tier",
            "rate_limit_share_pct",
            "order_expiry_days",
            "builder_id",
            "builder_fee_rate",
            "dead_mans_switch_s",
            "orders_after_restart",
            "bot_id",
            "receive_connector_configuration",
        ],
        "",
    )
    instance = ExtendedPerpetualDerivative(**empty, trading_required=False, domain=LOCAL_NAME)
    assert instance._settings == venue.connector(bot_id="")._settings
    assert instance.name == LOCAL_NAME


@pytest.mark.parametrize("keys", [("with blank in it", "0x1"), ("ключ", "0x1"), ("k", "not hex"), ("k", "0x0")])
def test_malformed_keys_are_refused_without_showing_them(keys, venue):
    with pytest.raises(SettingsError) as refused:
        ExtendedPerpetualDerivative(*keys, domain=LOCAL_NAME)
    assert not any(key in str(refused.value) for key in keys if len(key) > 3)


async def test_secrets_are_in_no_repr_no_error_and_no_log(venue, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = (venue.venue.api_key, venue.venue.stark_private_key.removeprefix("0x"))
    async with venue.bot() as bot:
        await bot.until_open(bot.buy("0.01", (await venue.mark()) * Decimal("0.99")))
        texts = [
            repr(bot.connector),
            repr(bot.connector._auth_keys),
            repr(bot.connector._desk),
            repr(bot.connector._rest),
        ]
    with pytest.raises(SettingsError) as wrong:
        await venue.connector(extended_perpetual_stark_private_key="0x1234567890abcdef")._update_balances()
    texts += [str(wrong.value), repr(wrong.value), caplog.text]
    assert not [secret for secret in (*secrets, "1234567890abcdef") for text in texts if secret in text]


async def test_key_does_not_follow_a_redirect(serve):
    asked = []

    async def elsewhere(request):
        asked.append(request)
        return web.json_response({"status": "OK", "data": {}})

    other = await serve(elsewhere)

    async def redirect(request):
        return web.Response(status=307, headers={"Location": other})

    await serve(redirect)
    with pytest.raises(ApiError):
        await connector()._update_balances()
    assert asked == []


async def test_answer_that_does_not_come_is_no_timeout_error(serve, monkeypatch):
    """Hummingbot takes a TimeoutError for "has no exchange id yet" and counts it as order not found."""

    async def never(request):
        await asyncio.sleep(30)

    await serve(never)
    instance = connector()
    instance._rest._send._timeout_s = 0.05
    with pytest.raises(RequestTimedOut) as late:
        await instance._rest.balance()
    assert not isinstance(late.value, TimeoutError)


async def test_each_domain_has_its_name_and_urls():
    for name in ("extended_perpetual", "extended_perpetual_testnet", LOCAL_NAME):
        instance = ExtendedPerpetualDerivative("", "", trading_required=False, domain=name)
        assert instance.name == instance.domain == name
        assert (
            derivative.web_utils.public_rest_url("/info/markets", name) == find_domain(name).rest_url + "/info/markets"
        )
        assert derivative.web_utils.private_rest_url("/user", name).endswith("/user")
