"""Start everything: database, queue, migrations, static files, models, workers and web server."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command, get_commands
from django.db import OperationalError, connection

from environment import BASE_DIR
from faceapp import row_security
from faceapp.embedded import first_start, lock, places, postgres, redis, stack, static_files
from faceapp.embedded.supervision import StackError, Supervisor
from vault import master
from vault.exceptions import MasterKeyUnusable

READY = """
Ready after {seconds:.1f} s: {address}
Networks run on {devices}.
{first_start}
Ctrl-C stops everything."""
FIRST_START = """
  This is the first start. The password and the key are not shown again:
    administrator   {account.username}
    password        {account.password}
    API key         {account.api_key}   (client '{account.client}')
  Keep a copy of the master key ({key}): without it, stored photographs cannot be read and nobody is found.

  Try next:
    make demo                            screens photographs (in a second terminal)
    {address}console/try/   who is on a photograph, in the browser
    {address}docs           documentation of the API, to try out
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    help = __doc__

    def handle(self, **options: Any) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler)
        os.environ.pop("FACEAPP_DATABASE_ROLE", None)  # we act as the owner, our programs as stack.py says
        os.umask(0o077)  # what it stores is readable only by its own user
        try:
            var = places.private_folder(places.unprivileged_user(), settings.VAR)
            with lock.held(var / "up.lock") as held:
                self.run(held)
        except (StackError, MasterKeyUnusable, RuntimeError, OSError, OperationalError) as error:
            raise CommandError(str(error).strip()) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def run(self, held: TextIO) -> None:
        """Start everything and wait for a signal or for the end of the supervisor."""
        began = time.monotonic()
        stack.check_port_is_free()
        devices = stack.find_devices()
        database = self.prepare_stores()
        programs = stack.programs(database, devices=devices)
        supervisor = Supervisor(programs, settings.VAR, settings.RUN_DIR, BASE_DIR)
        try:
            self.start(supervisor, database, held)
            self.welcome(time.monotonic() - began, devices)
            connection.close()
            supervisor.wait()
        finally:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            supervisor.stop()

    def prepare_stores(self) -> postgres.Postgres | None:
        """The embedded database, initialised if necessary; None if DATABASE_URL names another."""
        user = places.unprivileged_user()
        places.socket_folder(user, settings.RUN_DIR)
        if not settings.EMBEDDED_DATABASE:
            return None
        with self.step("Prepare PostgreSQL"):
            server = postgres.prepare(var=settings.VAR, run_dir=settings.RUN_DIR)
        if not server.data.is_relative_to(settings.VAR.resolve()):
            self.stdout.write(f"    User '{server.user}' cannot enter this folder; the data is in {server.data.parent}")
        return server

    def start(self, supervisor: Supervisor, database: postgres.Postgres | None, held: TextIO) -> None:
        with self.step("Start database and queue"):
            supervisor.start(keep_open=held.fileno())
            if database:
                database.wait_until_ready()
                database.create_database(settings.DATABASES["default"]["NAME"])
            if settings.EMBEDDED_REDIS:
                redis.wait_until_ready(settings.REDIS_SOCKET)
        with self.step("Migrate"):
            call_command("migrate", interactive=False, verbosity=0)
            if gaps := row_security.gaps(connection):
                raise StackError(f"Row-level security does not hold: {gaps[0]}.")
            master.establish()  # with another master key than this database's, nothing starts
        with self.step("Collect static files"):
            static_files.collect_if_changed()
        if "fetch_models" in get_commands():
            with self.step("Fetch models", talks=True):
                call_command("fetch_models")
        with self.step("Start workers and web server"):
            supervisor.start_group("app")
            stack.wait_until_ready(supervisor)

    def welcome(self, seconds: float, devices: list[str]) -> None:
        address = stack.address()
        account = first_start.create_account()
        first = FIRST_START.format(account=account, address=address, key=master.source()) if account else ""
        text = READY.format(seconds=seconds, address=address, devices=", ".join(devices), first_start=first)
        self.stdout.write(text)
        self.stdout.flush()

    @contextmanager
    def step(self, name: str, *, talks: bool = False) -> Iterator[None]:
        """Print what is being done and how long it took. A step that prints lines itself `talks`."""
        began = time.monotonic()
        if self.stdout.isatty():
            self.stdout.write(f"  {name} …", ending="\n" if talks else "\r")
            self.stdout.flush()
        yield
        self.stdout.write(f"  {name:<32}{time.monotonic() - began:6.1f} s")
        self.stdout.flush()
