"""Detection, embedding models and the quality of enrolled faces."""

from typing import Any

from environment import env
from faceapp.settings.networks import MODEL, NETWORKS

DLIB_NETWORK = env.str("FACEAPP_DLIB_NETWORK", default="onnx")  # or "dlib", for comparison
NATIVE_MODELS = {"pair128", "fr512", "mobilefacenet192"} | ({"Dlib"} if DLIB_NETWORK == "onnx" else set())


def _engine(model: str) -> dict[str, Any]:
    """What FACEAPP_NETWORKS says of the model; else the native engine where it has it, and DeepFace for every other."""
    detector = env.str("FACEAPP_DETECTOR", default="yunet")
    if own := NETWORKS.get(model):
        if "backend" in own:
            return {"BACKEND": own["backend"], "OPTIONS": {**own.get("options", {}), "detector": detector}}
        backend = "serving.engine.ServedEngine" if "serving" in own else "networks.engine.NetworkEngine"
        return {"BACKEND": f"vision.engines.{backend}", "OPTIONS": {"model": model, "detector": detector}}
    if model in NATIVE_MODELS:
        options = {"recogniser": model, "detector": detector}
        return {"BACKEND": "vision.engines.onnx.engine.OnnxEngine", "OPTIONS": options}
    return {"BACKEND": "vision.engines.deepface.DeepFaceEngine", "OPTIONS": {"model": model, "detector": detector}}


FACE_ENGINES: dict[str, dict[str, Any]] = {"default": _engine(MODEL)} | {
    model.lower(): _engine(model) for model in env.list("FACEAPP_EXTRA_MODELS", default=[])
}
# Detectors that a request may name in addition to the engines' own.
FACE_DETECTORS = env.list("FACEAPP_EXTRA_DETECTORS", default=["mmod", "dlib", "mtcnn", "opencv"])
DLIB_PIPELINE = "vision.engines.dlib_native.NativeDlibPipeline"  # for callers that store dlib's descriptors themselves
DETECTION_SIDE = env.int("FACEAPP_DETECTION_SIDE", default=1280)  # longest side for detection, pixels
DETECTION_ENLARGEMENT = env.float("FACEAPP_DETECTION_ENLARGEMENT", default=1.75)  # of the image that mmod searches
DEVICE = env.str("FACEAPP_DEVICE", default="auto")  # see vision.engines.devices
LICENCE = env.str("FACEAPP_LICENCE", default="any")  # of weights: any, permissive, or a list
AGE_AND_GENDER = env.bool("FACEAPP_AGE_AND_GENDER", default=False)  # guessed in answers to detection, never stored
INDEX_FROM = env.int("FACEAPP_INDEX_FROM", default=50_000)  # templates of a gallery that gets a search index; 0: none
QUALITY_GATE = env.str("FACEAPP_QUALITY_GATE", default="standard")  # of enrolments: off, standard or strict
