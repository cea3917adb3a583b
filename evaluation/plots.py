"""Plots of error rates and distances. matplotlib is imported when one is drawn, because no web process needs it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from evaluation.attack_rates import AttackRates
from evaluation.rates import ErrorRates, Floats, Pairs
from evaluation.searches import SearchRates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # of the DET axes
SMALLEST = 1e-4  # rates below it, zero included, lie on the edge
SMALLEST_FNIR = 1e-3
GENUINE, IMPOSTORS, THRESHOLD = "#0f766e", "#b91c1c", "#1f2937"
BINS = 40


def draw_roc(file: Path, curves: Mapping[str, ErrorRates]) -> None:
    """TAR over FMR, which is logarithmic, one line for each name."""
    figure, axes = _figure("FMR (share of impostor pairs that match)", "TAR (share of genuine pairs that match)")
    for name, rates in curves.items():
        axes.step(np.maximum(rates.fmr, SMALLEST), 1 - rates.fnmr, where="post", label=name)
    axes.set_xscale("log")
    axes.set_xlim(SMALLEST, 1)
    axes.set_ylim(-0.02, 1.02)
    axes.set_title("ROC")
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=DPI)


def draw_det(file: Path, curves: Mapping[str, ErrorRates]) -> None:
    """FNMR over FMR on scales of normal deviates (Martin et al., Eurospeech 1997): straight for normal distances."""
    figure, axes = _figure("FMR", "FNMR")
    for name, rates in curves.items():
        axes.step(_deviates(rates.fmr), _deviates(rates.fnmr), where="post", label=name)
    places = _deviates(np.array(TICKS))
    labels = [f"{tick:.1%}" for tick in TICKS]
    axes.set_xticks(places, labels, rotation=45)
    axes.set_yticks(places, labels)
    edges = _deviates(np.array([SMALLEST, 0.5]))
    axes.plot(edges, edges, color="#9ca3af", linewidth=0.8, linestyle=":", label="equal")
    corner = NormalDist().inv_cdf(SMALLEST / 2)  # keeps a line on the edge inside the frame
    axes.set_xlim(corner, edges[1])
    axes.set_ylim(corner, edges[1])
    axes.set_title("DET")
    axes.legend(loc="upper right")
    figure.savefig(file, dpi=DPI)


def draw_searches(file: Path, lists: Mapping[str, SearchRates]) -> None:
    """FNIR over FPIR, both logarithmic, one line for each name, with its operating point.

    Of a list larger than what was searched, the line is that of the people who were, and the point that of the list.
    """
    figure, axes = _figure("FPIR (share of strangers' searches with an alarm)", "FNIR (share of people missed)")
    for name, rates in lists.items():
        curve = rates.curve
        label = f"{name}, as searched among {rates.enrolled:,}" if rates.is_extrapolated else name
        fpir, fnir = np.maximum(curve.fpir, SMALLEST), np.maximum(curve.fnir, SMALLEST_FNIR)
        (line,) = axes.step(fpir, fnir, where="post", label=label)
        point = [max(rates.fpir.value, SMALLEST)], [max(rates.fnir.value, SMALLEST_FNIR)]
        axes.plot(*point, "o", color=line.get_color(), label="its operating point")
    axes.set(xscale="log", yscale="log", xlim=(SMALLEST, 1), ylim=(SMALLEST_FNIR, 1), title="Searches")
    axes.legend(loc="lower left")
    figure.savefig(file, dpi=DPI)


def draw_distances(file: Path, sets: Mapping[str, tuple[Pairs, float]]) -> None:
    """Histograms of both kinds of pairs for each name, with the threshold as a line."""
    figure = _new_figure(height=1.2 + 2.6 * len(sets))
    for row, (name, (pairs, threshold)) in enumerate(sets.items(), start=1):
        axes = figure.add_subplot(len(sets), 1, row)
        edges = np.linspace(0.0, float(max(pairs.distances.max(), threshold)) * 1.02, BINS + 1)
        for chosen, colour, label in (
            (pairs.genuine, GENUINE, "one person"),
            (~pairs.genuine, IMPOSTORS, "two people"),
        ):
            distances = pairs.distances[chosen]
            label = f"{label} ({len(distances):,} pairs)"
            axes.hist(distances, bins=list(edges), density=True, alpha=0.6, color=colour, label=label)
        axes.axvline(threshold, color=THRESHOLD, linestyle="--", label=f"threshold {threshold:.3g}")
        axes.set(title=name, xlabel="distance", ylabel="density")
        axes.legend(loc="best")
    figure.savefig(file, dpi=DPI)


def draw_attack_rates(file: Path, rates: AttackRates, *, threshold: float) -> None:
    """APCER and BPCER over the threshold of the fake probability, with the threshold that is set as a line."""
    figure, axes = _figure("threshold of the fake probability", "share")
    axes.plot(rates.thresholds, rates.apcer, color=IMPOSTORS, label=f"APCER ({rates.attacks:,} attacks)")
    axes.plot(rates.thresholds, rates.bpcer, color=GENUINE, label=f"BPCER ({rates.living:,} living faces)")
    axes.axvline(threshold, color=THRESHOLD, linestyle="--", label=f"threshold {threshold:.3g}")
    axes.set_title("Attacks that pass, living faces that are refused")
    axes.legend(loc="best")
    figure.savefig(file, dpi=DPI)


def _figure(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = _new_figure(height=4.8)
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes


def _new_figure(*, height: float) -> Figure:
    """Without pyplot, which keeps every figure and looks for a display."""
    os.environ.setdefault("MPLCONFIGDIR", str(settings.VAR / "cache" / "matplotlib"))
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it reports its fonts
    from matplotlib.figure import Figure

    return Figure(figsize=(6.4, height), layout="constrained")


def _deviates(rates: Floats) -> Floats:
    normal = NormalDist()
    return np.array([normal.inv_cdf(rate) for rate in np.clip(rates, SMALLEST, 1 - SMALLEST)])
