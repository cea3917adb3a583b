"""How well presentation attacks are told from living faces: error rates of ISO/IEC 30107-3 by threshold. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from evaluation.rates import CONFIDENCE, Estimate, Floats
from vision.antispoof.samples import FAKE, LIVE

STEPS = 1001  # thresholds from 0 to 1
HALVINGS = 40  # of the interval in which a bound lies


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

    def estimates(self, threshold: float) -> tuple[Estimate, Estimate]:
        """APCER and BPCER at a threshold with their intervals, which take every face for a trial of its own."""
        apcer, bpcer = self.at(threshold)
        return exact_estimate(round(apcer * self.attacks), self.attacks), exact_estimate(
            round(bpcer * self.living), self.living
        )

    def balanced(self) -> float:
        """The threshold at which both rates are closest; the middle one of several."""
        imbalance = np.abs(self.apcer - self.bpcer) + self.apcer + self.bpcer
        return float(np.median(self.thresholds[imbalance == imbalance.min()]))


@dataclass(frozen=True)
class SpeciesRates:
    """The rates of each species of attack by name, all with the same living faces."""

    species: dict[str, AttackRates]

    def worst(self, threshold: float) -> tuple[str, Estimate]:
        """The species of which most pass, which is what ISO/IEC 30107-3 reports, and its APCER."""
        name = max(self.species, key=lambda one: self.species[one].at(threshold)[0])
        return name, self.species[name].estimates(threshold)[0]

    def bpcer(self, threshold: float) -> Estimate:
        return next(iter(self.species.values())).estimates(threshold)[1]


def species_rates(living: Floats, attacks: Mapping[str, Floats]) -> SpeciesRates:
    """The rates of the fake probabilities of living faces (n,) and of each species of attack (m,)."""
    return SpeciesRates(
        {
            name: attack_rates(np.concatenate([living, fakes]), np.repeat([LIVE, FAKE], [len(living), len(fakes)]))
            for name, fakes in attacks.items()
        }
    )


def attack_rates(fake_probabilities: Floats, labels: NDArray[np.int64]) -> AttackRates:
    """The rates of held-out faces with these fake probabilities (n,) and labels (n,)."""
    thresholds = np.linspace(0, 1, STEPS)
    fakes, living = (np.sort(fake_probabilities[labels == label]) for label in (FAKE, LIVE))
    apcer = np.searchsorted(fakes, thresholds, side="left") / len(fakes)
    bpcer = 1 - np.searchsorted(living, thresholds, side="left") / len(living)
    return AttackRates(thresholds, apcer, bpcer, len(fakes), len(living))


def exact_estimate(errors: int, trials: int) -> Estimate:
    """A rate with its exact binomial 95 % interval (Clopper and Pearson, 1934)."""
    tail = (1 - CONFIDENCE) / 2

    def at_most(count: int, rate: float) -> float:
        return sum(comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(count + 1))

    low = _root(lambda rate: tail - (1 - at_most(errors - 1, rate))) if errors else 0.0
    high = _root(lambda rate: at_most(errors, rate) - tail) if errors < trials else 1.0
    return Estimate(errors / trials, low, high)


def _root(falling: Callable[[float], float]) -> float:
    """Where a function that falls from 0 to 1 crosses zero."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
