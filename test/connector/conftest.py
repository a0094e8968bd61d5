"""What the tests of the connector share."""

import hummingbot
import pytest
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from test import aioresponses_shim

aioresponses_shim.install()


@pytest.fixture(autouse=True, scope="session")
def data_directory(tmp_path_factory):
    """Journals and databases go to a directory of this run."""
    before = hummingbot.data_path
    hummingbot.set_data_path(str(tmp_path_factory.mktemp("data")))
    yield
    assert before is hummingbot.data_path


@pytest.fixture
async def shared_session():
    """Close the REST session that all of Hummingbot shares: each test has a loop of its own."""
    yield
    await ConnectionsFactory().close()
