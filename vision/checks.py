"""System checks: a misconfigured engine is found by `manage.py check`, with a hint, before a request meets it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_engines(**_: Any) -> list[CheckMessage]:
    """`FACE_ENGINES` has a `default` entry and every entry can be built."""
    if "default" not in settings.FACE_ENGINES:
        return [Error("FACE_ENGINES has no 'default' entry.", hint="Add one; see docs/engines.md.", id="vision.E001")]
    problems: list[CheckMessage] = []
    from vision.engines import engines
    from vision.engines.networks.described import NetworkError

    for alias in settings.FACE_ENGINES:
        try:
            engines[alias].space  # noqa: B018  building it is the check
        except NetworkError:  # which `check_networks` reports
            continue
        except Exception as error:
            problems.append(Error(f"FACE_ENGINES[{alias!r}] cannot be built: {error}", id="vision.E002"))
    return problems


@register()
def check_dlib_network(**_: Any) -> list[CheckMessage]:
    """`DLIB_NETWORK` names something that runs dlib's network."""
    if settings.DLIB_NETWORK in ("onnx", "dlib"):
        return []
    return [Error("FACEAPP_DLIB_NETWORK is neither onnx nor dlib.", hint="Unset it for onnx.", id="vision.E004")]


@register()
def check_detectors(**_: Any) -> list[CheckMessage]:
    """Every name in `FACE_DETECTORS` is a detector."""
    from vision.engines.detectors import DETECTORS

    hint = f"Known detectors: {', '.join(DETECTORS)}."
    unknown = [name for name in settings.FACE_DETECTORS if name not in DETECTORS]
    return [
        Error(f"FACE_DETECTORS names {name!r}, which does not exist.", hint=hint, id="vision.E003") for name in unknown
    ]


@register()
def check_networks(**_: Any) -> list[CheckMessage]:
    """Every entry of the file that NETWORKS was read from is complete, and takes no name of a model of ours."""
    from vision.engines.networks.described import NetworkError, raw_networks, read_network, served_model
    from vision.engines.networks.described import describes_network as describes
    from vision.engines.spaces import MODELS

    hint = 'See "Any network in an ONNX file" in docs/engines.md.'
    known, problems = {name.lower(): name for name in MODELS}, list[CheckMessage]()
    for name, entry in raw_networks().items():
        try:
            if describes(entry):
                read_network(name, entry)
            served_model(name)
            if describes(entry) and name.lower() in known:
                raise NetworkError(name, "", f"{known[name.lower()]} is a model of this name already; choose another")
            if not describes(entry) and "backend" not in entry and name not in MODELS:
                raise NetworkError(name, "", "only a model that is known here can be served without being described")
            known[name.lower()] = name
        except NetworkError as error:
            problems.append(Error(str(error), hint=hint, id="vision.E010"))
    return problems


@register()
def check_device(**_: Any) -> list[CheckMessage]:
    """`DEVICE` names devices that the installed ONNX Runtime can use. Whether a card is there is seen by workers."""
    from vision.engines import devices

    hint = 'See "On a graphics card" in docs/operations.md.'
    problems: list[CheckMessage] = []
    for name in devices.listed(settings.DEVICE):
        try:
            devices.check(name)
        except devices.DeviceError as error:
            problems.append(Error(str(error), hint=hint, id="vision.E007"))
    return problems


@register()
def check_batches(**_: Any) -> list[CheckMessage]:
    """Sizes and times with which images can be gathered."""
    most, longest = 256, 1000.0
    problems: list[CheckMessage] = []
    if not 0 <= settings.BATCH_IMAGES <= most:
        message = f"FACEAPP_BATCH_IMAGES={settings.BATCH_IMAGES} must be 0 to {most}."
        problems.append(Error(message, hint="0 is 16 on a card, and no batches on the processor.", id="vision.E008"))
    if not 0 <= settings.BATCH_MILLISECONDS <= longest:
        message = f"FACEAPP_BATCH_MILLISECONDS={settings.BATCH_MILLISECONDS:g} must be 0 to {longest:g}."
        problems.append(Error(message, hint="2 is the default; a lone image never waits.", id="vision.E009"))
    return problems


@register()
def check_licences(**_: Any) -> list[CheckMessage]:
    """`LICENCE` names licences that exist, and they permit every model in use."""
    from vision.engines import licences
    from vision.engines.enabled import enabled_cards, without_card

    if check_networks():
        return []
    if unknown := licences.unknown():
        hint = f"Use any, permissive, or a list of: {', '.join(licences.known())}."
        return [Error(f"FACEAPP_LICENCE names unknown licences: {', '.join(unknown)}.", hint=hint, id="vision.E005")]
    if licences.ANY in licences.chosen():
        return []
    try:
        refused = [licences.refusal(card) for card in enabled_cards(pipeline=False) if not licences.is_permitted(card)]
        refused += [
            f"FACEAPP_LICENCE={settings.LICENCE} does not permit {name}, which states no licence."
            for name in without_card()
        ]
    except Exception:  # engines that cannot be built are reported by vision.E002 and E003
        return []
    hint = (
        "Choose another model (FACEAPP_MODEL, FACEAPP_EXTRA_MODELS, FACEAPP_DETECTOR, FACEAPP_EXTRA_DETECTORS, "
        "FACEAPP_ANTISPOOF), unset FACEAPP_LIVENESS_68_POINTS and FACEAPP_NEXTCLOUD_68_POINTS if it is dlib-68, or add "
        "its licence to FACEAPP_LICENCE. docs/engines.md lists every model."
    )
    return [Error(message, hint=hint, id="vision.E006") for message in refused]
