"""Letting a client in: one request within five seconds, with a key that is right."""

import asyncio
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from hummingbot_extended.bridge.limits import FailedLogins
from hummingbot_extended.bridge.settings import AccessKey
from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.gateway.errors import ErrorCode
from hummingbot_extended.gateway.protocol import CLOSE_POLICY, Request, decode_request, encode_error

logger = logging.getLogger(__name__)

LOGIN_S = 5.0
GRACE_S = 30.0
MAX_GRACE_S = 86_400.0
KEEP = "keep"
POLICIES = (KEEP, "cancel_mine", "cancel_all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who was let in, and what it wants. `resume_after`: the number of the last own fill it has, if it resumes."""

    key: AccessKey
    address: str
    request_id: str | None
    session_id: str | None = None
    policy: str = KEEP
    grace_s: float = GRACE_S
    resume_after: int | None = None

    @property
    def identity(self) -> tuple[str, str | None]:
        """Whose session it is: each key names its own."""
        return self.key.name, self.session_id


class Refused(Exception):
    """Raised when a client is not let in; the text is for the client."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.AUTH_FAILED, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id


class Door:
    """Lets clients in. `journal_id` tells whether a position to resume from is one of ours."""

    def __init__(self, keys: tuple[AccessKey, ...], journal_id: str) -> None:
        self.failed_logins = FailedLogins()
        self._keys = keys
        self._journal_id = journal_id

    async def let_in(self, socket: web.WebSocketResponse, address: str) -> Login | None:
        """Return who came in; None for one that was refused, told why, and closed with 1008."""
        try:
            async with asyncio.timeout(LOGIN_S):
                message = await socket.receive()
            return self._check(message.data if message.type is WSMsgType.TEXT else "", address)
        except TimeoutError:
            await socket.close(code=CLOSE_POLICY, message=b"authenticate first")
        except Refused as refused:
            if not socket.closed:
                await socket.send_frame(encode_error(refused.request_id, refused.code, refused.message), WSMsgType.TEXT)
                await socket.close(code=CLOSE_POLICY, message=b"not let in")
        return None

    def _check(self, text: str, address: str) -> Login:
        request = _read(text)
        now_s = asyncio.get_running_loop().time()
        if self.failed_logins.wait_s(address, now_s):  # sockets that were opened before the wait began
            raise Refused("too many wrong keys from this address", ErrorCode.RATE_LIMIT, request.id)
        key = self._key_of(request.params.get("api_key"), address)
        if key is None:
            self.failed_logins.failed(address, now_s)
            logger.warning("A client at %s gave a wrong key.", address)
            message = "Authentication failed: the key is wrong, or not allowed from this address"
            raise Refused(message, request_id=request.id)
        self.failed_logins.succeeded(address)
        session_id, policy, grace_s = _options(request)
        return Login(
            key=key,
            address=address,
            request_id=request.id,
            session_id=session_id,
            policy=policy,
            grace_s=grace_s,
            resume_after=self._resume_after(request.params.get("resume_from")),
        )

    def _key_of(self, secret: Any, address: str) -> AccessKey | None:
        """Return the key that a client gave; every key is compared, so that the time says nothing."""
        given = secret.encode("utf-8", "replace") if isinstance(secret, str) else b""
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.secret.encode(), given) and key.may_come_from(address):
                found = key
        return found

    def _resume_after(self, position: Any) -> int | None:
        if not isinstance(position, str):
            return None
        journal_id, _, number = position.rpartition(":")
        if not (number.isascii() and number.isdigit() and len(number) < 18):
            return None
        # Another journal counts anew: all of it is new to the client, which knows repeated fills by their ids.
        return int(number) if journal_id == self._journal_id else 0


def _read(text: str) -> Request:
    try:
        request = decode_request(text)
    except MalformedMessage:
        raise Refused("the first request must be `authenticate` with a key") from None
    if request.type != "authenticate":
        raise Refused("the first request must be `authenticate` with a key", request_id=request.id)
    return request


def _options(request: Request) -> tuple[str | None, str, float]:
    params: Mapping[str, Any] = request.params
    session_id, policy, grace = (
        params.get("session_id"),
        params.get("on_disconnect", KEEP),
        params.get("grace", GRACE_S),
    )
    complaint = None
    if session_id is not None and not (isinstance(session_id, str) and 0 < len(session_id) <= 64):
        complaint = "session_id must be a text of at most 64 characters"
    elif policy not in POLICIES:
        complaint = f"on_disconnect must be one of {', '.join(POLICIES)}"
    elif policy != KEEP and session_id is None:
        complaint = f"on_disconnect {policy} needs a session_id, by which the client is known when it comes back"
    elif isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace <= MAX_GRACE_S:
        complaint = f"grace must be 0 to {MAX_GRACE_S:g} seconds"
    if complaint:
        raise Refused(complaint, ErrorCode.INVALID_REQUEST, request.id)
    return session_id, policy, float(grace)
