"""What the encryption of stored files costs: writing and reading a file of a megabyte, plain and encrypted in turn.

`python -m bench.encryption` needs nothing that runs: the secret of the client, which a process remembers for a minute,
is made up, and files lie in a temporary folder. Nothing is flushed to the disk: what is measured is what encryption
adds. Processor time, which other programs on the machine disturb less than they do the clock.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from unittest import mock

SIZE, ROUNDS = 1 << 20, 300


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"FACEAPP_VAR": folder, "FACEAPP_MEDIA_ROOT": f"{folder}/media"}
        import django

        django.setup()
        with mock.patch("storage.encryption.secret_of", return_value=os.urandom(32)):
            measure()


def measure() -> None:
    from django.core.files.base import ContentFile

    from storage.backend import ClientFiles

    files, data, times = ClientFiles(), os.urandom(SIZE), defaultdict(list)

    def timed(what: str, call: Callable[[], object]) -> None:
        began = time.process_time()
        call()
        times[what].append(time.process_time() - began)

    for number in range(ROUNDS):
        for kind, mark in (("plain", ""), ("encrypted", ".enc")):
            name = f"references/1/{number}{mark}.jpg"
            timed(f"write {kind}", lambda name=name: files.save(name, ContentFile(data)))
            timed(f"read {kind}", lambda name=name: read(files, name))
            files.delete(name)
    for what, seconds in times.items():
        low, middle, high = (quantile * 1000 for quantile in statistics.quantiles(seconds, n=4))
        sys.stdout.write(f"{what:<16} {middle:6.2f} ms  (middle half {low:.2f} to {high:.2f}; {len(seconds)} files)\n")


def read(files: object, name: str) -> None:
    with files.open(name) as file:  # type: ignore[attr-defined]
        assert len(file.read()) == SIZE


if __name__ == "__main__":
    main()
