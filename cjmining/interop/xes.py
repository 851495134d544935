"""Writing XES (IEEE 1849), the exchange format of process mining."""

from __future__ import annotations

import gzip
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

import numpy as np

from cjmining.errors import LogError
from cjmining.event_columns import pieces_of
from cjmining.interop.logs import ACTIVITY, DATA_END, RESOURCE, TIME, numbered, of_journeys, utc_text
from cjmining.log import expect_log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Fragments = NDArray[np.object_]
    from cjmining.interop.logs import Known

    OfJourneys = dict[str, Known]

CHUNK: Final = 2_000
"""Journeys whose text is put together at once, at most."""

_TEXTS: Final = ("channel", "source", "device", "campaign", "session", "currency")
_NUMBERS: Final = ("value", "wait_s", "duration_s", "satisfaction")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<global scope="trace">
<string key="concept:name" value=""/>
</global>
<global scope="event">
<string key="concept:name" value=""/>
<date key="time:timestamp" value="1970-01-01T00:00:00.000000+00:00"/>
</global>
<classifier name="Touchpoint" keys="concept:name"/>
"""


def write_xes(log: JourneyLog, path: str | Path, *, attributes: Sequence[str] = ()) -> Path:
    """Write a log as XES, each journey a trace.

    Parameters
    ----------
    log : JourneyLog
        The log.
    path : str or Path
        A file .xes, or .xes.gz to be packed. One that is there is replaced when the new one is complete.
    attributes : sequence of str
        What else is known of customers and is written with their journeys; by default nothing but the
        persona, since such a file leaves the house.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    LogError
        If `path` is no name of a file or ends otherwise, its folder does not exist, a text has a character
        that XML can't hold, or customers don't have one of the attributes.

    Notes
    -----
    Of an event are written concept:name (the touchpoint), time:timestamp (UTC, to the microsecond),
    org:resource (the actor), channel, source, device, campaign, session, currency, value, wait_s, duration_s,
    satisfaction, failed, and the log's dimensions, where known; of a journey concept:name (its number with
    leading zeros), customer ("customer-" and its number), persona, the attributes asked for and what
    journeys are tagged with (such as outcome), where known; of the log data_end, the end of the data. Not
    written are properties, native names, and everything else that is known of customers, identifiers above
    all. The same log gives the same bytes.

    References
    ----------
    IEEE 1849-2016, https://www.xes-standard.org.

    Examples
    --------
    >>> import tempfile
    >>> import cjmining as cj
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_xes(cj.simulate.shop(20, seed=1).log, f"{folder}/shop.xes.gz").name
    'shop.xes.gz'
    """
    expect_log(log, "cjmining.interop.write_xes")
    if not isinstance(path, str | os.PathLike):
        raise LogError(f"path is the name of a file that ends in .xes or .xes.gz, not {path!r}")
    target = Path(path)
    if not target.name.endswith((".xes", ".xes.gz")):
        raise LogError(f"a file of XES ends in .xes or .xes.gz, not {target.name!r}")
    if not target.parent.is_dir():
        raise LogError(f"can't write {target}: the folder {target.parent} does not exist")
    known = of_journeys(log, attributes)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            _write(log, file, known, packed=target.suffix == ".gz")
        unfinished.replace(target)
    except OSError as problem:
        raise LogError(f"can't write {target}: {problem.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _write(log: JourneyLog, file: IO[bytes], known: OfJourneys, *, packed: bool) -> None:
    # Without a name and a time in it, the same content gives the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) if packed else file as out:
        out.write(f"{_HEAD}{_known('date', DATA_END, utc_text(log.data_end_us))}\n".encode())
        for text in _traces(log, known):
            out.write(text.encode())
        out.write(b"</log>\n")


def _traces(log: JourneyLog, known: OfJourneys) -> Iterator[str]:
    """Put the traces together, the events of some journeys at a time."""
    of_journey = _journey_columns(log, known)
    of_event = _event_columns(log)
    for first in range(0, log.n_journeys, CHUNK):
        last = min(first + CHUNK, log.n_journeys)
        start, end = int(log.bounds[first]), int(log.bounds[last])
        events = _joined([column(slice(start, end)) for column in of_event], "<event>", "</event>\n")
        traces = _joined([column(slice(first, last)) for column in of_journey], "<trace>", "\n")
        for number in range(first, last):
            its = events[log.bounds[number] - start : log.bounds[number + 1] - start]
            yield f"{traces[number - first]}{''.join(its)}</trace>\n"


Column = Callable[[slice], "Fragments"]


def _joined(columns: list[Fragments], before: str, after: str) -> list[str]:
    return [f"{before}{''.join(row)}{after}" for row in zip(*columns, strict=True)]


def _journey_columns(log: JourneyLog, known: OfJourneys) -> list[Column]:
    customers = log.journey_customer
    columns = [_named(ACTIVITY, np.arange(log.n_journeys)), _named("customer", customers, "customer-")]
    for name, (codes, words) in known.items():
        fragments = np.array([*(_value(name, word) for word in words), ""], dtype=object)
        columns.append(_coded(fragments, codes))
    return columns


def _event_columns(log: JourneyLog) -> list[Column]:
    columns = [_texts(log, "touchpoint", ACTIVITY), _times(log.timestamps), _texts(log, "actor", RESOURCE)]
    columns += [_texts(log, name, name) for name in (*_TEXTS, *log.dimensions) if log.vocabulary(name)]
    columns += [
        _numbers(name, log.numbers(name))
        for name in _NUMBERS
        if any((~np.isnan(values)).any() for (values,) in pieces_of(log.numbers(name)))
    ]
    flags = np.array([_known("boolean", "failed", flag) for flag in ("false", "true")] + [""], dtype=object)
    failed = log.flags("failed")
    if any((known >= 0).any() for (known,) in pieces_of(failed)):
        columns.append(_coded(flags, failed))
    return columns


def _value(key: str, value: str | float) -> str:
    if isinstance(value, str):
        return _text(key, value)
    if isinstance(value, bool):
        return _known("boolean", key, str(value).lower())
    return _known("int", key, str(value)) if isinstance(value, int) else _number(key, value)


def _named(key: str, numbers: NDArray[np.int64], before: str = "") -> Column:
    width = len(str(numbers.max(initial=0)))

    def written(here: slice) -> Fragments:
        names = numbered(numbers[here].tolist(), before, width)
        return np.array([_text(key, name) for name in names], dtype=object)

    return written


def _coded(fragments: Fragments, codes: NDArray[np.integer[Any]]) -> Column:
    return lambda here: fragments[codes[here]]


def _texts(log: JourneyLog, name: str, key: str) -> Column:
    fragments = np.array([*(_text(key, word) for word in log.vocabulary(name)), ""], dtype=object)
    return _coded(fragments, log.codes(name))


def _times(timestamps: NDArray[np.int64]) -> Column:
    def written(here: slice) -> Fragments:
        texts = np.datetime_as_string(timestamps[here].astype("datetime64[us]"), unit="us")
        return np.array([_known("date", TIME, f"{text}+00:00") for text in texts.tolist()], dtype=object)

    return written


def _numbers(name: str, values: NDArray[np.float64]) -> Column:
    def written(here: slice) -> Fragments:
        return np.array([_number(name, value) for value in values[here].tolist()], dtype=object)

    return written


def _number(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    text = repr(value) if math.isfinite(value) else "INF" if value > 0 else "-INF"
    return _known("float", name, text)


def _known(kind: str, key: str, value: str) -> str:
    return f'<{kind} key={quoteattr(key)} value="{value}"/>'


def _text(key: str, value: str) -> str:
    strange = _NO_XML.search(key + value)
    if strange:
        raise LogError(
            f"{key} has the value {value!r} with a character that XML can't hold ({strange.group()!r}); "
            "rename it by label rules"
        )
    return f"<string key={quoteattr(key)} value={quoteattr(value)}/>"
