"""The Dockerfile and the files in conf/ say what the code does."""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest
import typer
import yaml
from typer.main import get_command

from hummingbot_extended import _bootstrap
from hummingbot_extended.cli import doctor, install, uninstall
from hummingbot_extended.connector.settings import ConnectorSettings
from test.install.hummingbots import NAMES, PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in joined]  # type: ignore[misc]


def test_dockerfile_copies_what_exists_and_dockerignore_lets_it_through() -> None:
    allowed = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [name for what, text in instructions() if what == "COPY" for name in text.split()[:-1]]
    assert {"setup.py", "hummingbot_extended"} <= set(sources)
    for name in sources:
        assert (PROJECT / name).exists(), name
        assert any(fnmatch(name, pattern) for pattern in allowed), name


def test_dockerfile_pins_no_moving_tag_by_accident_and_ends_in_hummingbots_folder() -> None:
    """The base is an argument with a default; install refuses a release that is not supported."""
    whats = [what for what, _ in instructions()]
    assert whats[:2] == ["ARG", "FROM"]
    assert instructions()[-1] == ("WORKDIR", "/home/hummingbot")
    assert ":latest" not in DOCKERFILE
    assert not re.search(r"\b(sudo|apt-get|curl|wget)\b", DOCKERFILE)


def test_dockerfile_runs_commands_and_options_that_exist() -> None:
    app = typer.Typer()
    for command in (install, uninstall, doctor):
        command.register(app)
    commands = get_command(app).commands  # type: ignore[attr-defined]
    (script,) = (text for what, text in instructions() if what == "RUN")
    words = shlex.split(script)
    ran = []
    for start, word in enumerate(words):
        if word.endswith("bin/hummingbot-extended"):
            arguments = words[start + 2 : words.index("&&", start)]
            known = {option for parameter in commands[words[start + 1]].params for option in parameter.opts}
            assert {argument for argument in arguments if argument.startswith("--")} <= known
            ran.append(words[start + 1])
    assert ran == ["install", "doctor"]


def test_settings_example_has_every_setting_with_its_default() -> None:
    content = yaml.safe_load((PROJECT / "conf/connectors/_extended_perpetual_settings.yml").read_text())
    assert list(content) == list(ConnectorSettings.__dataclass_fields__)
    assert ConnectorSettings.read(None, content) == ConnectorSettings()


def test_no_example_among_the_connectors_is_read_by_hummingbot() -> None:
    """It would take it for saved keys."""
    assert all(path.name.startswith(("_", ".")) for path in (PROJECT / "conf/connectors").iterdir())


def test_fee_override_example_names_keys_of_hummingbots() -> None:
    _bootstrap.activate()
    from hummingbot.client.config.fee_overrides_config_map import fee_overrides_dict

    content = yaml.safe_load((PROJECT / "conf/_conf_fee_overrides_extended.yml").read_text())
    assert content.keys() <= fee_overrides_dict().keys()
    assert {name for name in NAMES if any(key.startswith(name) for key in content)} == set(NAMES)


@pytest.mark.parametrize("command", ["install", "uninstall", "doctor"])
def test_installation_page_names_every_option(command: str) -> None:
    page = (Path(PROJECT) / "docs/installation.md").read_text()
    assert f"hummingbot-extended {command}" in page
    module = {"install": install, "uninstall": uninstall, "doctor": doctor}[command]
    app = typer.Typer()
    module.register(app)
    options = [parameter.opts[0] for parameter in get_command(app).params]
    assert all(option in page for option in options if option.startswith("--") and "completion" not in option)
