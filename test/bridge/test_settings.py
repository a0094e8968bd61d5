"""Settings, keys and the files of `bridge init`: what is refused, and with which sentence."""

import stat
from decimal import Decimal
from ipaddress import ip_network

import pytest
import yaml

from hummingbot_extended.bridge.config_files import BridgeFiles, parse_markets
from hummingbot_extended.bridge.settings import KEY_VARIABLE, AccessKey, BridgeSettings, load_keys
from hummingbot_extended.errors import SettingsError

SECRET = "s" * 32
KEYS = (AccessKey(name="k", secret=SECRET),)


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keys": ()}, "bridge init"),
        ({"keys": (*KEYS, AccessKey(name=KEYS[0].name, secret="o" * 40))}, "two keys have the same name"),
        ({"keys": (*KEYS, AccessKey(name="other", secret=KEYS[0].secret))}, "two keys have the same secret"),
        ({"port": 70000}, "the port must be"),
        ({"on_stop": "sell"}, "on_stop must be one of"),
        ({"tls_certificate": "x"}, "TLS needs both"),
        ({"host": "0.0.0.0"}, "can be reached from other machines"),
        ({"host": "0.0.0.0", "expose": True}, "can be reached from other machines"),
        ({"host": "example.com"}, "can be reached from other machines"),
    ],
)
def test_bad_setting_is_refused(change, says):
    with pytest.raises(SettingsError, match=says):
        BridgeSettings(**{"keys": KEYS, **change})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_loopback_needs_no_tls(host):
    assert BridgeSettings(keys=KEYS, host=host).is_loopback


def test_secret_is_in_no_repr():
    assert SECRET not in repr(BridgeSettings(keys=KEYS))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"name": "a", "key": "short"}, "at least 32 characters"),
        ({"name": "a"}, "at least 32 characters"),
        ({"name": "a", "key": SECRET, "readonly": True}, "unknown settings: readonly"),
        ({"name": "a", "key": SECRET, "read_only": "yes"}, "read_only must be"),
        ({"name": "a", "key": SECRET, "max_order_notional": "much"}, "cannot be read"),
        ({"name": "a", "key": SECRET, "max_order_notional": float("nan")}, "a number above 0"),
        ({"name": "a", "key": SECRET, "max_order_notional": -1}, "a number above 0"),
        ({"name": "a", "key": SECRET, "pairs": None}, "no value for pairs"),
        ({"name": "a", "key": SECRET, "addresses": ["here"]}, "cannot be read"),
    ],
)
def test_bad_key_is_refused_without_showing_it(entry, says):
    with pytest.raises(SettingsError, match=says) as caught:
        AccessKey.read(entry)
    assert SECRET not in str(caught.value)


def test_key_file_is_read_with_its_restrictions(tmp_path, monkeypatch):
    path = tmp_path / "keys.yml"
    entry = {
        "name": "a",
        "key": SECRET,
        "read_only": True,
        "exchanges": "binance",
        "pairs": ["A-B"],
        "max_order_notional": 5,
        "addresses": ["127.0.0.1/32"],
    }
    path.write_text(yaml.safe_dump({"keys": [entry]}))
    with pytest.raises(SettingsError, match="chmod 600"):
        load_keys(path)
    path.chmod(0o600)
    monkeypatch.setenv(KEY_VARIABLE, "e" * 32)
    environment, key = load_keys(path)
    assert environment.name == "environment"
    assert key == AccessKey(
        name="a",
        secret=SECRET,
        read_only=True,
        exchanges=frozenset({"binance"}),
        pairs=frozenset({"A-B"}),
        max_order_notional=Decimal(5),
        addresses=(ip_network("127.0.0.1/32"),),
    )
    assert key.may_use("binance")
    assert key.may_use("binance", "A-B")
    assert not key.may_use("binance", "C-D")
    assert not key.may_use("kucoin")
    assert key.may_come_from("127.0.0.1")
    assert not key.may_come_from("10.0.0.1")


@pytest.mark.parametrize("text", ["keys: {", "keys: 5", "[]", "keys: [text]"])
def test_key_file_that_cannot_be_understood_is_refused(tmp_path, text):
    path = tmp_path / "keys.yml"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_keys(path)


def test_no_keys_anywhere(tmp_path):
    assert load_keys(tmp_path / "none.yml") == ()


def test_init_writes_a_key_that_only_the_user_reads_and_keeps_it(tmp_path):
    (tmp_path / "conf").mkdir()
    files = BridgeFiles(tmp_path)
    assert files.read() == {}
    written = files.write({"extended_perpetual": ["BTC-USD"]}, 15889)
    assert set(written) == {files.configuration, files.script, files.keys}
    assert stat.S_IMODE(files.keys.stat().st_mode) == 0o600
    (key,) = load_keys(files.keys)
    assert len(key.secret) >= 32
    assert files.keys not in files.write({"extended_perpetual": ["ETH-USD"]}, 15889)
    assert load_keys(files.keys) == (key,)
    stored = files.read()
    assert (stored["markets"], stored["port"]) == ({"extended_perpetual": ["ETH-USD"]}, 15889)
    files.configuration.write_text(files.configuration.read_text() + "tls_certificate: mine.pem\n")
    files.write(None, 15890)
    kept = {**stored, "port": 15890, "tls_certificate": "mine.pem"}
    assert files.read() == kept
    for text, says in (("{", "is not YAML"), ("5", "must hold settings")):
        files.configuration.write_text(text)
        with pytest.raises(SettingsError, match=says):
            files.read()


def test_markets_are_parsed():
    assert parse_markets(["a:B-C, D-E", "a:B-C,F-G", "x:Y-Z"]) == {"a": ["B-C", "D-E", "F-G"], "x": ["Y-Z"]}
    for wrong in ("a", "a:", ":B-C", "a:BC"):
        with pytest.raises(SettingsError, match="a market looks like"):
            parse_markets([wrong])
