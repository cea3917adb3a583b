"""`manage.py frigate_bridge`: recognises the people that Frigate sees, until it is stopped (docs/frigate.md)."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from frigate.bridge import Bridge
from frigate.calls import Calls
from mqtt import broker


class Command(BaseCommand):
    help = (
        "Hear of people from Frigate by MQTT, recognise them in its snapshots, publish who it was, and give the event a"
        " sub label. Runs until it is stopped. FACEAPP_FRIGATE_* and FACEAPP_MQTT_* configure it."
    )
    requires_system_checks: list[str] = []  # it uses no database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pulse", type=Path, metavar="FILE", help="touched every second while the bridge lives")

    def handle(self, *args: Any, **options: Any) -> None:
        lacking = [
            name
            for name, value in {
                "FACEAPP_MQTT_HOST": broker.is_enabled(),
                "FACEAPP_FRIGATE_URL": settings.FRIGATE_URL,
                "FACEAPP_FRIGATE_KEY": settings.FRIGATE_KEY,
            }.items()
            if not value
        ]
        if lacking:
            raise CommandError(f"Set {', '.join(lacking)} first; docs/frigate.md explains them.")
        stop = threading.Event()
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: stop.set())
        calls = Calls(stop)
        try:
            Bridge(calls, stop, pulse=options["pulse"].touch if options["pulse"] else bool).run()
        finally:
            calls.close()
