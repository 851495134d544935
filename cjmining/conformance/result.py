"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cjmining.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from cjmining.conformance.reading import Reading
    from cjmining.conformance.reconciliation import Reconciliation
    from cjmining.conformance.story import Story
    from cjmining.intended import IntendedMap


@dataclass(frozen=True, repr=False, eq=False)
class Conformance(Result):
    """Actual journeys against an intended map.

    Made by `cj.check`. Every table has `by`, the group; shares are from 0 to 1, times in seconds.

    Attributes
    ----------
    intended : IntendedMap
        The map.
    by : str or None
        What the journeys are grouped by.
    groups : tuple of str
        The groups that have journeys.
    journeys : pandas.DataFrame
        journey, customer, by, outcome (converted, dropped, turned away, open), last_stage and last_touchpoint
        (the place), furthest_stage, cost (of the optimal alignment), fitness (1 follows the plan, 0 shares
        nothing with it, NaN not on the map), start, decided_at, won_back (what a lost customer did later in
        the same journey: no, returned, converted), turn (whose: customer, company, "" nobody's).
    deviations : pandas.DataFrame
        by, type (missing, ad hoc, out of order, failed, repeated, wrong channel, late), stage, touchpoint,
        journeys (with at least one), share_of_journeys (of all the group's), events (moves), journeys_there
        (whose path runs through the stage, or that deviate there), share_of_journeys_there; of the mature
        ones with it and of comparable ones without: mature_with, converted_with (of those, within the
        horizon), mature_without, converted_without, difference of the shares with limits, q, and the median
        seconds from start to goal, median_s_with and median_s_without. An association.
    deviations_by_channel : pandas.DataFrame
        by, type, stage, touchpoint, channel ("" for what is missing), journeys, events, share_of_journeys.
    stages : pandas.DataFrame
        by, stage, entered = continued + converted + dropped + turned_away + open, mature (entered at least
        horizon and patience before the data ends), dropped_within_horizon (of those), drop_out_share with
        Wilson limits lower and upper, median_s (from entering to entering a later stage), satisfaction (mean)
        and satisfaction_answered (how many answers).
    dropouts : pandas.DataFrame
        by, stage, touchpoint, turn, journeys, share_of_dropped (of the group's drop-outs), value_at_risk with
        limits, currency. Most first.
    touchpoints : pandas.DataFrame
        by, stage, touchpoint, channel, events, journeys, satisfaction, satisfaction_answered.
    flows : pandas.DataFrame
        by, from_stage, to_stage, journeys, crossings: moves from one stage to another.
    standouts : pandas.DataFrame
        by, stage, mature, dropped_within_horizon, share, rest_mature, rest_share, risk_ratio, lower, upper,
        p, q, stands_out: each group against the rest, an association.
    outcomes : pandas.DataFrame
        by, journeys, converted, dropped, turned_away, open, customers.
    sensitivity : pandas.DataFrame
        by, stage, patience (half, as stated, double), mature, drop_out_share, lower, upper, rank.
    value_by_currency : pandas.DataFrame
        The value at risk of each row of `dropouts` in every currency.
    expectations : pandas.DataFrame
        by, stage, touchpoint ("" for a stage's `within`), measure, after, at_least, at_most, target (share
        promised), measured, kept, share_kept with limits, verdict (kept, broken, unclear), median and p90 of
        the measure, unmeasured, not_due, journeys_kept (all kept), journeys_broken (one or more broken); what
        followed on a journey's first: mature_kept, dropped_when_kept, mature_broken, dropped_when_broken,
        difference with limits. An association.
    expectations_by_week, expectations_by_channel : pandas.DataFrame
        by, stage, touchpoint, measure, after, at_least, at_most, week (its Monday, UTC) or channel, measured,
        kept, share_kept, lower, upper.
    channels : pandas.DataFrame
        by, channel, contacts (of customers, on the map) and their journeys, satisfaction (mean of the answers
        about what happened on the channel) with limits, answered, waits (how many were measured),
        median_wait_s, p90_wait_s.
    handoffs : pandas.DataFrame
        by, kind (channel: from one contact to the next; owner: of the journey's stages), from, to, stage
        (where it arrived), again (there, or at this touchpoint, the journey's last contact was on another
        channel), handoffs, journeys, share_of_journeys (of all the group's), median_s, p90_s (time between).
    fitness : pandas.DataFrame
        by, journeys (those aligned), cost and worst (sums over them), fitness (1 - cost / worst),
        mean_fitness (of journeys, each counting once), perfect (journeys of cost 0).
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = (  # type: ignore[misc]
        "journeys",
        "deviations",
        "deviations_by_channel",
        "stages",
        "dropouts",
        "touchpoints",
        "flows",
        "standouts",
        "outcomes",
        "sensitivity",
        "value_by_currency",
        "expectations",
        "expectations_by_week",
        "expectations_by_channel",
        "channels",
        "handoffs",
        "fitness",
    )

    intended: IntendedMap
    by: str | None
    groups: tuple[str, ...]
    journeys: pd.DataFrame
    deviations: pd.DataFrame
    deviations_by_channel: pd.DataFrame
    stages: pd.DataFrame
    dropouts: pd.DataFrame
    touchpoints: pd.DataFrame
    flows: pd.DataFrame
    standouts: pd.DataFrame
    outcomes: pd.DataFrame
    sensitivity: pd.DataFrame
    value_by_currency: pd.DataFrame
    expectations: pd.DataFrame
    expectations_by_week: pd.DataFrame
    expectations_by_channel: pd.DataFrame
    channels: pd.DataFrame
    handoffs: pd.DataFrame
    fitness: pd.DataFrame
    notes: tuple[str, ...] = ()
    _everybody: Conformance | None = None
    _reading: Reading | None = None

    @property
    def overall(self) -> Conformance:
        """The same check with all journeys as one group, "all"."""
        return self if self._everybody is None else self._everybody

    def moves(self) -> pd.DataFrame:
        """Align the journeys again and return every move.

        Returns
        -------
        pandas.DataFrame
            journey, position (from 0), move ("synchronous": as planned; "log only": not planned there; "map
            only": planned, but not there), stage and touchpoint (of the plan; for log-only moves the event's
            touchpoint, and no stage), event (row in `log.events`, -1 for map-only moves).
        """
        from cjmining.conformance.moves import moves

        return moves(self._with_log("moves"))

    def write_moves(self, folder: str | Path) -> Path:
        """Align the journeys again and write every move to Parquet files, one a block of the log.

        Parameters
        ----------
        folder : str or Path
            A folder that doesn't exist or is empty.

        Returns
        -------
        Path
            The folder, with files `moves-00000.parquet` and so on; columns as in `moves`.

        Raises
        ------
        LogError
            If the folder holds something.
        """
        from cjmining.conformance.moves import write_moves

        return write_moves(self._with_log("moves"), folder)

    def explain(self, journey: int) -> Story:
        """Tell the story of one journey: what was intended, what happened, where and when it left.

        Parameters
        ----------
        journey : int
            Its number, as in `journeys`.

        Returns
        -------
        Story
            In words, and as a table of its moves; `cj.plot.story` draws it.

        Raises
        ------
        LogError
            If there is no such journey.

        Examples
        --------
        >>> import cjmining as cj
        >>> from cjmining.intended import parse_map
        >>> shop = cj.simulate.shop(100, seed=1)
        >>> intended = parse_map(shop.intended_text)
        >>> check = cj.check(shop.log.split(intended), intended)
        >>> check.explain(0).moves.columns.tolist()
        ['position', 'timestamp', 'move', 'type', 'stage', 'touchpoint', 'channel', 'event']
        """
        from cjmining.conformance.story import explain

        return explain(self._with_log("stories"), journey)

    def reconcile(
        self,
        controls: object,
        *,
        measures: Mapping[str, Any] | None = None,
        timezone: str = "UTC",
        tolerance: float = 0.01,
    ) -> Reconciliation:
        """Hold orders, revenue, leads a month beside figures of finance or a CRM, and say why they differ.

        Parameters
        ----------
        controls : frame, path of a CSV file, or mapping
            Their figures: columns month (2026-03, or its first day), measure, value (or control), and
            currency where the log has several; or month and a column a measure; or {"2026-03": {"orders":
            120}}.
        measures : mapping, optional
            What a measure counts, by its name: a touchpoint or several ("leads": "catalogue_requested"), or
            {"value": touchpoint} for the money in its events. Without it `conversions` and `orders` are
            converted journeys, `revenue` is their net value, and the name of a touchpoint counts its events.
        timezone : str
            Where their months begin and end, such as "Europe/Berlin".
        tolerance : float
            Which share of their figure a difference may have and still agree.

        Returns
        -------
        Reconciliation
            `months` with the verdict on each figure, `explanations` with the parts of each difference.

        Raises
        ------
        LogError
            If the controls can't be read, or a measure, a currency or the time zone is unknown.

        Examples
        --------
        >>> import cjmining as cj
        >>> from cjmining.intended import parse_map
        >>> shop = cj.simulate.shop(300, seed=1)
        >>> intended = parse_map(shop.intended_text)
        >>> check = cj.check(shop.log.split(intended), intended)
        >>> told = check.reconcile({"2026-04": {"orders": 18}}, timezone="Europe/Berlin")
        >>> told.months["verdict"].tolist()
        ['agrees']
        """
        from cjmining.conformance.reconcile import reconcile

        return reconcile(self, controls, measures=measures, timezone=timezone, tolerance=tolerance)

    def _with_log(self, what: str) -> Reading:
        if self._reading is None:
            raise ValueError(f"this check was made without its log: it has no {what}")
        return self._reading

    def _summary(self) -> str:
        row = self.overall.outcomes.iloc[0]
        groups = f", by {self.by}" if self.by else ""
        return (
            f"Conformance to '{self.intended.name}'{groups}: {row['journeys']:,} journeys, "
            f"{row['converted']:,} converted, {row['dropped']:,} dropped, "
            f"{row['turned_away']:,} turned away, {row['open']:,} open"
        )
