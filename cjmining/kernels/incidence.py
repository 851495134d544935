"""Probabilities of competing ends over time, and what each unit did to them (Aalen-Johansen)."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over times is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNDELAYED = -1
"""The start of a unit that is observed from its beginning: an end at time 0 is seen."""


class Estimate(NamedTuple):
    """Probabilities at points of time, and how they vary. Row K of each is "none of the ends yet".

    Attributes
    ----------
    probability : float64[K + 1, P]
        That this end came first, up to and including the point. NaN where everybody had ended before others
        began to be observed: what these say can't be put on top.
    variance : float64[K + 1, P]
        Infinitesimal jackknife, each cluster's influences summed before they are squared.
    unclustered : float64[K + 1, P]
        The same as if each unit were a cluster of its own.
    covariance : float64[K + 1, P, P]
        Of the probabilities of one end between points, from some of the clusters; not scaled to all of them.
    seen : int64[K + 1, P]
        Units seen to end so up to the point; seen without an end at it.
    cluster_size : float64[P]
        Size of the cluster of a unit that was followed to the point, on average over these units.
    known : bool[P]
        Whether somebody was followed to the point, or nobody was left: else later ends went unseen.
    band_probability, band_variance, band_unclustered : float64[K, B]
        Of ending so within a band, for those without an end at its beginning.
    band_at_risk : int64[B]
        Units observed without an end at the beginning of the band.
    band_time : float64[B]
        Time that units were observed without an end within the band, summed.
    """

    probability: NDArray[np.float64]
    variance: NDArray[np.float64]
    unclustered: NDArray[np.float64]
    covariance: NDArray[np.float64]
    seen: NDArray[np.int64]
    cluster_size: NDArray[np.float64]
    known: NDArray[np.bool_]
    band_probability: NDArray[np.float64]
    band_variance: NDArray[np.float64]
    band_unclustered: NDArray[np.float64]
    band_at_risk: NDArray[np.int64]
    band_time: NDArray[np.float64]


class Curve(NamedTuple):
    """The estimate at the points, and what the influence of a unit on it is made of.

    A unit that left observation by the point H has the influence `own + slope x probability(H)`; one that is
    still observed has `rest(H) + begun - begun_slope x probability(H)`, where `begun` is 0 for those observed
    from their beginning. A unit that joins later than H has none.
    """

    probability: NDArray[np.float64]
    rest: NDArray[np.float64]
    own: NDArray[np.float64]
    slope: NDArray[np.float64]
    begun: NDArray[np.float64]
    begun_slope: NDArray[np.float64]
    joined: NDArray[np.int64]
    left: NDArray[np.int64]
    late_row: NDArray[np.int64]
    exhausted: NDArray[np.bool_]


@kernel
def aalen_johansen(
    time: NDArray[np.int64],
    end: NDArray[np.int8],
    start: NDArray[np.int64],
    customer: NDArray[np.int64],
    order: NDArray[np.int64],
    late: NDArray[np.int64],
    n_ends: int,
    points: NDArray[np.int64],
    bands: NDArray[np.int64],
    every: int,
) -> Estimate:
    """Estimate the probability of each end over time, with the influence of each cluster on it.

    Ends come before censorings at equal times; ends at time 0 are allowed.

    Parameters
    ----------
    time : int64[N]
        From the origin to the end or the censoring, at least 0.
    end : int8[N]
        0 to K - 1, or K where censored.
    start : int64[N]
        From the origin to the beginning of observation, less than `time`; -1 where observed from the origin.
    customer : int64[N]
        Cluster of each unit; those of one cluster lie together.
    order, late : int64[N], int64[L]
        Units by time; those with a start of at least 0, by start.
    n_ends : int
        K.
    points : int64[P]
        Ascending times at which to estimate.
    bands : int64[B, 2]
        Positions in `points` of the beginning (excluded) and the end (included) of each band; -1 begins
        before time 0.
    every : int
        Each so many-th cluster adds to the covariance; 0 for none.

    Returns
    -------
    Estimate

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5, 141-150. Influence: the derivative by the
    weight of a unit, Jaeckel (1972); clusters: Lin and Wei (1989), doi:10.1080/01621459.1989.10478874.
    """
    curve = _walk_times(time, end, start, order, late, n_ends, points)
    probability, rest, own, slope = curve.probability, curve.rest, curve.own, curve.slope
    begun, begun_slope = curve.begun, curve.begun_slope
    joined, left, late_row = curve.joined, curve.left, curve.late_row
    n, n_points, n_bands, n_rows = len(time), len(points), len(bands), n_ends + 1
    variance, unclustered = np.zeros((n_rows, n_points)), np.zeros((n_rows, n_points))
    covariance = np.zeros((n_rows, n_points, n_points)) if every > 0 else np.zeros((n_rows, 0, 0))
    band_probability, band_variance = np.zeros((n_ends, n_bands)), np.zeros((n_ends, n_bands))
    band_unclustered = np.zeros((n_ends, n_bands))
    band_at_risk, band_time = np.zeros(n_bands, np.int64), np.zeros(n_bands)
    seen = np.zeros((n_rows, n_points), np.int64)
    squares, followed = np.zeros(n_points), np.zeros(n_points)
    of_unit, of_cluster = np.zeros((n_rows, n_points)), np.zeros((n_rows, n_points))
    members = np.zeros(n_points)
    n_clusters = 0
    for b in range(n_bands):
        _band_probability(probability, bands[b], b, band_probability)
    for i in range(n):
        first, last, row = joined[i], left[i], late_row[i]
        for q in range(n_points):
            of_unit[n_ends, q] = 0.0
        for k in range(n_ends):
            for q in range(first):
                of_unit[k, q] = 0.0
            for q in range(first, last):
                of_unit[k, q] = rest[k, q] + begun[row, k] - begun_slope[row] * probability[k, q]
            for q in range(max(first, last), n_points):
                of_unit[k, q] = own[i, k] + slope[i] * probability[k, q]
            for q in range(n_points):
                of_unit[n_ends, q] -= of_unit[k, q]
        for k in range(n_rows):
            for q in range(n_points):
                of_cluster[k, q] += of_unit[k, q]
                unclustered[k, q] += of_unit[k, q] * of_unit[k, q]
        for b in range(n_bands):
            _add_band(of_unit, probability, band_probability, bands[b], b, band_unclustered)
            _add_exposure(time[i], start[i], points, bands[b], b, band_at_risk, band_time)
        until = n_points if end[i] < n_ends else last
        if end[i] < n_ends:
            for q in range(last, n_points):
                seen[end[i], q] += 1
        elif last < n_points and points[last] == time[i]:
            until = last + 1
        for q in range(first, until):
            members[q] += 1.0
        for q in range(first, min(until, last + (end[i] == n_ends))):
            seen[n_ends, q] += 1
        if i + 1 < n and customer[i + 1] == customer[i]:
            continue
        for k in range(n_rows):
            for q in range(n_points):
                variance[k, q] += of_cluster[k, q] * of_cluster[k, q]
        for b in range(n_bands):
            _add_band(of_cluster, probability, band_probability, bands[b], b, band_variance)
        if every > 0 and n_clusters % every == 0:
            for k in range(n_rows):
                for q in range(n_points):
                    for r in range(q, n_points):
                        covariance[k, q, r] += of_cluster[k, q] * of_cluster[k, r]
        n_clusters += 1
        for q in range(n_points):
            squares[q] += members[q] * members[q]
            followed[q] += members[q]
            members[q] = 0.0
        of_cluster[:] = 0.0
    known, cluster_size = np.zeros(n_points, np.bool_), np.ones(n_points)
    for q in range(n_points):
        known[q] = seen[n_ends, q] > 0 or probability[n_ends, q] <= 0.0
        if curve.exhausted[q]:
            probability[:, q] = np.nan
        if followed[q] > 0:
            cluster_size[q] = squares[q] / followed[q]
    for k in range(len(covariance)):
        for q in range(covariance.shape[1]):
            for r in range(q):
                covariance[k, q, r] = covariance[k, r, q]
    return Estimate(
        probability,
        variance,
        unclustered,
        covariance,
        seen,
        cluster_size,
        known,
        band_probability,
        band_variance,
        band_unclustered,
        band_at_risk,
        band_time,
    )


@kernel
def _walk_times(time, end, start, order, late, n_ends, points):
    """Walk over the distinct times once; sums over times make the influence of each unit.

    With at risk Y, ends d, and probabilities F and S (none yet) there are three sums over times u: of
    S(u-) d_k / Y^2, of d / (Y (Y - d)) and of F_k(u) d / (Y (Y - d)). Where everybody at risk ends, nothing
    comes after, and the last two aren't needed.
    """
    n, n_points = len(time), len(points)
    probability, rest = np.zeros((n_ends + 1, n_points)), np.zeros((n_ends, n_points))
    own, slope = np.zeros((n, n_ends)), np.zeros(n)
    begun, begun_slope = np.zeros((1 + len(late), n_ends)), np.zeros(1 + len(late))
    joined, left, late_row = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    exhausted = np.zeros(n_points, np.bool_)
    reached, sums, weighted = np.zeros(n_ends), np.zeros(n_ends), np.zeros(n_ends)
    ended = np.zeros(n_ends, np.int64)
    hazards, none_yet = 0.0, 1.0
    at_risk, n_joined, p, i = n - len(late), 0, 0, 0
    is_exhausted = False
    while i < n:
        now = time[order[i]]
        while n_joined < len(late) and start[late[n_joined]] < now:
            unit = late[n_joined]
            while p < n_points and points[p] < start[unit]:
                _take_point(p, probability, rest, reached, sums, weighted, hazards, none_yet)
                exhausted[p] = is_exhausted
                p += 1
            n_joined += 1
            joined[unit], late_row[unit] = p, n_joined
            begun_slope[n_joined] = hazards
            for k in range(n_ends):
                begun[n_joined, k] = sums[k] + weighted[k]
            at_risk += 1
        while p < n_points and points[p] < now:
            _take_point(p, probability, rest, reached, sums, weighted, hazards, none_yet)
            exhausted[p] = is_exhausted
            p += 1
        ended[:] = 0
        last, total = i, 0
        while last < n and time[order[last]] == now:
            if end[order[last]] < n_ends:
                ended[end[order[last]]] += 1
                total += 1
            last += 1
        before = none_yet / at_risk
        others = 1.0 / (at_risk - total) if at_risk > total else 0.0
        if total > 0:
            hazards += total * others / at_risk
            for k in range(n_ends):
                reached[k] += before * ended[k]
                sums[k] += before * ended[k] / at_risk
                weighted[k] += reached[k] * total * others / at_risk
            none_yet *= (at_risk - total) / at_risk
            is_exhausted = is_exhausted or (total == at_risk and n_joined < len(late))
        for j in range(i, last):
            unit = order[j]
            left[unit], row = p, late_row[unit]
            has_ended = end[unit] < n_ends
            slope[unit] = hazards - begun_slope[row] - (others if has_ended else 0.0)
            for k in range(n_ends):
                own[unit, k] = begun[row, k] - sums[k] - weighted[k]
                if has_ended:
                    own[unit, k] += reached[k] * others
            if has_ended:
                own[unit, end[unit]] += before
        at_risk -= last - i
        i = last
    while p < n_points:
        _take_point(p, probability, rest, reached, sums, weighted, hazards, none_yet)
        exhausted[p] = is_exhausted
        p += 1
    return Curve(probability, rest, own, slope, begun, begun_slope, joined, left, late_row, exhausted)


@inlined
def _take_point(p, probability, rest, reached, sums, weighted, hazards, none_yet):
    """Write down what is known at a point of time: all times up to it have been walked over."""
    for k in range(len(reached)):
        probability[k, p] = reached[k]
        rest[k, p] = reached[k] * hazards - sums[k] - weighted[k]
    probability[len(reached), p] = none_yet


@inlined
def _band_probability(probability, band, b, band_probability):
    """Give the probability of each end in a band for those who are without an end at its beginning."""
    none_yet = 1.0 if band[0] < 0 else probability[len(probability) - 1, band[0]]
    for k in range(len(band_probability)):
        before = 0.0 if band[0] < 0 else probability[k, band[0]]
        band_probability[k, b] = (probability[k, band[1]] - before) / none_yet if none_yet > 0 else np.nan


@inlined
def _add_band(influence, probability, band_probability, band, b, variance):
    """Add the square of an influence on the probabilities in a band, by the rule for ratios."""
    n_ends = len(band_probability)
    none_yet = 1.0 if band[0] < 0 else probability[n_ends, band[0]]
    on_none = 0.0 if band[0] < 0 else influence[n_ends, band[0]]
    if none_yet > 0:
        for k in range(n_ends):
            before = 0.0 if band[0] < 0 else influence[k, band[0]]
            change = influence[k, band[1]] - before - band_probability[k, b] * on_none
            variance[k, b] += (change / none_yet) ** 2


@inlined
def _add_exposure(time, start, points, band, b, band_at_risk, band_time):
    """Count a unit that is observed at the beginning of a band, and add its time within the band."""
    begins = np.int64(0) if band[0] < 0 else points[band[0]]
    if band[0] < 0:
        band_at_risk[b] += start < 0
    elif start <= begins < time:
        band_at_risk[b] += 1
    within = min(time, points[band[1]]) - max(start, begins)
    if within > 0:
        band_time[b] += within
