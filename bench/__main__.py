"""Runs every measurement in one go against a service of its own, in a folder that is removed at the end."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def prepare(var: Path) -> dict[str, str]:
    """Settings of this run, set before Django reads them, so that no real database is touched, not even one of .env."""
    environment = {
        "FACEAPP_VAR": str(var),
        "FACEAPP_MODELS_DIR": os.environ.get("FACEAPP_MODELS_DIR") or str(ROOT / "var" / "models"),
        "FACEAPP_LOG_LEVEL": "WARNING",
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "FACEAPP_S3_BUCKET": "",
        "DJANGO_SETTINGS_MODULE": "faceapp.settings",
    }
    os.environ |= environment
    import django

    django.setup()
    return environment


def main() -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
        Path(folder).chmod(0o711)
        var = Path(folder) / "var"
        environment = prepare(var)
        from django.core.management import call_command
        from faceapp_client import FaceApp

        from bench import albums, dlib, engine, gallery, nextcloud, overhead, report, screening, search, throughput
        from demo.photographs import packaged_path
        from faceapp.tests.live_stack import LiveStack, running_stack

        call_command("fetch_models")
        say("engine against plain DeepFace")
        engines = engine.compare_with_deepface(photo=packaged_path("skimage/data/astronaut.png"))
        say("dlib's networks against dlib")
        networks = dlib.compare(packaged_path("skimage/data/astronaut.png"))
        with running_stack(LiveStack(var, environment)) as stack:
            say("search")
            searches = search.measure(search.SIZES[:1])
            key = stack.manage("create_api_key", search.client_name(search.SIZES[0])).stdout.strip()
            say("requests against the engine")  # before the database is filled and tidies up
            overheads = overhead.measure(FaceApp(stack.url, key))
            say("search in larger lists")
            searches += search.measure(search.SIZES[1:])
            say("albums")
            growths = albums.measure()
            say("search among people")
            galleries = gallery.measure()
        say("large photographs with dlib in a loop")
        loops = screening.loops()
        throughputs, screenings, nextclouds = [], [], []
        for workers in (1, 2):
            say(f"job with {workers} worker(s)")
            with running_stack(LiveStack(var, environment | {"FACEAPP_WORKER_CONCURRENCY": str(workers)})) as stack:
                throughputs.append(throughput.measure(FaceApp(stack.url, key), workers=workers))
                say(f"large photographs with {workers} worker(s)")
                screenings += screening.measure(stack, FaceApp(stack.url, key), workers=workers, loops=loops)
                say(f"Nextcloud with {workers} worker(s)")
                nextclouds += nextcloud.measure(stack, workers=workers)
    report.Report(
        engines,
        networks,
        overheads,
        throughputs,
        screenings,
        nextclouds,
        searches,
        galleries,
        growths,
        time.monotonic() - started,
    ).publish()


def say(text: str) -> None:
    print(f"Measure: {text} …", flush=True)


if __name__ == "__main__":
    main()
