"""A wheel of this project, built once, and a way to say what a folder holds."""

from pathlib import Path

import pytest

from test.install.hummingbots import build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as users install it."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))
