"""Questions of surveys that tell satisfaction: their scales, and answers brought to 0 for the worst to 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cjmining.errors import SourceError, nearest
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.sources.base import LeftOut

SCALES: Final = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}
"""Usual scales, from the worst answer to the best."""
UNANSWERED: Final = "-99"
"""What Qualtrics writes, on request, for a question that was seen but not answered."""


@dataclass(frozen=True)
class Question:
    """A question with a scale.

    Parameters
    ----------
    column : str
        Its tag or ImportId.
    scale : str
        What it is: nps, csat, ces or a word of one's own.
    worst, best : float
        The numbers at the ends.
    answers : sequence of str
        The choices from the worst to the best, where the export has their texts.
    """

    column: str
    scale: str
    worst: float
    best: float
    answers: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """SQL of its answer as it stands; NULL where there is none."""
        return answer(self.column)

    @property
    def said(self) -> str:
        """The scale in words."""
        return f"{self.scale}, {self.worst:g} to {self.best:g}"

    def scaled(self) -> str:
        """SQL of its answer from 0, the worst, to 1."""
        text = self.text
        number = f"try_cast(replace(regexp_extract({text}, '^-?[0-9]+([.,][0-9]+)?'), ',', '.') AS DOUBLE)"
        if self.answers:
            listed = ", ".join(literal(answer.casefold()) for answer in self.answers)
            number = f"coalesce(nullif(list_position([{listed}], lower({text})), 0), {number})"
        low, high = sorted((self.worst, self.best))
        return (
            f"CASE WHEN {number} BETWEEN {low} AND {high} "
            f"THEN ({number} - {self.worst}) / {self.best - self.worst} END"
        )

    def left_out(self) -> LeftOut:
        """Answers that lie on no place of the scale."""
        text = self.text
        return LeftOut(
            self.column,
            f"{text} IS NOT NULL AND ({self.scaled()}) IS NULL",
            text,
            f"{self.column} is no answer on its scale ({self.said})",
            f"e:{self.column}",
        )


def answer(column: str) -> str:
    """SQL of the answer to a question; NULL where it was seen but not answered.

    Examples
    --------
    >>> print(answer("Q4"))
    nullif("Q4", '-99')
    """
    return f"nullif({identifier(column)}, {literal(UNANSWERED)})"


def questions_of(given: Mapping[str, object] | None, name: str) -> list[Question]:
    """Read the option `questions` of a source.

    Examples
    --------
    >>> [question.said for question in questions_of({"Q5": "nps", "Q2": ("effort", 7, 1)}, "survey")]
    ['nps, 0 to 10', 'effort, 7 to 1']
    """
    if given is not None and not isinstance(given, Mapping):
        raise SourceError(
            f"source {name!r}: questions is {{question: scale}}, such as {{'Q5': 'nps'}}, not {given!r}"
        )
    return [_question(column, scale, name) for column, scale in (given or {}).items()]


def _question(column: str, given: object, name: str) -> Question:
    """Read one entry of the option `questions`."""
    how = (
        f"source {name!r}, questions[{column!r}]: give one of {', '.join(map(repr, SCALES))}, such a word "
        "with the worst and the best number, ('csat', 1, 7), or with the answers from the worst to the best"
    )
    if isinstance(given, str):
        if given not in SCALES:
            raise SourceError(f"{how}; not {given!r}{nearest(given, SCALES)}")
        return Question(column, given, *SCALES[given])
    parts = list(given) if isinstance(given, list | tuple) else []
    if (
        len(parts) == 2
        and isinstance(parts[0], str)
        and isinstance(parts[1], list | tuple)
        and len(parts[1]) > 1
    ):
        answers = tuple(str(answer) for answer in parts[1])
        return Question(column, parts[0], 1.0, float(len(answers)), answers)
    if len(parts) == 3 and isinstance(parts[0], str):
        numbers = [n for n in parts[1:] if isinstance(n, int | float) and not isinstance(n, bool)]
        if len(numbers) == 2 and numbers[0] != numbers[1]:
            return Question(column, parts[0], float(numbers[0]), float(numbers[1]))
    raise SourceError(f"{how}; not {given!r}")
