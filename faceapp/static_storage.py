"""How static files are collected."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

_extension, IMPORTS = HashedFilesMixin._js_module_import_aggregation_patterns  # type: ignore[attr-defined]


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Modules of ours import each other by hashed names, so that no browser mixes those of two versions.

    Django does it for all scripts or none, and those of some libraries name files that they do not ship.
    """

    patterns = (*HashedFilesMixin.patterns, ("console/*.js", IMPORTS))
