"""What the tests of the bridge share."""

import hummingbot
import pytest

from test.bridge.running import Bridged, bridged


@pytest.fixture(autouse=True, scope="session")
def data_directory(tmp_path_factory):
    """Journals and databases go to a directory of this run."""
    hummingbot.set_data_path(str(tmp_path_factory.mktemp("data")))


@pytest.fixture
async def bridge():
    """A bridge in a real Hummingbot connector on a venue that stands still."""
    async with bridged() as running:
        yield running


@pytest.fixture
async def client(bridge: Bridged):
    """A client of it."""
    async with bridge.client() as connected:
        yield connected
