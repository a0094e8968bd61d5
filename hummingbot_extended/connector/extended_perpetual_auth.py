"""The connector's credentials: the API key of a sub-account and its Stark private key."""

from hummingbot.core.web_assistant.auth import AuthBase
from hummingbot.core.web_assistant.connections.data_types import RESTRequest, WSRequest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.aiohttp_send import clean_api_key
from hummingbot_extended.exchange.signing import StarkSigner, parse_private_key

API_KEY_HEADER = "X-Api-Key"


class ExtendedPerpetualAuth(AuthBase):
    """Adds the API key to requests and holds the signer. Neither shows in `repr` or in an error.

    Blanks around the keys and a missing 0x are put right. Empty keys are fine (an instance that does not trade); a
    malformed one raises SettingsError, which Hummingbot shows to the user.
    """

    def __init__(self, api_key: str, stark_private_key: str) -> None:
        self.api_key = normalise_api_key(api_key)
        self._stark_private_key = normalise_stark_key(stark_private_key)
        self._signer: StarkSigner | None = None

    def __repr__(self) -> str:
        have = [name for name, key in (("API key", self.api_key), ("Stark key", self._stark_private_key)) if key]
        return f"<{type(self).__name__} with {' and '.join(have) or 'no keys'}>"

    @property
    def is_complete(self) -> bool:
        """Whether both keys are there."""
        return bool(self.api_key and self._stark_private_key)

    @property
    def signer(self) -> StarkSigner:
        """The signer of the Stark key, made once. Raises SettingsError without a key or with an impossible one."""
        if self._signer is None:
            if not self._stark_private_key:
                raise SettingsError("the Stark private key is missing")
            self._signer = StarkSigner(self._stark_private_key)
        return self._signer

    async def headers(self) -> dict[str, str]:
        """Return what a private request or the account stream's handshake needs; nothing without a key."""
        return {API_KEY_HEADER: self.api_key} if self.api_key else {}

    async def rest_authenticate(self, request: RESTRequest) -> RESTRequest:
        """Add the API key to a private REST request."""
        request.headers = {**(request.headers or {}), **await self.headers()}
        return request

    async def ws_authenticate(self, request: WSRequest) -> WSRequest:
        """Return `request` as it is: the account stream is authenticated by its handshake."""
        return request


def normalise_api_key(text: str) -> str:
    """Return the API key without blanks around it, "" for none. Raises SettingsError when it cannot be a key."""
    return clean_api_key(text) if text.strip() else ""


def normalise_stark_key(text: str) -> str:
    """Return the Stark private key as 0x and lower-case hex, "" for none. Raises SettingsError when it is no key."""
    return hex(parse_private_key(text)) if text.strip() else ""
