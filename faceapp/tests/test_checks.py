"""Each deployment check, with the setting that it is about."""

import os
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from pytest_django.fixtures import Settings

from environment import BASE_DIR
from faceapp import checks


def ids(messages: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_this_environment_has_one_opencv() -> None:
    assert checks.check_opencv_is_installed_once() == []


def test_second_opencv_wheel_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("opencv_python-5.0", "opencv_contrib_python_headless-4.14"):
        package, version = name.split("-")
        folder = tmp_path / f"{name}.dist-info"
        folder.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {version}\n"
        (folder / "METADATA").write_text(metadata)
    monkeypatch.setattr(checks, "distributions", lambda name: Distribution.discover(name=name, path=[str(tmp_path)]))
    (error,) = checks.check_opencv_is_installed_once()
    assert error.id == "faceapp.E001"
    assert "opencv-contrib-python-headless, opencv-python" in error.msg


def test_second_wheel_of_onnx_runtime_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_onnxruntime_is_installed_once() == []
    for name in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-extensions"):
        folder = tmp_path / f"{name.replace('-', '_')}-1.31.1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.31.1\n")
    monkeypatch.setattr(checks, "distributions", lambda name: Distribution.discover(name=name, path=[str(tmp_path)]))
    (error,) = checks.check_onnxruntime_is_installed_once()
    assert error.id == "faceapp.E010" and "make gpu" in (error.hint or "")
    assert error.msg == "2 wheels of ONNX Runtime are installed: onnxruntime, onnxruntime-gpu."


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "10.1.2.3", "faces.local", "nas.internal"])
def test_hosts_of_the_own_network_are_no_public_service(settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS, settings.HTTPS, settings.DEBUG = [host], False, True
    assert checks.check_public_service() == []


@pytest.mark.parametrize("host", ["faces.example.org", ".example.org", "8.8.8.8"])
def test_public_host_wants_https(settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS, settings.HTTPS = ["localhost", host], False
    assert ids(checks.check_public_service()) == ["faceapp.W001"]
    settings.HTTPS = True
    assert checks.check_public_service() == []


def test_a_proxy_that_terminates_tls_is_counted(settings: Settings) -> None:
    settings.HTTPS, settings.REST_FRAMEWORK = True, settings.REST_FRAMEWORK | {"NUM_PROXIES": 0}
    assert ids(checks.check_proxies_are_counted()) == ["faceapp.W007"]
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    assert checks.check_proxies_are_counted() == []


def test_debug_on_a_public_host_is_an_error(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.HTTPS, settings.DEBUG = ["faces.example.org"], True, True
    assert ids(checks.check_public_service()) == ["faceapp.E002"]


def test_any_host_name_is_warned_of(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.HTTPS = ["*"], True
    assert ids(checks.check_public_service()) == ["faceapp.W002"]


def test_generated_key_with_a_database_elsewhere_is_warned_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEAPP_SECRET_KEY", raising=False)
    settings.EMBEDDED_DATABASE = False
    assert ids(checks.check_secret_key_is_shared()) == ["faceapp.W003"]
    monkeypatch.setenv("FACEAPP_SECRET_KEY", "long and random")
    assert checks.check_secret_key_is_shared() == []


def test_url_hosts_that_are_never_reached_are_warned_of(settings: Settings) -> None:
    settings.URL_HOSTS = ["images.example.org:8443", "*.example.com"]
    assert checks.check_url_hosts() == []
    settings.URL_HOSTS = ["images.example.org", "169.254.169.254", "localhost:9000", "[::1]:80"]
    (warning,) = checks.check_url_hosts()
    assert ids([warning]) == ["faceapp.W006"]
    assert "169.254.169.254, localhost:9000, [::1]:80" in warning.msg
    assert "images.example.org" not in warning.msg


def test_fetching_from_private_addresses_is_warned_of(settings: Settings) -> None:
    settings.URL_HOSTS, settings.URL_ALLOW_PRIVATE = ["images.example.org"], True
    assert ids(checks.check_url_hosts()) == ["faceapp.W004"]
    settings.URL_HOSTS = []
    assert checks.check_url_hosts() == []


def test_webhooks_to_the_local_network_are_warned_of(settings: Settings) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example.org", "10.0.0.1"]
    assert ids(checks.check_url_hosts()) == ["faceapp.W006"]
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert ids(checks.check_url_hosts()) == ["faceapp.W004"]


def test_import_root_holds_nothing_of_the_service(settings: Settings, tmp_path: Path) -> None:
    settings.VAR = tmp_path / "var"
    settings.IMPORT_ROOT = None
    assert checks.check_import_root() == []
    settings.IMPORT_ROOT = tmp_path / "import"
    assert ids(checks.check_import_root()) == ["faceapp.E003"]
    settings.IMPORT_ROOT.mkdir()
    assert checks.check_import_root() == []
    for root in (tmp_path, Path("/")):
        settings.IMPORT_ROOT = root
        assert ids(checks.check_import_root()) == ["faceapp.E004"]


def test_sizes_and_times_are_positive(settings: Settings) -> None:
    assert checks.check_numbers() == []
    settings.MAX_IMAGE_BYTES, settings.RETENTION_DAYS = 0, -1
    settings.WEB_PORT, settings.WORKER_CONCURRENCY = 99_999, -3
    assert ids(checks.check_numbers()) == ["faceapp.E005", "faceapp.E012", "faceapp.E013", "faceapp.E006"]


@pytest.mark.parametrize("url", ["redis://redis:6379/0", "rediss://redis:6379/0", "unix:///run/redis.sock"])
def test_known_redis_addresses_pass(settings: Settings, url: str) -> None:
    settings.REDIS_URL = url
    assert checks.check_redis_url() == []


def test_redis_address_without_a_scheme_is_an_error(settings: Settings) -> None:
    settings.REDIS_URL = "redis.example.org:6379"
    assert ids(checks.check_redis_url()) == ["faceapp.E007"]


def test_half_configured_object_storage_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEAPP_S3_ACCESS_KEY", "access")
    settings.S3_BUCKET = ""
    assert ids(checks.check_object_storage()) == ["faceapp.W005"]
    settings.S3_BUCKET = "images"
    assert ids(checks.check_object_storage()) == ["faceapp.E008"]
    monkeypatch.setenv("FACEAPP_S3_SECRET_KEY", "secret")
    assert checks.check_object_storage() == []


def test_a_short_key_for_the_metrics_is_an_error(settings: Settings) -> None:
    for key, found in (("", []), ("k" * 15, ["faceapp.E014"]), ("k" * 16, [])):
        settings.METRICS_KEY = key
        assert ids(checks.check_metrics_key()) == found


def test_deployment_with_https_is_free_of_warnings(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FACEAPP_", "DJANGO_"))}
    environment |= {"FACEAPP_HTTPS": "1", "FACEAPP_VAR": str(tmp_path), "FACEAPP_ALLOWED_HOSTS": "faces.example.org"}
    environment |= {"FACEAPP_REQUIRE_MFA": "1"}
    environment["FACEAPP_PROXIES"] = "1"
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
