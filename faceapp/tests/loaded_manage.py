"""`manage.py` for many commands: Django is loaded once, and each command runs in a fork, as in a process of its own.

To load it takes two seconds of a processor. Each line of the standard input is a command: its arguments, and the files
for what it prints. Each line of the answer is an exit status.
"""

import json
import os
import runpy
import sys
from pathlib import Path

import django


def serve() -> list[str]:
    """Returns in each fork, with the arguments of its command; the process itself ends with its input."""
    for line in sys.stdin:
        arguments, *files = json.loads(line)
        if not (child := os.fork()):
            for number, name in enumerate([os.devnull, *files]):
                os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
            return list(arguments)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
    sys.exit()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "faceapp.settings"
    sys.path.insert(0, str(Path.cwd()))
    django.setup()
    sys.argv = ["manage.py", *serve()]
    runpy.run_path("manage.py", run_name="__main__")
