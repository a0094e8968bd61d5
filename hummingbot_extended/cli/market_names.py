"""Market names of a command line are checked before anything is begun with them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hummingbot_extended.client.client import ExtendedClient


async def check_names(client: "ExtendedClient", names: list[str]) -> None:
    """Raise SettingsError, with the cure, where no venue answers or a network has no such market.

    Raises what REST raises for the rest.
    """
    from hummingbot_extended.errors import ConnectFailed, SettingsError

    try:
        known = {market.name for market in await client.rest.markets()}
    except ConnectFailed as error:
        if client.domain.is_local:
            raise SettingsError(
                f"no practice venue answers at {client.domain.rest_url}; start one with 'hummingbot-extended venue'"
            ) from error
        raise
    unknown = [name for name in names if name not in known]
    if unknown:
        shown = ", ".join(sorted(known)[:8])
        raise SettingsError(f"no market {', '.join(unknown)} on {client.domain.name}; there are {shown} …")
