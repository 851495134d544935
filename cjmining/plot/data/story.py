"""One journey step by step: what its picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.plot.choose import expect_story
from cjmining.plot.words import duration, known, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from cjmining.conformance.story import Story

_MOST = 96
"""Steps that are drawn; of a longer journey those in the middle are left out, and counted."""


def story(story: Story) -> pd.DataFrame:
    """Return a journey step by step: what `cj.plot.story` draws.

    Parameters
    ----------
    story : Story
        What `check.explain(journey)` returned.

    Returns
    -------
    pandas.DataFrame
        stage (that the journey is in, or "(before the map)", "after the end"), move (as in `story.moves`;
        "end" for the end of the journey), type (of the deviation; of the end the outcome), touchpoint,
        channel, timestamp (of the end when it was decided), since_s (seconds since what happened before),
        broken (promises that were broken there, in words), drawn (False for steps in the middle of a long
        journey, which are left out).

    Raises
    ------
    LogError
        If `story` is not the story of a journey.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> table = cj.plot.data.story(check.explain(0))
    >>> table.loc[table["move"] == "end", "type"].item() == check.explain(0).outcome
    True
    """
    import pandas as pd

    expect_story(story, "cj.plot.data.story")
    every = _every_step(story)
    drawn = {id(step) for step in _shortened(every)}
    rows = [
        {
            "stage": step.stage,
            "move": step.move,
            "type": step.kind,
            "touchpoint": step.touchpoint,
            "channel": step.channel,
            "timestamp": step.moment,
            "since_s": step.since,
            "broken": ", ".join(step.broken),
            "drawn": id(step) in drawn,
        }
        for step in every
    ]
    table = pd.DataFrame(rows)
    table["timestamp"] = pd.to_datetime(table["timestamp"], utc=True).astype("datetime64[us, UTC]")
    text = ["stage", "move", "type", "touchpoint", "channel", "broken"]
    return table.astype(dict.fromkeys(text, "str") | {"since_s": "float64"})


class Step(NamedTuple):
    """A column of the picture: a move, the end, or what is left out."""

    move: str
    kind: str = ""
    stage: str = ""
    touchpoint: str = ""
    channel: str = ""
    moment: pd.Timestamp | None = None
    since: float = float("nan")
    broken: tuple[str, ...] = ()

    @property
    def gap(self) -> str:
        """The time since what happened before, in words."""
        return f"+{duration(self.since)}" if known(self.since) else ""


def steps_of(story: Story) -> list[Step]:
    """Return the columns: the moves with the stage that the journey was in, and the end in its place."""
    return _shortened(_every_step(story))


def _every_step(story: Story) -> list[Step]:
    moves = list(_moves(story))
    before = [step.moment for step in moves[: story.end_position + 1] if step.moment is not None]
    silence = (story.decided_at - max(before)).total_seconds() if before else float("nan")
    end = Step("end", story.outcome, moment=story.decided_at, since=silence if silence > 0 else float("nan"))
    moves.insert(story.end_position + 1, end)
    return moves


def _shortened(moves: list[Step]) -> list[Step]:
    """Leave out the middle of a long journey, but not its end."""
    if len(moves) <= _MOST:
        return moves
    half = _MOST // 2
    cut = Step("cut", touchpoint=f"{number(len(moves) - _MOST + 1)} steps left out")
    kept = [*moves[: half - 1], cut, *moves[len(moves) - half :]]
    end = next(step for step in moves if step.move == "end")
    return (
        kept if any(step.move == "end" for step in kept) else [*kept[: half - 1], cut, end, *kept[half + 1 :]]
    )


def _moves(story: Story) -> Iterator[Step]:
    stage, before, broken = "", None, _broken(story)
    rows: list[dict[str, Any]] = story.moves.to_dict("records")  # type: ignore[assignment]
    for row in rows:
        move, moment = str(row["move"]), row["timestamp"] if known(row["timestamp"]) else None
        if move in {"synchronous", "map only"}:
            stage = str(row["stage"])
        since = float("nan")
        if moment is not None:
            since = since if before is None else (moment - before).total_seconds()
            before = moment
        where = "after the end" if move == "after the end" else stage or "(before the map)"
        yield Step(
            move,
            str(row["type"]),
            where,
            str(row["touchpoint"]),
            str(row["channel"]),
            moment,
            since,
            tuple(broken.get(row["event"], ())),
        )


def _broken(story: Story) -> dict[int, list[str]]:
    """Return by event the promises about it that were broken, in short."""
    found: dict[int, list[str]] = {}
    rows: list[dict[str, Any]] = story.promises.to_dict("records")  # type: ignore[assignment]
    for row in rows:
        if not row["kept"] and row["measure"] in _SHORT:
            said = _SHORT[row["measure"]].format(time=duration(row["value"]), value=f"{row['value']:.2g}")
            found.setdefault(row["event"], []).append(said)
    return found


_SHORT = {"wait_s": "waited {time}", "duration_s": "took {time}", "satisfaction": "satisfaction {value}"}
