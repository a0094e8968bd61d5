"""What the tests of the connector share."""

import hummingbot
import pytest

from hummingbot_extended.connector import bot_identity
from test import aioresponses_shim

aioresponses_shim.install()


@pytest.fixture(autouse=True, scope="session")
def data_directory(tmp_path_factory):
    """Journals and databases go to a directory of this run."""
    hummingbot.set_data_path(str(tmp_path_factory.mktemp("data")))
    yield
    for identity in bot_identity._identities.values():
        if identity.journal is not None:
            identity.journal.close()
