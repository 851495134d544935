"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from cjmining.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from cjmining.conformance.journeys import Journeys
    from cjmining.conformance.reading import Reading
    from cjmining.conformance.reconciliation import Reconciliation
    from cjmining.conformance.story import Story
    from cjmining.intended import IntendedMap


@dataclass(frozen=True, repr=False, eq=False)
class Conformance(Result):
    """Actual journeys against an intended map.

    Made by `cj.check`. Every table but `knowledge` has `by`, the group; shares are from 0 to 1,
    times in seconds.

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
        (whose path runs through the stage, or that deviate there), share_of_journeys_there (of those),
        mature_with (mature journeys with it), converted_with (of those, within the horizon), mature_without
        (comparable mature ones without it), converted_without (of those, within the horizon), difference (of
        the two shares) with limits lower and upper, q, median_s_with and median_s_without (median seconds
        from start to goal). An association.
    deviations_by_channel : pandas.DataFrame
        by, type, stage, touchpoint, channel ("" for what is missing), journeys, events, share_of_journeys.
    stages : pandas.DataFrame
        by, stage, entered = continued + converted + dropped + turned_away + open, mature (entered at least
        horizon and patience before the data ends), dropped_within_horizon (of those), drop_out_share
        (dropped_within_horizon / mature) with Wilson limits lower and upper, median_s (from entering to
        entering a later stage), satisfaction (mean of the answers) with limits satisfaction_lower and
        satisfaction_upper (95 %, allowing for several answers of one customer) and satisfaction_answered (how
        many), began (came to this stage first of all; 0 before the map), after_goal (of continued, came to it
        only after they had reached the goal).
    dropouts : pandas.DataFrame
        by, stage, touchpoint, turn, journeys, share_of_dropped (of the group's drop-outs), value_at_risk
        (what the journeys dropped there would have brought, had they gone on like those that did) with limits
        value_at_risk_lower and value_at_risk_upper, currency. Most first.
    touchpoints : pandas.DataFrame
        by, stage, touchpoint, channel, events, journeys, satisfaction, satisfaction_answered, failed (of
        journeys, those with a try that failed).
    flows : pandas.DataFrame
        by, from_stage and to_stage (the one that is left, and the one that is entered), journeys, crossings
        (moves from the one to the other), crossings_after_goal (of these), journeys_before_goal (that moved
        so before they reached the goal, or never reached it), journeys_after_goal (that did after; may be
        the same).
    standouts : pandas.DataFrame
        Each group against the rest: by, stage, mature, dropped_within_horizon, share (of the mature ones,
        dropped within the horizon), rest_mature (mature journeys of the other groups), rest_share (of those),
        risk_ratio (share / rest_share) with limits lower and upper, p, q, stands_out (q below 0.005, at least
        10 of its journeys dropped, and the limits leave out 1). An association.
    outcomes : pandas.DataFrame
        by, journeys, converted, dropped, turned_away, open, customers.
    sensitivity : pandas.DataFrame
        by, stage, patience (half, as stated, double), mature, drop_out_share (of the mature ones) with limits
        lower and upper, rank (1 loses the largest share).
    ranking : pandas.DataFrame
        Whether the ranking of the stages by drop-out holds at other patiences: by, leads (the stage that
        loses the largest share of those followed, as stated), leads_at_half and leads_at_double ("" where too
        few could be followed), tau_at_half and tau_at_double (Kendall's tau-a of the shares with those as
        stated), clear_pairs (of stages whose limits don't overlap as stated), changed_at_half and
        changed_at_double (clear pairs in which the other one then loses more), holds (the same stage leads at
        all three, and no clear pair changed). Of stages in which at least 10 journeys could be followed.
    identified : pandas.DataFrame
        The columns of `stages` but for the limits of satisfaction, of the journeys of identified customers
        alone (whom the customer list knows, or of whom there is an identifier other than a cookie, a device
        or a case): by, stage, entered, continued, converted, dropped, turned_away, open, mature,
        dropped_within_horizon (of those), drop_out_share (dropped_within_horizon / mature) with Wilson limits
        lower and upper, median_s (from entering to entering a later stage), satisfaction (mean of the
        answers) and satisfaction_answered (how many). Empty where the log can't tell. Being identified may
        itself depend on how far someone came.
    knowledge : pandas.DataFrame
        Of whom an attribute is known, by how far they came, over all groups: attribute (`by`, the persona,
        the attributes of its rules, "(identified)"), furthest_stage (of decided journeys that didn't convert;
        last "(converted)"), journeys, known (of those), share with limits lower and upper, journeys_further
        (that came further), share_further (known, of those), difference (share less share_further) with
        limits difference_lower and difference_upper, shift (by how much larger a share of the unknown than of
        the known journeys that came at least here got no further), q (of no trend of the share known over how
        far they came), depends (q below 0.01, limits of the difference leave out 0, shift of 5 points or more
        and 20 journeys on both sides). Limits and q allow for several journeys of one customer. An
        association.
    value_by_currency : pandas.DataFrame
        The value at risk of each row of `dropouts` in every currency.
    expectations : pandas.DataFrame
        by, stage, touchpoint ("" for a stage's `within`), measure, after, at_least, at_most, target (share
        promised), measured, kept, share_kept (kept / measured) with limits lower and upper, verdict (kept,
        broken, unclear), median and p90 (median and 90th percentile of the measure), unmeasured (events
        without one), not_due (whose time was not over when the data ended), journeys_kept (all kept),
        journeys_broken (one or more broken), mature_kept (mature journeys whose first was kept),
        dropped_when_kept (of those, within the horizon), mature_broken (whose first was broken),
        dropped_when_broken (of those, within the horizon), difference (of the shares dropped) with limits
        difference_lower and difference_upper. An association.
    expectations_by_week, expectations_by_channel : pandas.DataFrame
        by, stage, touchpoint, measure, after, at_least, at_most, week (its Monday, UTC) or channel, measured,
        kept, share_kept (kept / measured) with limits lower and upper.
    channels : pandas.DataFrame
        by, channel, contacts (of customers, on the map) and their journeys, satisfaction (mean of the answers
        about what happened on the channel) with limits, answered (number of the answers), waits (how many
        were measured), median_wait_s and p90_wait_s (median and 90th percentile of the waits).
    handoffs : pandas.DataFrame
        by, kind (channel: from one contact to the next; owner: of the journey's stages), from, to, stage
        (where it arrived), again (there, or at this touchpoint, the journey's last contact was on another
        channel), handoffs (how often), journeys, share_of_journeys (of all the group's), median_s and p90_s
        (median and 90th percentile of the time between).
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
        "ranking",
        "identified",
        "knowledge",
        "value_by_currency",
        "expectations",
        "expectations_by_week",
        "expectations_by_channel",
        "channels",
        "handoffs",
        "fitness",
    )
    _opened = "stages"

    intended: IntendedMap
    by: str | None
    groups: tuple[str, ...]
    deviations: pd.DataFrame
    deviations_by_channel: pd.DataFrame
    stages: pd.DataFrame
    dropouts: pd.DataFrame
    touchpoints: pd.DataFrame
    flows: pd.DataFrame
    standouts: pd.DataFrame
    outcomes: pd.DataFrame
    sensitivity: pd.DataFrame
    ranking: pd.DataFrame
    identified: pd.DataFrame
    knowledge: pd.DataFrame
    value_by_currency: pd.DataFrame
    expectations: pd.DataFrame
    expectations_by_week: pd.DataFrame
    expectations_by_channel: pd.DataFrame
    channels: pd.DataFrame
    handoffs: pd.DataFrame
    fitness: pd.DataFrame
    notes: tuple[str, ...] = ()
    _journeys: Journeys | None = None
    _everybody: Conformance | None = None
    _reading: Reading | None = None

    @cached_property
    def journeys(self) -> pd.DataFrame:
        """A row a journey, made when it is first asked for."""
        if self._journeys is None:
            raise ValueError("this check was made without its log: it has no journeys")
        return self._journeys.table()

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

    def verbatims(self, *, each: int = 2, smallest: int = 10) -> pd.DataFrame:
        """Choose a few of what customers wrote beside their answers, stage by stage.

        They are chosen, not representative: `comments` says of how many. Of a stage come those beside the
        answers nearest to its median answer, and last one of the least satisfied, if that is below. Among
        equals comments come first that nothing was taken out of, then those of an easy length (12 to 90
        letters), then the earliest. The same words are never told twice in a group, nor two of one customer
        as typical. What was taken out of them when they were read in can't be all that tells who somebody
        is, names of others for instance: read them before you show them to many.

        Parameters
        ----------
        each : int
            How many of a stage at most; with 1 there is only a typical one.
        smallest : int
            How many customers of the group must have commented on a stage for anything of it to be shown.

        Returns
        -------
        pandas.DataFrame
            by, stage (where the answer was given, as for satisfaction in `stages`), touchpoint (that is
            rated) and its channel, satisfaction (0 to 1), comment (as the log keeps it: without addresses and
            numbers), chosen ("typical" or "least satisfied"), comments (on this stage by this group) and
            customers (who wrote them), answered (answers there, with and without a comment) and
            median_satisfaction (of those). In the order of the map.

        Raises
        ------
        LogError
            If an option is out of its limits.
        ValueError
            If the check was made without its log.

        Examples
        --------
        >>> import cjmining as cj
        >>> import pandas as pd
        >>> from cjmining.intended import parse_map
        >>> answers = pd.DataFrame({
        ...     "who": ["ann", "bob", "cem"], "when": ["2026-03-01"] * 3, "what": ["rated"] * 3,
        ...     "score": [5, 4, 1], "comment": ["All good", "Quick. Call me on 0170 1234567", "Too late"],
        ... })
        >>> survey = cj.sources.Table(answers, name="survey", customer="who", timestamp="when",
        ...                           touchpoint="what", measures={"satisfaction": ("score", 1, 5)})
        >>> intended = parse_map("{map: Parcel, goal: [rated], stages: [{stage: After, touchpoints: "
        ...                      "[{touchpoint: rated}]}], patience: 9d}")
        >>> check = cj.check(cj.ingest(survey).split(intended), intended)
        >>> check.verbatims(smallest=3)[["satisfaction", "comment", "chosen"]]
           satisfaction                   comment           chosen
        0          0.75  Quick. Call me on [..]           typical
        1          0.00                  Too late  least satisfied
        """
        from cjmining.conformance.verbatims import verbatims

        return verbatims(
            self._with_log("verbatims"),
            self.groups,
            as_one=self.by is None,
            each=each,
            smallest=smallest,
        )

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

    def _head(self, name: str) -> pd.DataFrame:
        """Return the first rows of a table; of journeys only these are made."""
        if name == "journeys" and self._journeys is not None:
            return self._journeys.table(8)
        return super()._head(name)

    def _length(self, name: str) -> int:
        """Return how many rows a table has."""
        if name == "journeys" and self._journeys is not None:
            return len(self._journeys)
        return super()._length(name)

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
