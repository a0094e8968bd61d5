"""The wheel in an environment that has Hummingbot: nothing that is there changes, whatever else Hummingbot needs."""

import importlib.metadata
import re
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from test.install.hummingbots import PROJECT, make_environment


def requirements_of(name: str) -> list[Requirement]:
    """Return what a distribution of this environment needs without extras."""
    lines = importlib.metadata.requires(name) or []
    found = [Requirement(line) for line in lines]
    return [requirement for requirement in found if _applies(requirement)]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def closure(name: str) -> dict[str, str]:
    """Return every distribution that comes with `name`, with its installed version."""
    versions: dict[str, str] = {}
    todo = [canonicalize_name(name)]
    while todo:
        current = todo.pop()
        if current not in versions:
            try:
                versions[current] = importlib.metadata.version(current)
            except importlib.metadata.PackageNotFoundError:
                continue  # for another platform or Python
            todo += [canonicalize_name(requirement.name) for requirement in requirements_of(current)]
    return versions


def runtime_requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    found = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    return [requirement for requirement in found if _applies(requirement)]


def test_requirements_are_met_by_what_comes_with_hummingbot_or_are_new_to_it(wheel: Path) -> None:
    """What is new needs nothing itself, so it cannot move any version either."""
    comes_along = closure("hummingbot")
    new = []
    for requirement in runtime_requirements(wheel):
        name = canonicalize_name(requirement.name)
        if name in comes_along:
            assert requirement.specifier.contains(comes_along[name], prereleases=True), requirement
        else:
            new.append(name)
            unmet = [needed for needed in requirements_of(name) if canonicalize_name(needed.name) not in comes_along]
            assert unmet == [], f"{name} brings {unmet}"
    assert sorted(new) == ["fast-stark-crypto", "msgspec"]
    assert "hummingbot" not in {canonicalize_name(requirement.name) for requirement in runtime_requirements(wheel)}


@pytest.mark.slow
def test_installing_the_wheel_beside_hummingbot_changes_no_package(wheel: Path, tmp_path: Path) -> None:
    """No index: were any requirement not met by what is there, uv would have nowhere to get it from."""
    environment = make_environment(tmp_path / "env", None)
    before = environment.uv("freeze").splitlines()
    environment.uv("install", "--no-index", wheel)
    after = environment.uv("freeze").splitlines()
    added = [line for line in after if line not in before]
    assert [line for line in before if line not in after] == []
    assert [re.split("[ =]", line)[0] for line in added] == ["hummingbot-extended"]
    assert any(line.startswith("hummingbot==") for line in before)

    command = environment.folder / "bin/hummingbot-extended"
    assert command.is_file()
    assert environment.run(command, "install").code == 0
    assert str(wheel) in (environment.site / _MARKER).read_text()


_MARKER = "hummingbot/connector/derivative/extended_perpetual/.hummingbot-extended.json"


def test_wheel_puts_nothing_into_hummingbots_own_folder(wheel: Path) -> None:
    """It would break every editable install of Hummingbot."""
    with zipfile.ZipFile(wheel) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}
        shim = [name for name in archive.namelist() if name.startswith("hummingbot_extended/shim/extended_perpetual/")]
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"hummingbot_extended"}
    sources = (PROJECT / "hummingbot_extended/shim/extended_perpetual").glob("*.py")
    assert sorted(Path(name).name for name in shim) == sorted(path.name for path in sources)
