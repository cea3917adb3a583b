"""Imports point one way, and files keep their size: read from the source with `ast`, so that nothing is executed."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings

ROOT: Path = settings.BASE_DIR

# From the top down: an app imports apps of the rows below its own, never of its own row or above.
FLOORS: list[set[str]] = [
    {"compat", "transfer", "evaluation"},
    {"albums", "recognition", "training"},
    {"blacklist"},
    {"people"},
    {"liveness"},
    {"calibration"},
    {"work", "storage"},
    {"clients"},
    {"rest"},
    {"vision"},
    {"errors", "environment"},
]
BELOW: dict[str, set[str]] = {
    app: set().union(*FLOORS[number + 1 :]) for number, floor in enumerate(FLOORS) for app in floor
}
# What one app may import of another.
OPEN = {"models", "services", "types", "exceptions", "querysets"}
# vision has no tables and no services: its verbs lie in these modules.
OPEN_IN = {
    "vision": {
        "images",
        "inference",
        "distances",
        "engines",
        "raw_faces",
        "similarity",
        "frames",
        "clusters",
    },
    "albums": {"curation"},
    "clients": {"numbering"},
    "storage": {"files", "orphans", "previews"},
    "work": {"claims"},
}
# Whole packages that have no services: everything of them may be imported.
FOUNDATIONS = {"errors", "environment"}
# Interfaces, and the modules they may import besides the above: who is calling, and how errors leave.
DOORS = {"api", "admin", "views", "forms", "urls", "management", "filters", "schema", "middleware"}
TOOLS_OF_DOORS = {
    "clients": {"authentication", "permissions", "throttling", "api"},
    "people": {"api", "admin"},
    "recognition": {"api"},
    "storage": {"pictures", "responses"},
    "rest": {"errors", "fields", "pagination", "parameters", "parsers"},
}
# Rules know no HTTP and no door.
DOMAIN = {"models", "querysets", "services", "types", "exceptions"}
# What `people.services` is cut into.
DOMAIN |= {
    "files",
    "portraits",
    "records",
    "enrolment",
    "searching",
    "erasure",
    "calibration",
    "gate",
    "proofs",
    "verifying",
}
HTTP = {"rest_framework", "django.http", "django.urls", "django.contrib.admin", "drf_spectacular", "unfold"}
MODEL_LIBRARIES = {"tensorflow", "keras", "deepface", "dlib", "cv2", "onnxruntime", "mtcnn", "retinaface", "matplotlib"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "tools", "base_utils"}
PROGRAMS = ("bench", "demo")  # run beside the service: they print, and nothing imports them
CLIENT = "sdk"  # a package of its own, which knows the service by HTTP alone
MAX_LINES_OF_FILE = 400
MAX_LINES_OF_FUNCTION = 30


class Import(NamedTuple):
    """One imported name, absolute, with the module that imports it."""

    importer: str
    name: str
    at_import_time: bool

    @property
    def app(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.importer} imports {self.name}"


def source_files() -> list[Path]:
    """Our own modules, without tests and migrations."""
    folders = [ROOT / name for name in (*BELOW, "faceapp", *PROGRAMS, CLIENT) if (ROOT / name).is_dir()]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return [file for file in files if not {"tests", "migrations"} & set(file.relative_to(ROOT).parts)]


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), filename=str(file))


def imports() -> Iterator[Import]:
    """Every import of our own modules; those for type checkers only are left out."""
    for file in source_files():
        package = module_name(file) if file.name == "__init__.py" else module_name(file).rpartition(".")[0]
        for node, at_import_time in _walk(tree_of(file).body, at_import_time=True):
            for name in _names(node, package):
                yield Import(module_name(file), name, at_import_time)


def _walk(body: list[ast.stmt], *, at_import_time: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node, at_import_time
        inside = at_import_time and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for part in ("body", "orelse", "finalbody", "cases"):
            yield from _walk(getattr(node, part, []), at_import_time=inside)
        for handler in getattr(node, "handlers", []):
            yield from _walk(handler.body, at_import_time=inside)


def _names(node: ast.stmt, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join([*parents, *([node.module] if node.module else [])])
        return [f"{origin}.{alias.name}" for alias in node.names]
    return []


def test_an_app_imports_only_apps_below_it() -> None:
    upwards = [
        found
        for found in imports()
        if (own := found.importer.partition(".")[0]) in BELOW
        and found.app in BELOW
        and found.app not in BELOW[own] | {own}
    ]
    assert not upwards, _report(upwards)


def test_an_app_imports_only_the_open_modules_of_another() -> None:
    closed = []
    for found in imports():
        own, *inside = found.importer.split(".")
        if own in BELOW and found.app in BELOW and found.app != own:
            allowed = OPEN | OPEN_IN.get(found.app, set())
            if own in {"compat", "_"} or DOORS & set(inside):
                allowed |= TOOLS_OF_DOORS.get(found.app, set())
            if found.app not in FOUNDATIONS and found.name.split(".")[1] not in allowed:
                closed.append(found)
    assert not closed, _report(closed)


def test_no_app_imports_the_project() -> None:
    found = [item for item in imports() if item.app == "faceapp" and item.importer.partition(".")[0] in BELOW]
    assert not found, _report(found)


def test_nothing_imports_the_programs_beside_the_service() -> None:
    found = [item for item in imports() if item.app in PROGRAMS and item.importer.partition(".")[0] not in PROGRAMS]
    assert not found, _report(found)


def test_the_python_client_and_the_service_do_not_know_each_other() -> None:
    inside = [item for item in imports() if item.importer.startswith(CLIENT)]
    ours = {*BELOW, *PROGRAMS, "faceapp", "django", "requests", "PIL"}
    assert inside and not [item for item in inside if item.app in ours and item.at_import_time]
    users = [item for item in imports() if item.app == "faceapp_client" and not item.importer.startswith(CLIENT)]
    assert not [item for item in users if item.importer.partition(".")[0] not in PROGRAMS]


def test_rules_know_no_http_and_no_door() -> None:
    wrong = []
    for found in imports():
        own, *inside = found.importer.split(".")
        if own in BELOW and inside and inside[0] in DOMAIN:
            of_http = any(found.name == name or found.name.startswith(f"{name}.") for name in HTTP)
            of_door = found.app in BELOW and len(found.name.split(".")) > 1 and found.name.split(".")[1] in DOORS
            if of_http or of_door:
                wrong.append(found)
    assert not wrong, _report(wrong)


def test_adapters_ask_no_database() -> None:
    """What an adapter needs is a service or, for a table of its own dialect, a question of its QuerySet."""
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


def test_methods_of_adapters_have_at_most_ten_lines() -> None:
    assert not {name: length for name, length in functions() if ".views." in name and "compat." in name and length > 10}


def test_model_libraries_are_imported_by_engines_alone_and_late() -> None:
    found = [found for found in imports() if found.app in MODEL_LIBRARIES]
    allowed = ("vision.", "bench.", "training.fit")  # the last is a program of its own
    elsewhere = [item for item in found if not item.importer.startswith(allowed)]
    assert not elsewhere, _report(elsewhere)
    early = [
        item for item in found if item.at_import_time and not item.importer.startswith(("vision.engines.", "bench."))
    ]
    assert not early, _report(early)


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
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_app_has_its_place_in_the_directions() -> None:
    apps = {name.partition(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.partition(".")[0]).is_dir()}
    assert apps - {"faceapp"} <= set(BELOW)


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
    tests = [file for folder in (*BELOW, "faceapp", CLIENT) for file in (ROOT / folder).rglob("tests/*.py")]
    lines = {file: len(file.read_text().splitlines()) for file in [*source_files(), *tests]}
    assert not {str(file.relative_to(ROOT)): n for file, n in lines.items() if n > MAX_LINES_OF_FILE}


def test_functions_are_short() -> None:
    """Nine in ten under 30 lines, the median about 8, docstrings not counted."""
    lengths = sorted(length for _, length in functions())
    assert statistics.median(lengths) <= 12
    long = [(name, length) for name, length in functions() if length > MAX_LINES_OF_FUNCTION]
    assert len(long) <= len(lengths) / 10, long


def functions() -> Iterator[tuple[str, int]]:
    for file in source_files():
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1:2] if ast.get_docstring(node) else node.body[:1]
                start = first[0].lineno if first else node.end_lineno
                yield f"{module_name(file)}.{node.name}", (node.end_lineno or 0) - (start or 0) + 1


def _report(found: list[Import]) -> str:
    return "\n".join(sorted({str(item) for item in found}))


def test_a_wrong_import_would_be_seen() -> None:
    """The reader itself: relative, nested and type-only imports."""
    body = ast.parse("from ..people import services\ndef f():\n    import cv2\nif TYPE_CHECKING:\n    import dlib").body
    seen = [
        (name, early) for node, early in _walk(body, at_import_time=True) for name in _names(node, "vision.engines")
    ]
    assert seen == [("vision.people.services", True), ("cv2", False)]
