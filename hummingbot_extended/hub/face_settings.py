"""Settings of the hub's faces: where they listen, who may come, how much each may cost."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.security import check_binding

DEFAULT_PORT = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSettings:
    """Everything that can be chosen about the faces. `port` 0 picks a free one.

    Raises SettingsError: another address than loopback needs TLS (`certificate` and its `key`) and a `token`; relaying
    account streams needs a token, and loopback or TLS.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    certificate: Path | None = None  # PEM
    key: Path | None = None  # PEM
    token: str | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()
    relay_account: bool = False
    limits: FaceLimits = field(default_factory=FaceLimits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"a port is a number from 0 to 65535, not {self.port}")
        if (self.certificate is None) != (self.key is None):
            raise SettingsError("TLS needs both: a certificate and its key")
        check_binding(self.host, has_tls=self.has_tls, token=self.token)
        if self.relay_account and self.token is None:
            raise SettingsError("relaying account streams needs a token: whoever reaches the relay would see accounts")

    @property
    def has_tls(self) -> bool:
        """Whether the faces speak TLS."""
        return self.certificate is not None

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the server's TLS context, None without TLS. Raises SettingsError where the files cannot be used."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"the certificate {self.certificate} or its key cannot be used") from error
        return context
