"""Where the bridge listens: loopback, or TLS with a flag; a taken port says whose it is; certificates are verified."""

import datetime
import socket
import ssl
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hummingbot_extended.bridge.server import BridgeServer
from hummingbot_extended.bridge.settings import AccessKey, BridgeSettings
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.gateway.errors import ConnectionLostError
from test.bridge.running import KEY, bridged

KEYS = (AccessKey(name="test", secret=KEY),)


def write_certificate(folder, *, name="127.0.0.1", days=(-1, 1)):
    """Write a self-signed certificate for an address, valid from and to some days from now; return its two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


async def test_client_verifies_the_certificate(tmp_path):
    certificate, key = write_certificate(tmp_path)
    async with bridged(tls_certificate=certificate, tls_key=key) as bridge:
        async with bridge.client(ca_file=certificate) as client:
            assert await client.ping() < 5
        for wrong in ({"tls": True}, {}):
            with pytest.raises(ConnectionLostError, match="are host, port and TLS right"):
                async with bridge.client(retry_attempts=0, **wrong):
                    pass


@pytest.mark.parametrize("wrong", [{"days": (-10, -5)}, {"name": "127.0.0.2"}])
async def test_expired_or_foreign_certificate_is_refused_with_the_reason(tmp_path, wrong):
    certificate, key = write_certificate(tmp_path, **wrong)
    async with bridged(tls_certificate=certificate, tls_key=key) as bridge:
        with pytest.raises(ConnectionLostError, match=r"[Cc]ertificate"):
            async with bridge.client(ca_file=certificate, retry_attempts=0):
                pass


async def test_client_without_a_certificate_is_refused_where_one_is_asked_for(tmp_path):
    certificate, key = write_certificate(tmp_path)
    async with bridged(tls_certificate=certificate, tls_key=key, client_ca=certificate) as bridge:
        with pytest.raises(ConnectionLostError):
            async with bridge.client(ca_file=certificate, retry_attempts=0):
                pass
        context = ssl.create_default_context(cafile=str(certificate))
        context.load_cert_chain(certificate, key)
        async with bridge.client(tls=context) as client:
            assert await client.ping() < 5


@pytest.mark.parametrize("port", [15888, 0])
async def test_taken_port_is_said_plainly(port):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        settings = BridgeSettings(keys=KEYS, port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match="is taken") as caught:
            await BridgeServer({}, settings).start()
        assert ("Gateway" in str(caught.value)) is (port == 15888)


async def test_unusable_address_or_certificate_is_said(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot listen on 127\.0\.0\.300"):
        await BridgeServer({}, _settings(tmp_path, host="127.0.0.300", expose=True)).start()
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(SettingsError, match="certificate cannot be used"):
        await BridgeServer({}, BridgeSettings(keys=KEYS, tls_certificate=broken, tls_key=broken, port=0)).start()


def _settings(folder, **more):
    certificate, key = write_certificate(folder)
    return BridgeSettings(keys=KEYS, tls_certificate=certificate, tls_key=key, **more)


async def test_exposed_bridge_warns(tmp_path, caplog):
    async with BridgeServer({}, _settings(tmp_path, host="0.0.0.0", expose=True, port=0)) as bridge:
        assert "whoever has a key trades from there" in caplog.text
        assert "0 clients" in repr(bridge)


async def test_journal_in_use_is_said(tmp_path):
    path = tmp_path / "journal.sqlite"
    first = BridgeServer({}, BridgeSettings(keys=KEYS, port=0), journal=path)
    with pytest.raises(SettingsError, match="is another bridge running"):
        BridgeServer({}, BridgeSettings(keys=KEYS, port=0), journal=path)
    await first.stop()
