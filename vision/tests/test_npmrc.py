"""npm's settings, read without npm."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from vision.engines.registries import npmrc
from vision.engines.registries.npmrc import NpmConfig


def test_later_sources_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in {
        "global": "registry=https://g/\nproxy=http://g:1",
        "user": "registry = 'https://u'",
        "p": "",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("npm_config_globalconfig", str(tmp_path / "global"))
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(tmp_path / "user"))
    monkeypatch.delenv("npm_config_registry", raising=False)
    config = npmrc.read(tmp_path)
    assert (config.registry("x"), config.values["proxy"]) == ("https://u/", "http://g:1")
    (tmp_path / ".npmrc").write_text("@faces:registry=https://p/npm")
    assert npmrc.read(tmp_path).registry("@faces/x") == "https://p/npm/"
    monkeypatch.setenv("npm_config_registry", "https://e/r")
    monkeypatch.setenv("npm_config_https_proxy", "http://e:2")
    config = npmrc.read(tmp_path)
    assert (config.registry("x"), config.values["https-proxy"]) == ("https://e/r/", "http://e:2")


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe=\x00")
    assert npmrc.parsed(tmp_path / "binary") == npmrc.parsed(tmp_path / "none") == {}


def test_comments_sections_quotes_and_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOST", "faces.example.org")
    (tmp_path / "rc").write_text('; a\n# b\n[section]\n registry = "https://${HOST}/${UNKNOWN}" \n\nflag\n')
    assert npmrc.parsed(tmp_path / "rc") == {"registry": "https://faces.example.org/${UNKNOWN}", "flag": ""}


PASSWORD = base64.b64encode(b"pass").decode()


@pytest.mark.parametrize(("values", "url", "header"), [
    ({"//r/npm/:_authToken": "t"}, "https://r/npm/x/-/x.tgz", "Bearer t"),
    ({"//r/npm:_authToken": "t"}, "https://r/npm/x", "Bearer t"),
    ({"//r/:_authToken": "t"}, "https://r/npm/x", "Bearer t"),
    ({"//r:4873/:_auth": "dTpw"}, "http://r:4873/x", "Basic dTpw"),
    ({"//r/:username": "u", "//r/:_password": PASSWORD}, "https://r/x", "Basic dTpwYXNz"),
    ({"//r/:_authToken": "t", "//r/npm/:_authToken": "n"}, "https://r/npm/x", "Bearer n"),
    ({"//r/:_authToken": "t"}, "https://elsewhere/x", None),
    ({"//r/npm/:_authToken": "t"}, "https://r/other/x", None),
])  # fmt: skip
def test_credentials_go_to_their_host_and_path_only(values: dict[str, str], url: str, header: str | None) -> None:
    assert NpmConfig(values)._credentials(url) == header


def test_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    assert NpmConfig({})._verify() is True
    assert NpmConfig({"cafile": "/ca.pem"})._verify() == "/ca.pem"
    assert NpmConfig({"cafile": "/ca.pem", "strict-ssl": "false"})._verify() is False


def test_proxies() -> None:
    config = NpmConfig({"https-proxy": "http://p:1", "proxy": "http://p:2", "noproxy": "local, .example.org"})
    assert config._proxies("https://r/x") == {"http": "http://p:1", "https": "http://p:1"}
    assert config._proxies("http://r/x") == {"http": "http://p:2", "https": "http://p:2"}
    assert config._proxies("https://local/x") is config._proxies("https://npm.example.org/x") is None
    assert NpmConfig({"proxy": "null"})._proxies("http://r/x") is None
