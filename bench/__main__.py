"""Runs the measurements in one go against a service of its own, in a folder that is removed at the end.

`python -m bench` runs all and writes docs/benchmarks.md; `python -m bench search overhead` runs some.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.report import Row

ROOT = Path(__file__).resolve().parent.parent
NAMES = (
    *("engine", "native", "dlib", "overhead", "throughput", "screening", "profile", "nextcloud"),
    *("search", "gallery", "albums", "audit", "rotation", "pages"),
)
PROFILED = 2  # workers
BY_WORKERS = {"throughput", "screening", "profile", "nextcloud"}


def prepare(var: Path) -> dict[str, str]:
    """Settings of this run, set before Django reads them, so that no real database is touched, not even one of .env."""
    environment = {
        "FACEAPP_VAR": str(var),
        "FACEAPP_MODELS_DIR": os.environ.get("FACEAPP_MODELS_DIR") or str(ROOT / "var" / "models"),
        "FACEAPP_LOG_LEVEL": "WARNING",
        "DATABASE_URL": "",
        "FACEAPP_DATABASE_ROLE": "owner",
        "REDIS_URL": "",
        "FACEAPP_S3_BUCKET": "",
        "FACEAPP_CLIENT_WAITING": "0",  # one client keeps all workers busy
        "DJANGO_SETTINGS_MODULE": "faceapp.settings",
    }
    os.environ |= environment | {"OPENBLAS_NUM_THREADS": "1"}  # numpy's matrix products, to compare with
    import django

    from walls.current import open_by_default

    open_by_default()
    django.setup()
    return environment


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure (all): {', '.join(NAMES)}")
    parser.add_argument("--million", action="store_true", help="search also among a million templates")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the rows of a run")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
        Path(folder).chmod(0o711)
        rows = measure(arguments.names or NAMES, Path(folder) / "var", million=arguments.million)
    from bench import report

    report.show(rows)
    seconds = time.monotonic() - started
    if arguments.json or not arguments.names:
        report.save(rows, seconds, arguments.json)
    if not arguments.names:
        report.write_page(rows, seconds)


def measure(names: Iterable[str], var: Path, *, million: bool = False) -> dict[str, list[Row]]:
    """The rows of each measurement that is named, in the order of NAMES."""
    environment = prepare(var)
    from django.core.management import call_command
    from django.db import connections
    from faceapp_client import FaceApp

    from bench import (
        albums,
        audit,
        dlib,
        engine,
        gallery,
        native,
        nextcloud,
        overhead,
        pages,
        profile,
        rotation,
        screening,
        search,
        throughput,
    )
    from demo.photographs import packaged_path
    from faceapp.tests.database_roles import act_as_application
    from faceapp.tests.live_stack import LiveStack, running_stack

    rows: dict[str, list[Row]] = {name: [] for name in NAMES if name in set(names)}

    def add(name: str, measured: Callable[..., Iterable[Row]], *arguments: Any, **options: Any) -> None:
        if name in rows:
            print(f"Measure: {name} …", flush=True)
            rows[name].extend(measured(*arguments, **options))

    call_command("fetch_models")
    photo = packaged_path("skimage/data/astronaut.png")
    add("engine", engine.compare_with_deepface, photo=photo)
    add("native", native.compare)
    add("dlib", dlib.compare, photo)
    with running_stack(LiveStack(var, environment)) as stack:
        act_as_application()
        listed = search.measure(search.SIZES[:1])  # the list that the requests below are compared with
        key = stack.manage("create_api_key", search.client_name(search.SIZES[0]), "--scopes", "all").stdout.strip()
        add("search", list, listed)
        # before the database is filled and tidies up
        add("overhead", overhead.measure, FaceApp(stack.url, key))
        add("search", search.measure, search.SIZES[1:] + (search.MILLION,) * million)
        add("albums", albums.measure)
        add("gallery", gallery.measure)
        add("audit", audit.measure)
        add("rotation", rotation.measure)
        add("pages", pages.measure)
    loops = screening.loops() if "screening" in rows else {}
    for workers in (1, 2) if BY_WORKERS & rows.keys() else ():
        connections.close_all()  # the database of the stack before has stopped
        with running_stack(LiveStack(var, environment | {"FACEAPP_WORKER_CONCURRENCY": str(workers)})) as stack:
            service = FaceApp(stack.url, key)
            add("throughput", throughput.measure, service, workers=workers)
            add("screening", screening.measure, stack, service, workers=workers, loops=loops)
            if workers == PROFILED:
                add("profile", profile.measure, stack, service, search.client_name(search.SIZES[0]))
            add("nextcloud", nextcloud.measure, stack, workers=workers)
    return rows


if __name__ == "__main__":
    main()
