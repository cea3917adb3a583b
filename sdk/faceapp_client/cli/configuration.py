"""Address of the service and API key: from options, then the environment, then a file."""

from __future__ import annotations

import argparse
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_URL = "http://localhost:8000"


class ConfigurationError(Exception):
    """Address or key are missing or invalid; the message says what to do."""


@dataclass(frozen=True)
class Connection:
    """The service's address, and an API key."""

    url: str
    key: str


def default_file() -> Path:
    """`faceapp/config.toml` where the system keeps settings of a user."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "faceapp" / "config.toml"


def connection(options: argparse.Namespace) -> Connection:
    """Raises `ConfigurationError`."""
    saved = _saved(options.config)
    url = options.url or os.environ.get("FACEAPP_URL") or saved.get("url") or DEFAULT_URL
    key = options.key or os.environ.get("FACEAPP_API_KEY") or saved.get("key")
    if not key:
        places = f'--key, FACEAPP_API_KEY, or in {default_file()} as key = "…"'
        raise ConfigurationError(f"No API key: give one with {places}.")
    if not key.isascii() or not key.isprintable():
        raise ConfigurationError("The API key contains characters that keys never have.")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # of the port, or of brackets in the host
        valid = False
    if not valid:
        raise ConfigurationError(f"{url} is not the address of a service, such as {DEFAULT_URL}.")
    return Connection(url, key.strip())


def _saved(chosen: str | None) -> dict[str, str]:
    file = Path(chosen) if chosen else default_file()
    try:
        values = tomllib.loads(file.read_text())
    except FileNotFoundError:
        if chosen:
            raise ConfigurationError(f"There is no file {file}.") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    if wrong := [name for name, value in values.items() if name not in ("url", "key") or not isinstance(value, str)]:
        raise ConfigurationError(f"{file} may say url and key, both texts, and not {', '.join(wrong)}.")
    return values
