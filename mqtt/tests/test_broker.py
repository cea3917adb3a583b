"""Connections to a real broker: acknowledged, refused, encrypted, away."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pytest_django.fixtures import Settings

from mqtt.broker import BrokerUnavailable, Connection, topic
from mqtt.tests.embedded import broker, free_port, listening


@pytest.fixture
def port(settings: Settings) -> int:
    port = free_port()
    settings.MQTT_HOST, settings.MQTT_PORT, settings.MQTT_TLS = "127.0.0.1", port, False
    return port


def reason() -> str:
    with pytest.raises(BrokerUnavailable) as refused, Connection("test"):
        pass
    assert "secret" not in refused.value.message
    return refused.value.code


def test_what_is_published_has_been_acknowledged(port: int) -> None:
    with broker(port), listening(port) as listener:
        with Connection("test") as connection:
            connection.publish(topic(3, "hit"), b'{"a": 1}')
            connection.publish("homeassistant/x/config", b"{}", retain=True)
        assert listener.wait(2) == [("faceapp/3/hit", {"a": 1}), ("homeassistant/x/config", {})]
        with listening(port) as later:  # only what is retained waits for those who come later
            assert later.wait(1) == [("homeassistant/x/config", {})]


def test_no_broker(port: int, settings: Settings) -> None:
    assert reason() == "mqtt.unreachable"
    settings.MQTT_HOST = ""
    assert reason() == "mqtt.disabled"


def test_a_broker_that_does_not_answer(port: int, settings: Settings) -> None:
    settings.MQTT_TIMEOUT = 0.2
    with socket.create_server(("127.0.0.1", port)):
        assert reason() == "mqtt.timeout"


def test_name_and_password(port: int, settings: Settings, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"ada:{PasswordHash((Argon2Hasher(),)).hash('secret')}\n")
    with broker(port, passwords=passwords):
        assert reason() == "mqtt.refused"
        settings.MQTT_USER, settings.MQTT_PASSWORD = "ada", "secret"
        with Connection("test") as connection:
            connection.publish("a", b"1")
        settings.MQTT_PASSWORD = "secret2"
        assert reason() == "mqtt.refused"


def test_encryption(port: int, settings: Settings, tmp_path: Path) -> None:
    certificate, key = certify(tmp_path)
    settings.MQTT_TLS = True
    with broker(port, tls=(certificate, key)):
        assert reason() == "mqtt.refused"  # nobody vouches for it
        settings.MQTT_CA_FILE = str(certificate)
        with Connection("test") as connection:
            connection.publish("a", b"1")
        settings.MQTT_HOST = "localhost"  # the certificate is for the address
        assert reason() == "mqtt.refused"


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return certificate, secret
