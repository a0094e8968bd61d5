"""The hub as a process of its own: it shows the market and an account of the practice venue on a page."""

import secrets
from pathlib import Path

from hummingbot_extended.demo.server_process import ServerProcess
from hummingbot_extended.demo.venue_process import VenueProcess


class HubProcess(ServerProcess):
    """`hummingbot-extended hub` on a venue, with a market and the venue's first account.

    The hub's token is made up for this process and handed over in the environment, with the account's key.
    """

    command = "hub"
    name = "the hub"

    def __init__(self, venue: VenueProcess, market: str, *, log: Path) -> None:
        environment = {
            "EXTENDED_PERPETUAL_LOCAL_URL": venue.origin,
            "EXTENDED_API_KEY": str(venue.facts["api_key"]),
            "HUMMINGBOT_EXTENDED_HUB_TOKEN": secrets.token_urlsafe(16),
        }
        super().__init__("--account", "--market", market, log=log, environment=environment)

    @property
    def page_url(self) -> str:
        """A link that opens the page, once: the token that it stands for stays in the page's tab."""
        return str(self.facts["page"])
