"""The settings package: a module for each concern, collected without gaps."""

from __future__ import annotations

import ast
from collections import Counter
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from faceapp import settings

FOLDER = Path(settings.__file__).parent
MODULES = [module.name for module in iter_modules([str(FOLDER)])]


def defined_in(module: str) -> set[str]:
    """The settings that a module assigns, but not those that it imports from another."""
    body = ast.parse((FOLDER / f"{module}.py").read_text()).body
    targets = [
        target
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return {target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()}


def test_every_module_is_collected() -> None:
    for module in MODULES:
        values = vars(import_module(f"faceapp.settings.{module}"))
        missing = {name for name in defined_in(module) if getattr(settings, name, None) is not values[name]}
        assert defined_in(module) and not missing, module


def test_each_setting_has_one_home() -> None:
    counts = Counter(name for module in MODULES for name in defined_in(module))
    assert [name for name, count in counts.items() if count > 1] == []
    assert defined_in("__init__") == set()
