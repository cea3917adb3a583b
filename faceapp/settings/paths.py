"""Where the service keeps its files."""

from environment import BASE_DIR, path, socket_directory

VAR = path("FACEAPP_VAR", BASE_DIR / "var")
RUN_DIR = socket_directory(VAR)
MODELS_DIR = path("FACEAPP_MODELS_DIR", VAR / "models")
