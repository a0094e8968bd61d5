"""The config maps as Hummingbot uses them: what is asked, what is cleaned, what is refused, what is handed over."""

import importlib
import importlib.util
import json
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from hummingbot_extended import _bootstrap
from hummingbot_extended.connector.settings import IGNORED_FIELDS, ConnectorSettings
from test.install.hummingbots import NAMES

STARK_KEY = "0x7a7ff6fd3cab02ccdcd4a572563f5976f8976899b03a39773795a3c486d4986"


@pytest.fixture(scope="module")
def utils() -> Iterator[ModuleType]:
    _bootstrap.activate()
    from hummingbot.connector.derivative.extended_perpetual import extended_perpetual_utils

    assert not extended_perpetual_utils.REGISTRATION_ERROR
    return extended_perpetual_utils


@pytest.fixture(scope="module")
def settings(utils: ModuleType) -> dict[str, Any]:
    from hummingbot.client.settings import AllConnectorSettings

    return AllConnectorSettings.get_connector_settings()


def make(utils: ModuleType, **fields: object) -> Any:
    keys = {"extended_perpetual_api_key": "key", "extended_perpetual_stark_private_key": STARK_KEY}
    return utils.ExtendedPerpetualConfigMap(**{**keys, **fields})


def test_discovery_lists_the_three_names_with_their_fees_and_pairs(settings: dict[str, Any]) -> None:
    for name in NAMES:
        fees = settings[name].trade_fee_schema
        assert (fees.maker_percent_fee_decimal, fees.taker_percent_fee_decimal) == (Decimal(0), Decimal("0.00025"))
        assert (settings[name].example_pair, settings[name].centralised) == ("BTC-USD", True)
        assert settings[name].class_name() == "ExtendedPerpetualDerivative"


def test_default_fees_are_one_object_a_domain(settings: dict[str, Any]) -> None:
    """Hummingbot writes a user's overrides into them."""
    assert len({id(settings[name].trade_fee_schema) for name in NAMES}) == 3


@pytest.mark.parametrize("name", NAMES)
def test_connect_asks_for_two_secrets_and_nothing_else(settings: dict[str, Any], name: str) -> None:
    from hummingbot.client.config.config_helpers import ClientConfigAdapter

    config = ClientConfigAdapter(settings[name].config_keys)
    asked = {item.attr for item in config.traverse() if item.client_field_data.is_connect_key}
    prompted = {key for key in config.keys() if config.get_client_data(key).prompt_on_new or config.is_required(key)}  # noqa: SIM118
    assert asked == prompted == {f"{name}_api_key", f"{name}_stark_private_key"}
    assert all(config.is_secure(key) for key in asked)


@pytest.mark.parametrize("name", NAMES)
def test_conn_init_parameters_hand_over_parent_keys_domain_and_settings(settings: dict[str, Any], name: str) -> None:
    given = {f"{name}_api_key": "key", f"{name}_stark_private_key": STARK_KEY}
    parameters = settings[name].conn_init_parameters(api_keys=given)
    assert parameters["extended_perpetual_api_key"] == "key"
    assert parameters["extended_perpetual_stark_private_key"] == STARK_KEY
    assert parameters.get("domain", NAMES[0]) == name
    assert parameters["connector_configuration"].connector == name


def test_settings_are_those_that_the_connector_reads(utils: ModuleType) -> None:
    config = make(utils)
    fields = set(utils.ExtendedPerpetualSettings.model_fields) - IGNORED_FIELDS
    assert fields == set(ConnectorSettings.__dataclass_fields__)
    assert ConnectorSettings.read(config, {}) == ConnectorSettings()


def test_changed_settings_reach_the_connector_with_their_types(utils: ModuleType) -> None:
    config = make(
        utils,
        transport="sse",
        rate_limit_tier=2,
        rate_limit_share_pct="50",
        builder_id="7",
        builder_fee_rate="0.0001",
        order_expiry_days="3",
        dead_mans_switch_s=30,
        orders_after_restart="adopt",
        bot_id=42,
    )
    assert ConnectorSettings.read(config, {}) == ConnectorSettings(
        transport="sse",
        rate_limit_tier="tier2",
        rate_limit_share_pct=Decimal(50),
        builder_id=7,
        builder_fee_rate=Decimal("0.0001"),
        order_expiry_days=3,
        dead_mans_switch_s=30,
        orders_after_restart="adopt",
        bot_id="42",
    )


def test_blank_settings_are_the_defaults_and_unknown_ones_are_passed_over(utils: ModuleType) -> None:
    blank = dict.fromkeys(ConnectorSettings.__dataclass_fields__, " ")
    assert ConnectorSettings.read(make(utils, **blank, of_another_version=1), {}) == ConnectorSettings()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transport", "carrier pigeon"), ("rate_limit_tier", "4"), ("rate_limit_share_pct", 0),
        ("rate_limit_share_pct", 101), ("order_expiry_days", 90), ("builder_fee_rate", "0.5"),
        ("dead_mans_switch_s", 9), ("dead_mans_switch_s", -1), ("orders_after_restart", "panic"), ("bot_id", "a b"),
        ("bot_id", "ninechars"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(utils: ModuleType, field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        make(utils, **{field: value})


@pytest.mark.parametrize(
    "pasted", [STARK_KEY, STARK_KEY[2:], f"  {STARK_KEY}\n", STARK_KEY.upper(), SecretStr(STARK_KEY)]
)
def test_stark_key_is_normalised(utils: ModuleType, pasted: object) -> None:
    config = make(utils, extended_perpetual_stark_private_key=pasted)
    assert config.extended_perpetual_stark_private_key.get_secret_value() == STARK_KEY


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("", "is empty"), ("0x", "is empty"), ("0xhello", "must be hexadecimal"), ("0x0", "out of range"),
        ("f" * 64, "out of range"), ("1" * 65, "out of range"),
    ],
)  # fmt: skip
def test_malformed_stark_key_gives_a_sentence_without_the_key(utils: ModuleType, key: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence) as raised:
        make(utils, extended_perpetual_stark_private_key=key)
    assert len(key) < 4 or key not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "sentence"), [(" \n", "is empty"), ("clé", "no API key has"), ("a\x07b", "no API key has")]
)
def test_malformed_api_key_gives_a_sentence(utils: ModuleType, key: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        make(utils, extended_perpetual_api_key=key)


def test_secrets_show_nowhere(utils: ModuleType) -> None:
    config = make(utils, extended_perpetual_api_key="very-secret")
    assert "very-secret" not in repr(config) + str(config)
    assert STARK_KEY not in repr(config) + str(config)


def test_keys_survive_hummingbots_encryption(utils: ModuleType) -> None:
    """A saved file is validated with its secrets still encrypted, then decrypted field by field."""
    from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger

    manager = ETHKeyFileSecretManger("practice")
    encrypted = manager.encrypt_secret_value("extended_perpetual_stark_private_key", STARK_KEY)
    config = make(utils, extended_perpetual_stark_private_key=encrypted)
    assert config.extended_perpetual_stark_private_key.get_secret_value() == encrypted
    config.extended_perpetual_stark_private_key = manager.decrypt_secret_value("", encrypted)
    assert config.extended_perpetual_stark_private_key.get_secret_value() == STARK_KEY


def test_json_schema_can_be_made(utils: ModuleType) -> None:
    """Hummingbot's bridge to other programs asks for it; a field without a prompt would break it."""
    assert "transport" in json.dumps(utils.ExtendedPerpetualConfigMap.model_json_schema())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("derivative", "ExtendedPerpetualDerivative"),
        ("api_order_book_data_source", "ExtendedPerpetualAPIOrderBookDataSource"),
        ("user_stream_data_source", "ExtendedPerpetualUserStreamDataSource"),
        ("auth", "ExtendedPerpetualAuth"),
        ("web_utils", "public_rest_url"),
        ("constants", "DEFAULT_DOMAIN"),
    ],
)
def test_hummingbots_module_names_lead_to_the_package(utils: ModuleType, module: str, name: str) -> None:
    folder = "hummingbot.connector.derivative.extended_perpetual"
    theirs = importlib.import_module(f"{folder}.extended_perpetual_{module}")
    ours = importlib.import_module(f"hummingbot_extended.connector.extended_perpetual_{module}")
    assert getattr(theirs, name) is getattr(ours, name)


def test_registration_that_fails_is_recorded_and_the_keys_still_load(
    utils: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hummingbot.connector.derivative.extended_perpetual import registration

    def register() -> None:
        raise RuntimeError("another release")

    monkeypatch.setattr(registration, "register", register)
    module = importlib.util.module_from_spec(utils.__spec__)
    utils.__spec__.loader.exec_module(module)
    assert module.REGISTRATION_ERROR == "RuntimeError: another release"
    assert module.KEYS.connector == "extended_perpetual"
