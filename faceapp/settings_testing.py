"""Settings for pytest: embedded servers of their own in a fresh folder, the fake engine, tasks run in place."""

import atexit
import os
import shutil
import tempfile

# Each process of a parallel run has a folder, and so servers, of its own; the programs that it starts inherit it.
if (process := os.environ.get("PYTEST_XDIST_WORKER", "")) and f"-{process}-" not in os.environ.get("FACEAPP_VAR", ""):
    os.environ["FACEAPP_TEST_RUN"] = os.environ.pop("FACEAPP_VAR", "")  # of the process that has started this one
if "FACEAPP_VAR" not in os.environ:
    os.environ["FACEAPP_VAR"] = tempfile.mkdtemp(prefix=f"faceapp-test-{process}-")
    atexit.register(shutil.rmtree, os.environ["FACEAPP_VAR"], ignore_errors=True)

os.environ["FACEAPP_DATABASE_ROLE"] = "owner"  # which makes the test database; tests then act as the application
from faceapp.settings import *  # noqa: F403

del os.environ["FACEAPP_DATABASE_ROLE"]

FACE_ENGINES = {
    "default": {"BACKEND": "vision.engines.fake.FakeEngine", "OPTIONS": {}},
    "second": {"BACKEND": "vision.engines.fake.FakeEngine", "OPTIONS": {"model": "Fake8", "dimensions": 8}},
}
FACE_DETECTORS = ["mtcnn"]
DLIB_PIPELINE = "vision.engines.fake.FakeDlibPipeline"
QUALITY_GATE = "off"  # squares of one colour are never sharp
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["TEST"] = {"TEMPLATE": DATABASES["default"]["NAME"]} if EMBEDDED_DATABASE else {}  # noqa: F405
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
READY_SECONDS = 0.0
METRICS_KEY = ""  # no thread that sends counts
RATE_LIMIT = FAILED_KEY_LIMIT = FACEANALYSIS_LOGIN_LIMIT = ""
LOGIN_LIMIT = LOGIN_ADDRESS_LIMIT = LOGIN_NAME_LIMIT = ""
CONFIRM_SECONDS = 0  # tests log in without a password
