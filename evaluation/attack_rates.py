"""How well presentation attacks are told from living faces: error rates of ISO/IEC 30107-3 by threshold. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.rates import Floats
from vision.antispoof.samples import FAKE, LIVE

STEPS = 1001  # thresholds from 0 to 1


@dataclass(frozen=True)
class AttackRates:
    """APCER: share of attacks that pass; BPCER: share of living faces that are refused; one value per threshold.

    A face is refused if its fake probability is at least the threshold.
    """

    thresholds: Floats
    apcer: Floats
    bpcer: Floats
    attacks: int
    living: int

    def at(self, threshold: float) -> tuple[float, float]:
        """APCER and BPCER at a threshold."""
        place = int(np.abs(self.thresholds - threshold).argmin())
        return float(self.apcer[place]), float(self.bpcer[place])

    def balanced(self) -> float:
        """The threshold at which both rates are closest; the middle one of several."""
        imbalance = np.abs(self.apcer - self.bpcer) + self.apcer + self.bpcer
        return float(np.median(self.thresholds[imbalance == imbalance.min()]))


def attack_rates(fake_probabilities: Floats, labels: NDArray[np.int64]) -> AttackRates:
    """The rates of held-out faces with these fake probabilities (n,) and labels (n,)."""
    thresholds = np.linspace(0, 1, STEPS)
    fakes, living = (np.sort(fake_probabilities[labels == label]) for label in (FAKE, LIVE))
    apcer = np.searchsorted(fakes, thresholds, side="left") / len(fakes)
    bpcer = 1 - np.searchsorted(living, thresholds, side="left") / len(living)
    return AttackRates(thresholds, apcer, bpcer, len(fakes), len(living))
