"""npm's settings (registry, credentials, certificates, proxies), read the way npm reads them, for machines without npm.

Later sources win: the global file, the user's, the project's, then variables `npm_config_*`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

PUBLIC = "https://registry.npmjs.org/"
GLOBAL_FILES = ("/usr/etc/npmrc", "/usr/local/etc/npmrc", "/etc/npmrc")
PREFIX = "npm_config_"


@dataclass(frozen=True)
class NpmConfig:
    """Settings by npm's names."""

    values: Mapping[str, str]

    def registry(self, package: str) -> str:
        """The registry of this package, with a slash at the end."""
        scope = package.partition("/")[0] if package.startswith("@") else ""
        address = self.values.get(f"{scope}:registry") or self.values.get("registry") or PUBLIC
        return address.rstrip("/") + "/"

    def get(self, url: str, **options: Any) -> requests.Response:
        """`requests.get` with these settings."""
        headers = dict(options.pop("headers", {}))
        if credentials := self._credentials(url):
            headers["Authorization"] = credentials
        ours: dict[str, Any] = {"headers": headers, "verify": self._verify(), "proxies": self._proxies(url)}
        return requests.get(url, **ours, **options)  # noqa: S113  callers name a timeout

    def _credentials(self, url: str) -> str | None:
        """The Authorization header for `url`: credentials belong to a host and, possibly, the start of a path."""
        parts = urlsplit(url)
        folders = parts.path.split("/")[:-1]
        for depth in range(len(folders), 0, -1):
            if found := self._credentials_of(f"//{parts.netloc}{'/'.join(folders[:depth])}"):
                return found
        return None

    def _credentials_of(self, path: str) -> str | None:
        def value(name: str) -> str | None:
            return self.values.get(f"{path}/:{name}") or self.values.get(f"{path}:{name}")

        if token := value("_authToken"):
            return f"Bearer {token}"
        if basic := value("_auth"):
            return f"Basic {basic}"
        if (name := value("username")) and (password := value("_password")):
            plain = f"{name}:{base64.b64decode(password).decode()}"
            return f"Basic {base64.b64encode(plain.encode()).decode()}"
        return None

    def _verify(self) -> bool | str:
        """Whether certificates are verified, or against which file of authorities."""
        if self.values.get("strict-ssl") == "false":
            return False
        return self.values.get("cafile") or os.environ.get("NODE_EXTRA_CA_CERTS") or True

    def _proxies(self, url: str) -> dict[str, str] | None:
        """None leaves the choice to HTTPS_PROXY and its relatives."""
        secure = urlsplit(url).scheme == "https"
        proxy = (self.values.get("https-proxy") if secure else None) or self.values.get("proxy")
        if not proxy or proxy in ("null", "false") or self._is_direct(urlsplit(url).hostname or ""):
            return None
        return {"http": proxy, "https": proxy}

    def _is_direct(self, host: str) -> bool:
        domains = [name.strip().lstrip(".") for name in self.values.get("noproxy", "").split(",")]
        return any(name and (host == name or host.endswith(f".{name}")) for name in domains)


def read(directory: Path | None = None) -> NpmConfig:
    """The settings in force, for a project in `directory` (by default the current one)."""
    variables = _variables()
    prefix = variables.get("prefix")
    shared = variables.get("globalconfig")
    candidates = [shared] if shared else [*GLOBAL_FILES, *([f"{prefix}/etc/npmrc"] if prefix else [])]
    own = variables.get("userconfig") or str(Path.home() / ".npmrc")
    project = (directory or Path.cwd()) / ".npmrc"
    values: dict[str, str] = {}
    for file in (*candidates, own, str(project)):
        values |= parsed(Path(file))
    return NpmConfig(values | variables)


def parsed(file: Path) -> dict[str, str]:
    """The lines `key = value` of a file; none where it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in map(str.strip, lines) if line and line[0] not in ";#[")
    return {_expanded(key.strip()): _expanded(value.strip().strip("\"'")) for key, _, value in pairs}


def _variables() -> dict[str, str]:
    """`npm_config_https_proxy` is the setting `https-proxy`; keys of a host keep their underscores."""
    found = {}
    for name, value in os.environ.items():
        if name.lower().startswith(PREFIX) and value:
            key = name[len(PREFIX) :]
            found[key if key.startswith("//") else key[0].lower() + key[1:].lower().replace("_", "-")] = value
    return found


def _expanded(text: str) -> str:
    """`${NAME}` replaced by that environment variable; an unknown one stays as it is."""
    return re.sub(r"\$\{([^}]+)\}", lambda match: os.environ.get(match[1], match[0]), text)
