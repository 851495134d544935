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
    """The estimate at the points, and what the influence of units that are still observed there is made of.

    A unit that is still observed at the point H has the influence `rest(H) + begun - begun_slope x
    probability(H)`; `begun` has a row for those observed from their beginning, 0, then one for each that
    joins later, at the point `joined`. Who left by H has `own + slope x probability(H)`, see `_Left`; who
    joins later than H has none.
    """

    probability: NDArray[np.float64]
    rest: NDArray[np.float64]
    begun: NDArray[np.float64]
    begun_slope: NDArray[np.float64]
    joined: NDArray[np.int64]
    exhausted: NDArray[np.bool_]


class _Left(NamedTuple):
    """What the influence of units is made of once they left observation: before the point `left`."""

    own: NDArray[np.float64]
    slope: NDArray[np.float64]
    left: NDArray[np.int64]


class _Sums(NamedTuple):
    """What adds up over units, in any order."""

    unclustered: NDArray[np.float64]
    band_unclustered: NDArray[np.float64]
    band_at_risk: NDArray[np.int64]
    band_time: NDArray[np.float64]
    seen: NDArray[np.int64]
    followed: NDArray[np.float64]


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
    start : int64[N] or int64[0]
        From the origin to the beginning of observation, less than `time`; -1 where observed from the origin.
        Of no units where all are.
    customer : int64[N]
        Cluster of each unit; those of one cluster lie together.
    order, late : int64[N], int64[L]
        Units by time; those with a start of at least 0, by start.
    n_ends : int
        K.
    points : int64[P]
        Ascending times at which to estimate.
    bands : int64[B, 2]
        Positions in `points` of the beginning (excluded) and the end (included) of each band, ascending; -1
        begins before time 0.
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
    n, n_points, n_bands, n_rows = len(time), len(points), len(bands), n_ends + 1
    late_row = np.zeros(n if len(late) > 0 else 0, np.int64)
    for row in range(len(late)):
        late_row[late[row]] = 1 + row
    kept_as, n_kept = _kept(customer, every)
    curve = Curve(
        np.zeros((n_rows, n_points)),
        np.zeros((n_ends, n_points)),
        np.zeros((1 + len(late), n_ends)),
        np.zeros(1 + len(late)),
        np.zeros(1 + len(late), np.int64),
        np.zeros(n_points, np.bool_),
    )
    kept = _Left(np.zeros((n_kept, n_ends)), np.zeros(n_kept), np.zeros(n_kept, np.int64))
    sums = _Sums(
        np.zeros((n_rows, n_points)),
        np.zeros((n_ends, n_bands)),
        np.zeros(n_bands, np.int64),
        np.zeros(n_bands),
        np.zeros((n_rows, n_points + 1), np.int64),
        np.zeros(n_points + 1),
    )
    probability = curve.probability
    units = time, end, start, order, late, late_row, kept_as
    # What happens later is part of an influence too: first the curve, then each unit's part in it.
    _walk_times(units, points, bands, curve, kept, sums, probability[:n_ends, :0], np.zeros(0), False)
    band_probability, under_way = _bands(probability, bands)
    _walk_times(units, points, bands, curve, kept, sums, band_probability, under_way, True)
    excess, band_excess = np.zeros((n_rows, n_points)), np.zeros((n_ends, n_bands))
    covariance = np.zeros((n_rows, n_points, n_points)) if every > 0 else np.zeros((n_rows, 0, 0))
    squares, members = np.zeros(n_points), np.zeros(n_points)
    of_unit, of_cluster = np.zeros((n_rows, n_points)), np.zeros((n_rows, n_points))
    n_clusters = 0
    is_first = True
    for i in range(n):
        is_last = i + 1 == n or customer[i + 1] != customer[i]
        is_alone = is_first and is_last
        place = kept_as[i]
        if place >= 0:
            row = late_row[i] if len(late) > 0 else 0
            own, slope, last = kept.own[place], kept.slope[place], kept.left[place]
            _influence(own, slope, last, row, curve, n_ends, of_unit, sums.unclustered)
            _add_bands(of_unit, 1.0, band_probability, under_way, bands, sums.band_unclustered)
            if not is_alone:
                first = curve.joined[row]
                until = _followed_until(time[i], end[i], last, n_ends, points)
                _add_bands(of_unit, -1.0, band_probability, under_way, bands, band_excess)
                for k in range(n_rows):
                    for q in range(n_points):
                        of_cluster[k, q] += of_unit[k, q]
                        excess[k, q] -= of_unit[k, q] * of_unit[k, q]
                for q in range(first, until):
                    # n x n grows by 2 n + 1: the 1 is in `followed`, the rest is added here.
                    squares[q] += 2.0 * members[q]
                    members[q] += 1.0
        is_first = is_last
        if not is_last:
            continue
        influence = of_unit if is_alone else of_cluster
        if every > 0 and n_clusters % every == 0:
            for k in range(n_rows):
                for q in range(n_points):
                    for r in range(q, n_points):
                        covariance[k, q, r] += influence[k, q] * influence[k, r]
        n_clusters += 1
        if not is_alone:
            _add_bands(of_cluster, 1.0, band_probability, under_way, bands, band_excess)
            for k in range(n_rows):
                for q in range(n_points):
                    excess[k, q] += of_cluster[k, q] * of_cluster[k, q]
            of_cluster[:] = 0.0
            members[:] = 0.0
    seen, followed = sums.seen, sums.followed
    for q in range(1, n_points):
        followed[q] += followed[q - 1]
        for k in range(n_rows):
            seen[k, q] += seen[k, q - 1]
    known, cluster_size = np.zeros(n_points, np.bool_), np.ones(n_points)
    for q in range(n_points):
        known[q] = seen[n_ends, q] > 0 or probability[n_ends, q] <= 0.0
        if curve.exhausted[q]:
            probability[:, q] = np.nan
        if followed[q] > 0:
            cluster_size[q] = 1.0 + squares[q] / followed[q]
    for k in range(len(covariance)):
        for q in range(covariance.shape[1]):
            for r in range(q):
                covariance[k, q, r] = covariance[k, r, q]
    return Estimate(
        probability,
        np.maximum(sums.unclustered + excess, 0.0),
        sums.unclustered,
        covariance,
        seen[:, :n_points].copy(),
        cluster_size,
        known,
        band_probability,
        np.maximum(sums.band_unclustered + band_excess, 0.0),
        sums.band_unclustered,
        sums.band_at_risk,
        sums.band_time,
    )


@kernel
def _kept(customer, every):
    """Number the units whose influence is needed once more: beside others of a cluster, and for covariances.

    All others are done with once they were walked over, whatever their order: that takes no memory.
    """
    n = len(customer)
    kept_as = np.full(n, -1, np.int32)
    n_kept, n_clusters, first = 0, 0, 0
    for i in range(n):
        if i + 1 < n and customer[i + 1] == customer[i]:
            continue
        if i > first or (every > 0 and n_clusters % every == 0):
            for j in range(first, i + 1):
                kept_as[j] = n_kept
                n_kept += 1
        n_clusters += 1
        first = i + 1
    return kept_as, n_kept


@inlined
def _followed_until(time, end, last, n_ends, points):
    """Give the point before which a unit is followed: who has ended stays so, who is censored does not."""
    if end < n_ends:
        return len(points)
    return last if last == len(points) or points[last] > time else last + 1


@kernel
def _influence(own, slope, last, row, curve, n_ends, of_unit, unclustered):
    """Give a unit's influence on every probability at every point, and add its square."""
    probability, rest, first = curve.probability, curve.rest, curve.joined[row]
    n_points = probability.shape[1]
    of_unit[n_ends, :] = 0.0
    for k in range(n_ends):
        begun, begun_slope = curve.begun[row, k], curve.begun_slope[row]
        constant = own[k]
        for q in range(first):
            of_unit[k, q] = 0.0
        for q in range(first, last):
            of_unit[k, q] = rest[k, q] + begun - begun_slope * probability[k, q]
        for q in range(max(first, last), n_points):
            of_unit[k, q] = constant + slope * probability[k, q]
        for q in range(n_points):
            of_unit[n_ends, q] -= of_unit[k, q]
            unclustered[k, q] += of_unit[k, q] * of_unit[k, q]
    for q in range(n_points):
        unclustered[n_ends, q] += of_unit[n_ends, q] * of_unit[n_ends, q]


@kernel
def _walk_times(units, points, bands, curve, kept, sums, band_probability, under_way, is_known):
    """Walk over the distinct times once; sums over times make the curve and the influence of each unit.

    With at risk Y, ends d, and probabilities F and S (none yet) there are three sums over times u: of
    S(u-) d_k / Y^2, of d / (Y (Y - d)) and of F_k(u) d / (Y (Y - d)). Where everybody at risk ends, nothing
    comes after, and the last two aren't needed. Once the curve `is_known` units are looked at as they leave:
    those that are needed again are kept, what the others add is added.
    """
    time, end, start, order, late, late_row, kept_as = units
    probability, rest, begun, begun_slope = curve.probability, curve.rest, curve.begun, curve.begun_slope
    n, n_points, n_ends = len(time), len(points), len(rest)
    reached, running, weighted = np.zeros(n_ends), np.zeros(n_ends), np.zeros(n_ends)
    ended = np.zeros(n_ends, np.int64)
    own, of_unit = np.zeros(n_ends), np.zeros((n_ends + 1, n_points))
    hazards, none_yet = 0.0, 1.0
    at_risk, n_joined, p, i = n - len(late), 0, 0, 0
    is_exhausted = False
    while i < n:
        now = time[order[i]]
        while n_joined < len(late) and start[late[n_joined]] < now:
            unit = late[n_joined]
            while p < n_points and points[p] < start[unit]:
                _take_point(p, probability, rest, reached, running, weighted, hazards, none_yet)
                curve.exhausted[p] = is_exhausted
                p += 1
            n_joined += 1
            curve.joined[n_joined] = p
            begun_slope[n_joined] = hazards
            for k in range(n_ends):
                begun[n_joined, k] = running[k] + weighted[k]
            at_risk += 1
        while p < n_points and points[p] < now:
            _take_point(p, probability, rest, reached, running, weighted, hazards, none_yet)
            curve.exhausted[p] = is_exhausted
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
                running[k] += before * ended[k] / at_risk
                weighted[k] += reached[k] * total * others / at_risk
            none_yet *= (at_risk - total) / at_risk
            is_exhausted = is_exhausted or (total == at_risk and n_joined < len(late))
        for j in range(i, last if is_known else i):
            unit = order[j]
            row = late_row[unit] if len(late) > 0 else 0
            has_ended = end[unit] < n_ends
            slope = hazards - begun_slope[row] - (others if has_ended else 0.0)
            for k in range(n_ends):
                own[k] = begun[row, k] - running[k] - weighted[k]
                if has_ended:
                    own[k] += reached[k] * others
            if has_ended:
                own[end[unit]] += before
            begins = start[unit] if len(start) > 0 else UNDELAYED
            _add_exposure(now, begins, points, bands, sums.band_at_risk, sums.band_time)
            _count(now, end[unit], curve.joined[row], p, n_ends, points, sums.seen, sums.followed)
            place = kept_as[unit]
            if place >= 0:
                kept.slope[place], kept.left[place] = slope, p
                for k in range(n_ends):
                    kept.own[place, k] = own[k]
            else:
                _influence(own, slope, p, row, curve, n_ends, of_unit, sums.unclustered)
                _add_bands(of_unit, 1.0, band_probability, under_way, bands, sums.band_unclustered)
        at_risk -= last - i
        i = last
    while p < n_points:
        _take_point(p, probability, rest, reached, running, weighted, hazards, none_yet)
        curve.exhausted[p] = is_exhausted
        p += 1


@inlined
def _count(time, end, first, last, n_ends, points, seen, followed):
    """Count a unit as seen without an end until its own, and as followed, from point to point."""
    running = _followed_until(time, n_ends, last, n_ends, points) if end >= n_ends else last
    if running > first:
        seen[n_ends, first] += 1
        seen[n_ends, running] -= 1
    if end < n_ends:
        seen[end, last] += 1
    until = len(points) if end < n_ends else running
    if until > first:
        followed[first] += 1.0
        followed[until] -= 1.0


@inlined
def _take_point(p, probability, rest, reached, sums, weighted, hazards, none_yet):
    """Write down what is known at a point of time: all times up to it have been walked over."""
    for k in range(len(reached)):
        probability[k, p] = reached[k]
        rest[k, p] = reached[k] * hazards - sums[k] - weighted[k]
    probability[len(reached), p] = none_yet


@kernel
def _bands(probability, bands):
    """Give the probability of each end in a band for those without one at its beginning.

    Beside it stands one over the share of these, to multiply by: 0 where nobody is.
    """
    n_ends, n_bands = len(probability) - 1, len(bands)
    found, under_way = np.full((n_ends, n_bands), np.nan), np.zeros(n_bands)
    for b in range(n_bands):
        first, last = bands[b, 0], bands[b, 1]
        share = 1.0 if first < 0 else probability[n_ends, first]
        if share > 0:
            under_way[b] = 1.0 / share
            for k in range(n_ends):
                before = 0.0 if first < 0 else probability[k, first]
                found[k, b] = (probability[k, last] - before) / share
    return found, under_way


@kernel
def _add_bands(influence, sign, band_probability, under_way, bands, variance):
    """Add the square of an influence on the probabilities in bands (a ratio), or take it away."""
    n_ends = len(band_probability)
    for b in range(len(bands)):
        first, last = bands[b, 0], bands[b, 1]
        if under_way[b] <= 0:
            continue
        on_none = 0.0 if first < 0 else influence[n_ends, first]
        for k in range(n_ends):
            before = 0.0 if first < 0 else influence[k, first]
            change = influence[k, last] - before - band_probability[k, b] * on_none
            change *= under_way[b]
            variance[k, b] += sign * change * change


@kernel
def _add_exposure(time, start, points, bands, band_at_risk, band_time):
    """Count a unit in the bands at whose beginning it is observed, and add its time within them."""
    for b in range(len(bands)):
        first = bands[b, 0]
        begins = np.int64(0) if first < 0 else points[first]
        if begins > time:
            break
        if first < 0:
            band_at_risk[b] += start < 0
        elif start <= begins < time:
            band_at_risk[b] += 1
        within = min(time, points[bands[b, 1]]) - max(start, begins)
        if within > 0:
            band_time[b] += within
