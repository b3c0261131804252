"""Tests of normality from the moments of a distribution. Pure arithmetic; SciPy is the oracle in the tests.

The statistics are those of ``scipy.stats.normaltest`` and ``scipy.stats.jarque_bera``; both follow a chi-squared
distribution with two degrees of freedom, whose upper tail is ``exp(-x / 2)`` exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_VALUES = 8
"""Below, the approximation behind D'Agostino's test says nothing."""


@dataclass(frozen=True)
class Normality:
    """The outcome of one test."""

    test: str
    statistic: float
    p_value: float


def dagostino(n: int, skewness: float, kurtosis: float) -> Normality | None:
    """D'Agostino and Pearson's K2 from biased skewness and biased excess kurtosis; None below eight values."""
    if n < LEAST_VALUES:
        return None
    return _chi_squared("dagostino", _skewness_score(n, skewness) ** 2 + _kurtosis_score(n, kurtosis + 3) ** 2)


def jarque_bera(n: int, skewness: float, kurtosis: float) -> Normality | None:
    """Jarque and Bera's test from biased skewness and biased excess kurtosis; None below eight values."""
    if n < LEAST_VALUES:
        return None
    return _chi_squared("jarque_bera", n / 6 * (skewness**2 + kurtosis**2 / 4))


def kolmogorov_smirnov(n: int, distance: float) -> Normality | None:
    """Kolmogorov and Smirnov's test from the greatest distance to the fitted normal distribution.

    The p-value is the asymptotic one, as ``scipy.stats.kstest(..., method="asymp")``.
    """
    if n < LEAST_VALUES:
        return None
    return Normality("ks", distance, _kolmogorov_tail(distance * math.sqrt(n)))


def _chi_squared(test: str, statistic: float) -> Normality:
    return Normality(test, statistic, math.exp(-statistic / 2))


def _skewness_score(n: int, g1: float) -> float:
    """Z of the sample skewness (D'Agostino 1970)."""
    y = g1 * math.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta2 = 3 * (n**2 + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    w2 = math.sqrt(2 * (beta2 - 1)) - 1
    delta = 1 / math.sqrt(0.5 * math.log(w2))
    alpha = math.sqrt(2 / (w2 - 1))
    return delta * math.asinh((y or 1.0) / alpha)


def _kurtosis_score(n: int, b2: float) -> float:
    """Z of the sample kurtosis (Anscombe and Glynn 1983)."""
    expected = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (b2 - expected) / math.sqrt(variance)
    root_beta1 = (
        6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9)) * math.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    )
    a = 6 + 8 / root_beta1 * (2 / root_beta1 + math.sqrt(1 + 4 / root_beta1**2))
    mean = 1 - 2 / (9 * a)
    denominator = 1 + x * math.sqrt(2 / (a - 4))
    if denominator == 0:
        return 0.0
    term = math.copysign(((1 - 2 / a) / abs(denominator)) ** (1 / 3), denominator)
    return (mean - term) / math.sqrt(2 / (9 * a))


def _kolmogorov_tail(x: float) -> float:
    """Upper tail of the Kolmogorov distribution, by whichever of its two series converges fast."""
    if x <= 0:
        return 1.0
    if x < 1:
        terms = (math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * x * x)) for k in range(1, 11))
        return 1 - math.sqrt(2 * math.pi) / x * math.fsum(terms)
    return 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 11))
