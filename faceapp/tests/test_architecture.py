"""Imports point one way, rules know no HTTP, and files keep their size: read from the source, nothing is executed.

Three kinds of modules make up an app. *Open* modules are what other apps use. *Interface* modules speak HTTP or print
on a terminal, and may use the interface modules of packages below. The rest is the app's own.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable

import pytest
from django.conf import settings

from faceapp.tests.source import (
    ROOT,
    Import,
    cycles,
    functions,
    imported_names,
    imports,
    module_name,
    modules,
    packages,
    source_files,
    tree_of,
)

# From the top down: a package imports packages of the rows below its own, never of its own row or above.
APPS: list[set[str]] = [
    {"compat", "console", "evaluation", "frigate"},
    {"transfer"},
    {"albums", "recognition", "training"},
    {"blacklist"},
    {"people"},
    {"liveness"},
    {"calibration"},
    {"notifications"},
]
# What apps are built of. Other packages may use all their modules but those that begin with an underscore.
FOUNDATIONS: list[set[str]] = [
    {"work"},
    {"storage", "vectors"},
    {"login"},
    {"clients"},
    {"audit"},
    {"vault"},
    {"rest"},
    {"remote"},
    {"vision"},
    {"calls", "mqtt", "telemetry"},
    {"environment", "errors", "walls"},
]
FLOORS = [*APPS, *FOUNDATIONS]
BELOW: dict[str, set[str]] = {
    package: set().union(*FLOORS[number + 1 :]) for number, floor in enumerate(FLOORS) for package in floor
}
PROJECT = "faceapp"  # wires everything together
PROGRAMS = {"bench", "demo", "languages", "supply_chain"}  # run beside the service: they print, nothing imports them
CLIENT = "sdk"  # a package of its own, which knows the service by HTTP alone

OPEN = {"models", "querysets", "services", "types", "exceptions"}
INTERFACES = {  # `apps` connects an app with Django, `access` asks who is logged in, `pictures` shows images
    "access", "admin", "admin_site", "api", "apps", "audit_admin", "authentication", "filters", "forms", "management",
    "middleware", "permissions", "pictures", "responses", "schema", "templatetags", "throttling", "urls", "views",
    "walled_admin",
}  # fmt: skip
INTERFACE_PACKAGES = {"compat", "console", "login", "rest"}
# The one exception: reading folders, tables and reports is no service, and evaluation reads photographs as imports do.
WITHOUT_SERVICES = {"transfer"}
HTTP = {"rest_framework", "django.http", "django.urls", "django.contrib.admin", "drf_spectacular", "unfold"}

# Where libraries that are slow to import may be imported: in engines, in the program that trains a network, in plots.
# There too they are imported late, except by the engines that vision loads by name and by programs.
MODEL_LIBRARIES = {"tensorflow", "keras", "deepface", "dlib", "cv2", "onnxruntime", "mtcnn", "retinaface", "matplotlib"}
USERS_OF_MODEL_LIBRARIES = ("vision.", "evaluation.plots", "training.fit", "bench.")
EARLY_USERS_OF_MODEL_LIBRARIES = ("vision.engines.", "bench.")

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "tools", "base_utils"}
MAX_LINES_OF_FILE = 400
MAX_LINES_OF_FUNCTION = 30


# ---- directions -------------------------------------------------------------------------------------------------
def test_every_package_has_its_place() -> None:
    assert packages() == {*BELOW, PROJECT, *PROGRAMS, CLIENT}
    assert sum(map(len, FLOORS)) == len(BELOW)


def test_a_package_imports_only_packages_below_it() -> None:
    assert_none(
        found
        for found in imports()
        if found.importing_package in BELOW
        and found.package in BELOW
        and found.package not in BELOW[found.importing_package] | {found.importing_package}
    )


def test_no_package_is_both_top_and_bottom() -> None:
    """Late imports count: they only hide a circle."""
    graph = defaultdict(set)
    for found in imports():
        if found.package in packages():
            graph[found.importing_package].add(found.package)
    assert not (circles := cycles(graph)), circles


def test_no_module_is_both_top_and_bottom() -> None:
    """Late imports count here too, apart from two that close a circle inside one app on purpose: querysets create rows
    of the models whose managers they are, and services enqueue tasks that call them.
    """
    graph = defaultdict(set)
    for found in imports():
        target = imported_module(found)
        argued = (
            not found.at_import_time
            and siblings(found.importer, target)
            and (stem(target) == "tasks" or (stem(found.importer), stem(target)) == ("querysets", "models"))
        )
        if target and found.package not in PROGRAMS and not argued:
            graph[found.importer].add(target)
    assert not (circles := cycles(graph)), circles


def test_apps_use_open_modules_of_each_other() -> None:
    assert_none(
        found
        for found in imports()
        if found.importing_package in BELOW
        and found.package in set(BELOW) - {found.importing_package}
        and not is_open(found)
        and not (is_interface(found.importer) and found.module in INTERFACES)
    )


def test_rules_know_neither_http_nor_interfaces() -> None:
    assert_none(
        found
        for found in imports()
        if found.importing_package in BELOW
        and not is_interface(found.importer)
        and (speaks_http(found.name) or (found.package in BELOW and is_interface(imported_module(found))))
    )


def test_nothing_imports_the_project_or_the_programs() -> None:
    assert_none(
        found
        for found in imports()
        if found.package in {PROJECT, *PROGRAMS} - {found.importing_package} and found.importing_package not in PROGRAMS
    )


def test_the_python_client_and_the_service_do_not_know_each_other() -> None:
    inside = [found for found in imports() if found.importing_package == CLIENT]
    ours = {*BELOW, PROJECT, *PROGRAMS, "django", "requests", "PIL"}
    assert inside and not [found for found in inside if found.package in ours and found.at_import_time]
    users = [found for found in imports() if found.package == "faceapp_client" and found.importing_package != CLIENT]
    assert_none(found for found in users if found.importing_package not in PROGRAMS)


def test_thresholds_of_spaces_are_read_by_calibration() -> None:
    """Everything else asks for an operating point, which knows the client's own threshold."""
    reading = [
        f"{module_name(file)}:{node.lineno}"
        for file in source_files()
        if module_name(file).partition(".")[0] not in {"calibration", "vision", *PROGRAMS}
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute) and node.attr == "thresholds" and "space" in ast.unparse(node.value)
    ]
    assert not reading, reading


def test_adapters_ask_no_database() -> None:
    """What an adapter needs is a service or, for a table of its own dialect, a method of its queryset."""
    adapters = [file for file in source_files() if file.is_relative_to(ROOT / "compat")]
    thin = {"views", "payloads", "urls", "errors", "authentication"}
    asking = [
        f"{module_name(file)}:{node.lineno}"
        for file in adapters
        if file.stem in thin
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]
    assert adapters and not asking


# ---- heavy libraries --------------------------------------------------------------------------------------------
def test_model_libraries_are_imported_where_they_are_used_and_late() -> None:
    heavy = [found for found in imports() if found.package in MODEL_LIBRARIES]
    assert_none(found for found in heavy if not found.importer.startswith(USERS_OF_MODEL_LIBRARIES))
    early = [found for found in heavy if found.at_import_time]
    assert_none(found for found in early if not found.importer.startswith(EARLY_USERS_OF_MODEL_LIBRARIES))


@pytest.mark.parametrize(
    "script",
    [
        "from faceapp.wsgi import application; import faceapp.urls",
        "from faceapp.celery import app; import django; django.setup(); app.loader.import_default_modules()",
        "import django; django.setup(); from django.core import checks; checks.run_checks()",
    ],
    ids=["web process", "worker parent", "system checks"],
)
def test_no_model_library_is_loaded_outside_worker_children(script: str) -> None:
    report = f"import sys; print(*sorted({MODEL_LIBRARIES!r} & set(sys.modules)), sep='\\n')"
    code = f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'faceapp.settings'; {script}; {report}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


# ---- names and sizes --------------------------------------------------------------------------------------------
def test_every_installed_app_has_its_place() -> None:
    apps = {name.partition(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.partition(".")[0]).is_dir()}
    assert apps - {PROJECT} <= set(BELOW)


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [file for file in source_files() if VAGUE_NAMES & {file.stem, *file.relative_to(ROOT).parts[:-1]}]


def test_nothing_is_printed() -> None:
    """Commands write to `self.stdout`, everything else logs."""
    printing = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in source_files()
        if file.relative_to(ROOT).parts[0] not in PROGRAMS
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing


def test_files_have_at_most_400_lines() -> None:
    tests = [file for folder in packages() for file in (ROOT / folder).rglob("tests/*.py")]
    lines = {file: len(file.read_text().splitlines()) for file in [*source_files(), *tests]}
    assert not {str(file.relative_to(ROOT)): n for file, n in lines.items() if n > MAX_LINES_OF_FILE}


def test_methods_of_adapters_have_at_most_ten_lines() -> None:
    assert not {name: length for name, length in functions() if ".views." in name and "compat." in name and length > 10}


def test_functions_are_short() -> None:
    """Nine in ten under 30 lines, the median about 8, docstrings not counted."""
    lengths = sorted(length for _, length in functions())
    assert statistics.median(lengths) <= 12
    long = [(name, length) for name, length in functions() if length > MAX_LINES_OF_FUNCTION]
    assert len(long) <= len(lengths) / 10, long


# ---- the reader itself ------------------------------------------------------------------------------------------
def test_a_wrong_import_would_be_seen() -> None:
    """Relative, nested and type-only imports."""
    text = "from ..people import services\ndef f():\n    import cv2\nif TYPE_CHECKING:\n    import dlib"
    assert list(imported_names(ast.parse(text), package="vision.engines")) == [
        ("vision.people.services", True),
        ("cv2", False),
    ]


def test_a_circle_would_be_seen() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"d"}}) == [["b", "c"]]
    assert cycles({"a": {"b", "c"}, "b": {"c"}}) == []


def is_open(found: Import) -> bool:
    """Whether the imported module is one that other packages may use."""
    if found.package in WITHOUT_SERVICES or any(found.package in floor for floor in FOUNDATIONS):
        return not found.module.startswith("_")
    return found.module in OPEN


def is_interface(module: str) -> bool:
    """Whether a module speaks HTTP or with a terminal. A dialect's open modules do not."""
    package, *inside = module.split(".")
    if package == "compat" and OPEN & set(inside):
        return False
    return package in INTERFACE_PACKAGES or bool(INTERFACES & set(inside))


def speaks_http(name: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for library in HTTP)


def imported_module(found: Import) -> str:
    """The module of ours that an import loads; empty for other libraries."""
    name = found.name
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name


def siblings(one: str, other: str) -> bool:
    return one.rpartition(".")[0] == other.rpartition(".")[0]


def stem(module: str) -> str:
    return module.rpartition(".")[2]


def assert_none(found: Iterable[Import]) -> None:
    lines = sorted({str(item) for item in found})
    assert not lines, "\n" + "\n".join(lines)
