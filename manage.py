#!/usr/bin/env python3
"""Django's command line for this project: `python manage.py help`."""

import io
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character must not end a command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    from walls.current import open_by_default

    # An administrator on the machine sees the rows of every client; these commands also make tables.
    open_by_default()
    if not sys.argv[1:] or sys.argv[1] in {"up", "migrate", "makemigrations", "flush", "dbshell"}:
        os.environ.setdefault("FACEAPP_DATABASE_ROLE", "owner")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
