"""The standard normal distribution function as an SQL expression, which DuckDB has not.

W. J. Cody, Rational Chebyshev approximations for the error function (1969): full double precision in three
ranges. Only the Kolmogorov-Smirnov test needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from udb_pipelines.profiling.session import double

_A = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
      3.20937758913846947e3)  # fmt: skip
_B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_C = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
      2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
      1.23033935479799725e3)  # fmt: skip
_D = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
      3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
      1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
_Q = (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
      2.33520497626869185e-3)  # fmt: skip


def normal_cdf(z: str) -> str:
    """SQL of the share of a standard normal distribution below ``z``, the SQL of a DOUBLE column."""
    y = f"(abs({z}) / sqrt(2::DOUBLE))"
    small = f"(1 - {y} * {_ratio(_A, _B, f'({y} * {y})')})"
    middle = f"(exp(-{y} * {y}) * {_ratio(_C, _D, y)})"
    inverse = f"(1 / ({y} * {y}))"
    large = f"(exp(-{y} * {y}) / {y} * (1 / sqrt(pi()) - {inverse} * {_ratio(_P, _Q, inverse)}))"
    tail = f"(CASE WHEN {y} <= 0.46875 THEN {small} WHEN {y} <= 4 THEN {middle} ELSE {large} END / 2)"
    return f"(CASE WHEN {z} < 0 THEN {tail} ELSE 1 - {tail} END)"


def _ratio(numerator: Sequence[float], denominator: Sequence[float], x: str) -> str:
    return f"({_polynomial(numerator, x)} / {_polynomial(denominator, x)})"


def _polynomial(coefficients: Sequence[float], x: str) -> str:
    """Horner's scheme, highest power first."""
    first, *others = coefficients
    sql = double(first)
    for coefficient in others:
        sql = f"({sql} * {x} + {double(coefficient)})"
    return sql
