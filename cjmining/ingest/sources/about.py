"""What a source says of itself: its page, the table of all sources, what `detect` looks for."""

from __future__ import annotations

from dataclasses import dataclass

from cjmining.schema import ACTORS


@dataclass(frozen=True)
class Layout:
    """Files of one form that a source reads.

    Parameters
    ----------
    name : str
        What the form is called: the object of a CRM, the kind of a tracking file.
    files : str
        Which files, for people: "Lead.csv", "events_*.parquet".
    columns : sequence of str
        Columns (of a table) or top-level keys (of JSON) that together tell this form from any other.
    stems : sequence of str
        Names of files, without ending and number, that suggest it.
    pattern : str
        For text that has neither: a regular expression that its lines match.
    """

    name: str
    files: str
    columns: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True)
class Default:
    """Which touchpoint a native event becomes, unless labels say otherwise.

    `channel` and `failed` are words for people where they depend on the record ("as Origin says"); a family
    of touchpoints has its changing part in angle brackets (`opportunity_<stage>`).
    """

    native: str
    touchpoint: str
    actor: str = "customer"
    channel: str = ""
    failed: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.actor not in ACTORS:
            raise ValueError(f"{self.native}: actor is one of {', '.join(ACTORS)}, not {self.actor!r}")


@dataclass(frozen=True)
class About:
    """A source in words.

    Parameters
    ----------
    system : str
        What it is called by those who run it.
    layouts : sequence of Layout
        What it reads.
    touchpoints : sequence of Default
        What its native events become.
    identifiers : sequence of str
        Kinds of identifiers that its records may have.
    measures, dimensions : sequence of str
        What events carry, each as "name: meaning".
    failed : str
        What counts as failed.
    needs : str
        Columns that must be there.
    natural_key : str
        By what a record is known again, and which delivery of it counts.
    times : str
        Their zone and precision.
    robots : str
        What is done about bots, scanners, machine opens and test traffic.
    documentation : sequence of str
        Addresses of what it was written after.
    checked : str
        What was compared with what to know that it is right.
    """

    system: str
    layouts: tuple[Layout, ...]
    needs: str
    natural_key: str
    times: str
    touchpoints: tuple[Default, ...] = ()
    identifiers: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    failed: str = "nothing"
    robots: str = "none are known in it"
    documentation: tuple[str, ...] = ()
    checked: str = ""

    @property
    def reads(self) -> str:
        """The files it reads, for people."""
        return "; ".join(dict.fromkeys(layout.files for layout in self.layouts))
