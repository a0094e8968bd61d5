"""Who is let in, and where the hub may listen."""

import ssl
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.security import Gate, is_loopback_host
from hummingbot_extended.hub.server import HubServer
from test.bridge.test_tls_and_ports import write_certificate
from test.hub.hand_fed import HandFedHub

TOKEN = "correct-horse-battery"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::"])
def test_elsewhere_only_with_tls_and_a_token(host: str, tmp_path: Path) -> None:
    certificate = {"certificate": tmp_path / "cert.pem", "key": tmp_path / "key.pem"}
    for settings in ({}, {"token": TOKEN}, certificate):
        with pytest.raises(SettingsError, match="TLS and a token"):
            FaceSettings(host=host, **settings)  # type: ignore[arg-type]
    assert FaceSettings(host=host, token=TOKEN, **certificate).has_tls


@pytest.mark.parametrize(
    "settings",
    [{"token": "short"}, {"port": 70_000}, {"certificate": Path("x")}, {"key": Path("x")}, {"relay_account": True}],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        FaceSettings(**settings)  # type: ignore[arg-type]


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    with pytest.raises(SettingsError, match="cannot be used"):
        FaceSettings(certificate=tmp_path / "cert.pem", key=tmp_path / "cert.pem").tls_context()
    assert FaceSettings().tls_context() is None


def test_the_token_is_in_no_repr() -> None:
    settings = FaceSettings(token=TOKEN)
    assert TOKEN not in repr(settings)
    assert TOKEN not in repr(Gate(host="127.0.0.1", token=TOKEN))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("[::1]", True), ("localhost", True), ("10.0.0.1", False), ("localhost.evil.example", False)],
)
def test_what_is_this_machine(host: str, expected: bool) -> None:
    assert is_loopback_host(host) is expected


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:8000"}, None),
        ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, None),
        ({"Host": "evil.example:8000"}, HTTPStatus.FORBIDDEN),
        ({"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:9000"}, HTTPStatus.FORBIDDEN),
        ({"Host": "127.0.0.1:8000", "Origin": "null"}, HTTPStatus.FORBIDDEN),
        ({"Host": "127.0.0.1:8000", "Origin": "https://friend.example"}, None),
        ({"Origin": "http://"}, HTTPStatus.FORBIDDEN),
        ({"Host": "127.0.0.1:8000", "Origin": "http://["}, HTTPStatus.FORBIDDEN),
        ({"Host": "["}, HTTPStatus.FORBIDDEN),
    ],
)
def test_the_gate_on_loopback(headers: dict[str, str], status: HTTPStatus | None) -> None:
    refusal = Gate(host="127.0.0.1", origins=frozenset({"https://friend.example"})).refusal(headers)
    assert (refusal and refusal.status) == status


async def test_tls_serves_every_face(tmp_path: Path, hub: HandFedHub) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.create_default_context(cafile=certificate)
    async with HubServer(hub, FaceSettings(port=0, certificate=certificate, key=key, token=TOKEN)) as server:
        assert server.url.startswith("https://")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), headers=headers) as http:
            async with http.get(server.url + "/streamer/status") as reply:
                assert reply.status == 200
            async with http.ws_connect(server.ws_url + "/ws/prices/BTC-USD") as socket:
                assert (await socket.receive_json())["type"] == "subscription_ack"


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"\xff\xfe", "text/plain"), (b"code", "text/plain; charset=nope"), (b"", "text/plain")]
)
async def test_a_wrong_code_is_refused_whatever_it_is_written_in(
    hub: HandFedHub, http: aiohttp.ClientSession, body: bytes, content_type: str
) -> None:
    async with (
        HubServer(hub, FaceSettings(port=0, token=TOKEN)) as server,
        http.post(server.url + "/page/token", data=body, headers={"Content-Type": content_type}) as reply,
    ):
        assert reply.status == HTTPStatus.UNAUTHORIZED


async def test_an_address_that_is_not_this_machines_is_not_called_a_taken_port(tmp_path: Path, hub: HandFedHub) -> None:
    certificate, key = write_certificate(tmp_path)
    elsewhere = FaceSettings(host="192.0.2.1", port=0, certificate=certificate, key=key, token=TOKEN)
    with pytest.raises(SettingsError, match="cannot listen on"):
        async with HubServer(hub, elsewhere):
            pass


async def test_a_port_that_is_taken_is_told(server: HubServer, hub: HandFedHub) -> None:
    with pytest.raises(SettingsError, match=r"is in use.*--port"):
        async with HubServer(hub, FaceSettings(port=server.port)):
            pass
