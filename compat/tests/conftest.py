"""The fake engine that tells living faces from presented ones."""

from liveness.tests.conftest import antispoof  # noqa: F401  a fixture
