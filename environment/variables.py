"""Reads environment variables, and those of `.env`, with a type. A test compares them with `.env.example`."""

import math
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")

KINDS = {int: "a whole number", float: "a number"}


class Variables(environ.Env):  # type: ignore[misc]  # django-environ has no types
    """A value that cannot be read ends the program with one line that names the variable."""

    def get_value(self, var: str, cast: Any = None, **options: Any) -> Any:
        try:
            # Of "20MB" django-environ would make 20.
            return super().get_value(var, _finite if cast is float else cast, **options)
        except ValueError:
            raise refusal(var, f"must be {KINDS.get(cast, 'of another form')}; see .env.example.") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


env = Variables()


def refusal(name: str, wrong: str) -> SystemExit:
    """What ends the program because of the variable `name`."""
    return SystemExit(f"{name}={os.environ.get(name, '')!r} {wrong}")


def path(name: str, default: Path) -> Path:
    """The absolute path in the variable `name`, or `default`."""
    return Path(env.str(name, default=str(default))).expanduser().absolute()


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    """The value of the variable `name`, which must be one of `options`, or `default`."""
    value: str = env.str(name, default=default)
    if value not in options:
        raise refusal(name, f"must be {' or '.join(options)}.")
    return value


def time_zone(name: str, default: str) -> str:
    """The name of a time zone in the variable `name`, or `default`."""
    zone: str = env.str(name, default=default)
    try:
        return ZoneInfo(zone).key
    except (ValueError, OSError, LookupError):
        raise refusal(name, "is no time zone, such as Europe/Berlin.") from None
