"""Compose's files as Compose reads them: variables filled in and several files merged."""

from __future__ import annotations

import re
from typing import Any

import yaml
from django.conf import settings

SECRETS = {
    "POSTGRES_PASSWORD": "pg",
    "POSTGRES_APP_PASSWORD": "app",
    "REDIS_PASSWORD": "rd",
    "FACEAPP_SECRET_KEY": "sk",
}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[-?])?([^}]*)\}")


class Override(list[Any]):
    """A list tagged `!override`, which replaces that of the files before instead of adding to it."""


class Loader(yaml.SafeLoader):
    """Reads the tag `!override`."""


Loader.add_constructor("!override", lambda loader, node: Override(loader.construct_sequence(node, deep=True)))


def project(*names: str, **environment: str) -> dict[str, Any]:
    """The project of these files, merged, with the variables of the environment; KeyError names a missing one."""
    merged: Any = {}
    for name in names:
        read = yaml.load((settings.BASE_DIR / name).read_text(), Loader)
        merged = _merge(merged, _filled(read, environment))
    return dict(merged)


def _filled(node: Any, environment: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {name: _filled(value, environment) for name, value in node.items()}
    if isinstance(node, list):
        return type(node)(_filled(value, environment) for value in node)
    if isinstance(node, str):
        return VARIABLE.sub(lambda found: _value(found, environment), node)
    return node


def _value(found: re.Match[str], environment: dict[str, str]) -> str:
    name, form, rest = found.groups()
    if environment.get(name):
        return environment[name]
    if form == ":-":
        return rest
    raise KeyError(name)


def _merge(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        changed = {name: _merge(below[name], value) if name in below else value for name, value in above.items()}
        return below | changed
    if isinstance(below, list) and isinstance(above, list) and not isinstance(above, Override):
        return below + above
    return above
