"""Keys are saved, and the connector or its package is gone or broken: login works, and says what to do.

Every case works on one Hummingbot with keys saved by Hummingbot's own `connect`, and Extended as its rate source.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from test.install.hummingbots import PASSWORD, Environment, make_environment, make_root

NAME = "extended_perpetual_local"
STARK_KEY = "0x7a7ff6fd3cab02ccdcd4a572563f5976f8976899b03a39773795a3c486d4986"
LOGIN = f"""
from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger
from hummingbot.client.config.config_helpers import get_connector_class, load_client_config_map_from_file
from hummingbot.client.config.security import Security

client = load_client_config_map_from_file()
print("login", Security.login(ETHKeyFileSecretManger({PASSWORD!r})), client.rate_oracle_source.name)
print("keys", sorted(Security.api_keys({NAME!r}).values()))
try:
    get_connector_class({NAME!r})
except ImportError as error:
    print("connector", error)
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> tuple[Environment, Path]:
    """An environment with the package, whose Hummingbot has keys; and a copy of its conf as it was then."""
    folder = tmp_path_factory.mktemp("keyed")
    root = make_root(folder / "root")
    environment = make_environment(folder / "env", wheel, root=root, on_path=True)
    assert environment.extended("install").code == 0
    (root / "conf/conf_client.yml").write_text(yaml.safe_dump({"rate_oracle_source": {"name": NAME}}))
    keys = {f"{NAME}_api_key": " key \n", f"{NAME}_stark_private_key": STARK_KEY[2:].upper()}
    result = environment.hbot("connect", NAME, "--keys-stdin", stdin=json.dumps(keys))
    assert result.code == 0, result.said
    shutil.copytree(root / "conf", folder / "conf")
    return environment, folder / "conf"


@pytest.fixture
def environment(keyed: tuple[Environment, Path]) -> Iterator[Environment]:
    """The same with a fresh connector and conf for each test."""
    environment, conf = keyed
    yield environment
    shutil.rmtree(environment.root / "conf")
    shutil.copytree(conf, environment.root / "conf")
    assert environment.extended("install").code == 0


def test_package_gone_still_logs_in_and_says_what_to_do(environment: Environment) -> None:
    package = environment.site / "hummingbot_extended"
    package.rename(package.with_name("gone"))
    try:
        login = environment.run("-c", LOGIN)
        connect = environment.hbot("connect")
    finally:
        package.with_name("gone").rename(package)
    assert login.out.startswith(f"login True {NAME}"), login.err
    # Hummingbot shows it in the table of connections; 2.16 and 2.17 let it through as it is.
    table = " ".join(line.split("|")[-2].strip() for line in connect.out.splitlines() if line.count("|") > 2)
    for said in (login.out, table or connect.err):
        assert "hummingbot-extended cannot be imported (it is not installed here)" in said
        assert "-m pip install --upgrade hummingbot-extended" in said


@pytest.mark.parametrize("code", ["raise ImportError('half an upgrade')", "def broken(:\n"])
def test_package_broken_still_logs_in_and_says_what_to_do(environment: Environment, tmp_path: Path, code: str) -> None:
    (tmp_path / "hummingbot_extended").mkdir()
    (tmp_path / "hummingbot_extended/__init__.py").write_text(code)
    result = environment.run("-c", LOGIN, PYTHONPATH=f"{environment.root}:{tmp_path}")
    login, keys, connector = result.out.splitlines()
    assert (login, keys) == (f"login True {NAME}", f"keys ['{STARK_KEY}', 'key']"), result.err
    assert "hummingbot-extended cannot be imported" in connector
    assert "pip install --upgrade hummingbot-extended" in connector


def test_connector_gone_is_a_lock_out_that_doctor_names_and_whose_cure_works(environment: Environment) -> None:
    """A recreated container, a `git clean`: without the shim, stock Hummingbot refuses every login."""
    shutil.rmtree(environment.root / "hummingbot/connector/derivative/extended_perpetual")
    assert "KeyError" in environment.run("-c", LOGIN).err

    code, findings = environment.doctor()
    assert (code, findings["shim"][0]["status"]) == (1, "fail")
    keys, rate_source = findings["lock-out"]
    assert f"keys are saved in {environment.root}/conf/connectors/{NAME}.yml" in keys["detail"]
    assert f"names {NAME} as rate_oracle_source" in rate_source["detail"]

    install = keys["cure"].split("   ")[0]
    bin_path = f"{environment.folder}/bin:/usr/bin:/bin"
    script = environment.folder / "bin/hummingbot-extended"
    script.write_text(f"#!{environment.python}\nfrom hummingbot_extended.cli import main\nmain()\n")
    script.chmod(0o755)
    subprocess.run(install, shell=True, check=True, env={"PATH": bin_path}, capture_output=True)
    assert environment.run("-c", LOGIN).out.startswith("login True")


def test_uninstall_moves_keys_aside_so_that_login_works_and_install_says_how_they_come_back(
    environment: Environment,
) -> None:
    result = environment.extended("uninstall")
    backup = environment.root / f"conf/_extended_backup/{NAME}.yml"
    assert (result.code, backup.exists()) == (0, True), result.said
    assert f"put aside: {backup}" in result.out
    assert environment.run("-c", LOGIN).out.splitlines()[:2] == ["login True gate_io", "keys []"]

    said = environment.extended("install").out
    restore = next(line.split(": ", 1)[1] for line in said.splitlines() if "to have them back" in line)
    subprocess.run(restore, shell=True, check=True)
    # The whole of it: login, rate source, keys as cleaned by `connect`, and the connector's class without a complaint.
    (environment.root / "conf/conf_client.yml").write_text(f"rate_oracle_source: {{name: {NAME}}}")
    assert environment.run("-c", LOGIN).out.splitlines() == [f"login True {NAME}", f"keys ['{STARK_KEY}', 'key']"]


def test_doctor_says_which_saved_setting_hummingbot_refuses(environment: Environment) -> None:
    path = environment.root / f"conf/connectors/{NAME}.yml"
    path.write_text(path.read_text().replace("order_expiry_days: 14", "order_expiry_days: 1000\ncolour: red"))
    code, findings = environment.doctor()
    assert code == 1
    assert "order_expiry_days" in findings["saved keys"][0]["detail"]
    assert "0x" not in findings["saved keys"][0]["detail"]

    path.write_text(path.read_text().replace("1000", "30"))
    code, findings = environment.doctor()
    assert (code, findings["saved keys"][0]["status"]) == (0, "warn")
    assert "colour" in findings["saved keys"][0]["detail"]
