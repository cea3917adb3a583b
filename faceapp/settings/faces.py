"""Detection, embedding models and the quality of enrolled faces."""

from typing import Any

from environment import env

_detector = env.str("FACEAPP_DETECTOR", default="mmod")
_models = {"default": env.str("FACEAPP_MODEL", default="Dlib")} | {
    name.lower(): name for name in env.list("FACEAPP_EXTRA_MODELS", default=[])
}
FACE_ENGINES: dict[str, dict[str, Any]] = {
    alias: {"BACKEND": "vision.engines.deepface.DeepFaceEngine", "OPTIONS": {"model": model, "detector": _detector}}
    for alias, model in _models.items()
}
# Detectors that a request may name in addition to the engines' own.
FACE_DETECTORS = env.list("FACEAPP_EXTRA_DETECTORS", default=["dlib", "mtcnn", "opencv"])
DLIB_PIPELINE = "vision.engines.dlib_native.NativeDlibPipeline"  # for callers that store dlib's descriptors themselves
DETECTION_SIDE = env.int("FACEAPP_DETECTION_SIDE", default=1280)  # longest side for detection, pixels
DETECTION_ENLARGEMENT = env.float("FACEAPP_DETECTION_ENLARGEMENT", default=1.75)  # of the image that mmod searches
DLIB_NETWORK = env.str("FACEAPP_DLIB_NETWORK", default="onnx")  # or "dlib", for comparison
LICENCE = env.str("FACEAPP_LICENCE", default="any")  # of weights: any, permissive, or a list
AGE_AND_GENDER = env.bool("FACEAPP_AGE_AND_GENDER", default=False)  # guessed in answers to detection, never stored
QUALITY_GATE = env.str("FACEAPP_QUALITY_GATE", default="standard")  # of enrolments: off, standard or strict
