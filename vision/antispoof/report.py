"""How well attacks are told from living faces: error rates of ISO/IEC 30107-3 over the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.antispoof.samples import FAKE, LIVE

STEPS = 1001  # thresholds from 0 to 1

Rates = NDArray[np.float64]


@dataclass(frozen=True)
class AttackRates:
    """APCER: share of attacks that pass; BPCER: share of living faces that are refused; one value per threshold.

    A face is refused from a fake probability of the threshold on.
    """

    thresholds: Rates
    apcer: Rates
    bpcer: Rates
    attacks: int
    living: int

    def at(self, threshold: float) -> tuple[float, float]:
        """APCER and BPCER at a threshold."""
        place = int(np.abs(self.thresholds - threshold).argmin())
        return float(self.apcer[place]), float(self.bpcer[place])

    def balanced(self) -> float:
        """The threshold at which both rates are closest; the middle one of several."""
        gap = np.abs(self.apcer - self.bpcer) + self.apcer + self.bpcer
        return float(np.median(self.thresholds[gap == gap.min()]))


def attack_rates(fake_probabilities: Rates, labels: NDArray[np.int64]) -> AttackRates:
    """Rates of held-out faces whose fake probabilities these are."""
    thresholds = np.linspace(0, 1, STEPS)
    fakes, living = (np.sort(fake_probabilities[labels == label]) for label in (FAKE, LIVE))
    apcer = np.searchsorted(fakes, thresholds, side="left") / len(fakes)
    bpcer = 1 - np.searchsorted(living, thresholds, side="left") / len(living)
    return AttackRates(thresholds, apcer, bpcer, len(fakes), len(living))
