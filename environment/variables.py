"""Reads environment variables, and those of `.env`, with a type. A test compares them with `.env.example`."""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")
env = environ.Env()


def path(name: str, default: Path) -> Path:
    """The absolute path in the variable `name`, or `default`."""
    return Path(env.str(name, default=str(default))).expanduser().absolute()
