"""`Send` on an aiohttp session that somebody else owns."""

import aiohttp
import msgspec

from hummingbot_extended import __version__
from hummingbot_extended.errors import ConnectFailed, MessageTooLarge, RequestTimedOut, SettingsError, TransportError
from hummingbot_extended.exchange.http import RestRequest, RestResponse

USER_AGENT = f"hummingbot-extended/{__version__}"
DEFAULT_TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 32 * 2**20


def clean_api_key(api_key: str) -> str:
    """Return `api_key` without the blanks that copying adds (a cause of 401, API reference §9.1).

    Raises SettingsError, without the key in it, when what is left cannot be a header value.
    """
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError("the API key is empty or has characters that no API key has")
    return key


class AiohttpSend:
    """Sends requests with aiohttp. Owns nothing: the session is closed by whoever made it.

    `base_url` is a domain's `rest_url`. The key goes into the header of requests that ask for it, nowhere else;
    redirects are answers, never followed. One instance serves any number of concurrent requests.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        api_key: str | None = None,
        user_agent: str = USER_AGENT,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._public_headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._private_headers = self._public_headers | ({"X-Api-Key": clean_api_key(api_key)} if api_key else {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._max_reply_bytes = max_reply_bytes

    def __repr__(self) -> str:
        return f"AiohttpSend({self._base_url})"

    async def __call__(self, request: RestRequest) -> RestResponse:
        """Send `request` (contract: `http.Send`)."""
        headers = dict(self._private_headers if request.auth else self._public_headers)
        data = None if request.body is None else msgspec.json.encode(request.body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                request.method,
                self._base_url + request.path,
                params=list(request.params),
                data=data,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                body = await read_body(response, self._max_reply_bytes)
                return RestResponse(status=response.status, headers=dict(response.headers), body=body)
        except aiohttp.ClientConnectorError as error:
            raise ConnectFailed(f"{request}: no connection to {self._base_url} ({error.os_error})") from error
        except TimeoutError as error:
            raise RequestTimedOut(f"{request}: no answer within {self._timeout.total:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{request}: the connection broke ({type(error).__name__})") from error


async def read_body(response: aiohttp.ClientResponse, max_bytes: int = MAX_REPLY_BYTES) -> bytes:
    """Return a reply's body. Raises MessageTooLarge, and what aiohttp raises; its connection stays the caller's."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise MessageTooLarge("a REST reply", max_bytes)
    return bytes(body)
