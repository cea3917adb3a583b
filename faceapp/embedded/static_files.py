"""Collects static files only when they may have changed, because it takes seconds."""

from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from environment import BASE_DIR


def collect_if_changed() -> None:
    """Run collectstatic unless packages and our own files are the same as last time."""
    stamp = Path(settings.STATIC_ROOT) / ".collected-from"
    digest = sha256((BASE_DIR / "requirements.txt").read_bytes())
    for folder in map(Path, settings.STATICFILES_DIRS):
        for file in sorted(folder.rglob("*")):
            digest.update(f"{file.relative_to(folder)} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
    fingerprint = digest.hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint)
