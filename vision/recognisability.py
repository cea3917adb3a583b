"""Whether a face shows enough to be recognised, whatever model describes it. Pure numpy.

The length of the raw vector of the recogniser `fr512` falls for faces that are turned, blurred, covered or cut. It is
given as the share of the photographs of LFW whose face is no more recognisable.
"""

from __future__ import annotations

import numpy as np

from vision.engines.onnx import fitted


def share_of(length: float) -> float:
    """The recognisability, 0 to 1, of a face whose raw vector of `fr512` has this length."""
    return round(float(np.interp(length, *fitted.lengths())), 4)
