"""Networks that the deployment describes itself, and the names of models that FaceAnalysis used."""

import tomllib
from pathlib import Path
from typing import Any

from environment import env
from environment.variables import refusal

# What FaceAnalysis called its algorithms, by the last part of the name of their container image.
ALGORITHMS = {"face_recognition": "Dlib", "facenet": "Facenet512", "insightface": "Buffalo_L"}
OF_AZURE, AZURE = {"azure", "faceapi"}, "azure_face"
DEFAULT_MODEL = "pair128"


def _read(path: str) -> dict[str, dict[str, Any]]:
    """The entries of the file at `path` by name; `vision.checks` says what is wrong with one."""
    if not path:
        return {}
    try:
        found = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise refusal("FACEAPP_NETWORKS", f"cannot be read: {error.strerror}.") from None
    except ValueError as error:  # of TOML, or of UTF-8
        raise refusal("FACEAPP_NETWORKS", f"is no TOML file: {error}.") from None
    if wrong := [name for name, entry in found.items() if not isinstance(entry, dict)]:
        raise refusal("FACEAPP_NETWORKS", f"has {wrong[0]!r} outside of a table such as [auraface].")
    return found


def _of_algorithm(name: str) -> str:
    """The model that FaceAnalysis' setting names: one of FACEAPP_NETWORKS of this name, or the one built in."""
    plain = name.rsplit("/", 1)[-1].partition(":")[0].lower()
    own = {described.lower(): described for described in NETWORKS}
    if plain in own:
        return own[plain]
    if plain in OF_AZURE:
        if env.str("FACE_PROCESSING_BACKEND", default="deepface") == AZURE:
            return DEFAULT_MODEL
        raise refusal("FACE_VECTORIZE_ALGORITHM", f"is Azure's service: set FACE_PROCESSING_BACKEND={AZURE} too.")
    if plain not in ALGORITHMS:
        known = ", ".join(["azure", "face_recognition", "FaceNet", "InsightFace", *NETWORKS])
        raise refusal("FACE_VECTORIZE_ALGORITHM", f"names no algorithm. Known: {known}.")
    return ALGORITHMS[plain]


NETWORKS = _read(env.str("FACEAPP_NETWORKS", default=""))
ALGORITHM = env.str("FACE_VECTORIZE_ALGORITHM", default="")
MODEL = env.str("FACEAPP_MODEL", default="pair128")
if ALGORITHM and "FACEAPP_MODEL" not in env.ENVIRON:
    MODEL = _of_algorithm(ALGORITHM)
