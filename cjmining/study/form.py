"""The form of a study file: which keys it may have and what stands in them.

`docs/study-format.md` describes it for people.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cjmining import documents
from cjmining.documents import Document, Mistake
from cjmining.errors import SourceError, StudyError, nearest

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

Text = Annotated[str, Field(min_length=1)]


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a moment such as 2026-08-31T22:00:00Z, found '{text}'") from None
    return text


Moment = Annotated[str, AfterValidator(_moment)]


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


OneOrMore = Annotated[list[Text], Field(min_length=1), BeforeValidator(_listed)]
"""A text, or a list of texts."""

Options = dict[str, Any]

Steps = tuple[str | int, ...]

PATH = "path"
"""The key under which a study names the file or folder of a source."""

CUSTOMERS = "Customers"
"""The source that holds attributes instead of events; a study names it apart."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ReportForm(_Form):
    """How the page is made."""

    title: Text | None = None
    min_group: Annotated[int, Field(ge=1)] = 10


class StudyForm(_Form):
    """A study: which exports are read, which map they are held against, and how it is told."""

    study: Text
    sources: Annotated[list[Options], Field(min_length=1)]
    map: OneOrMore
    labels: Text | None = None
    customers: Options | None = None
    by: Text | None = None
    data_end: Moment | None = None
    identities: Literal["keep", "drop"] = "keep"
    memory_limit: Text | None = None
    deliveries: Text | None = None
    write_log: bool = False
    workbook: bool = False
    report: ReportForm = ReportForm()


def read_study(path: str | Path) -> tuple[StudyForm, Document]:
    """Read a study file and check everything that can be checked before a source is read.

    Raises
    ------
    StudyError
        With all mistakes at once, each with its line.
    """
    document = documents.read_document(path, error=StudyError)
    form, mistakes = documents.check(document, StudyForm)
    mistakes = [*mistakes, *_source_mistakes(document)]
    if form is None or mistakes:
        documents.raise_mistakes(document, mistakes, error=StudyError)
        raise AssertionError  # pragma: no cover -- raise_mistakes always raises
    return form, document


def source_kinds() -> dict[str, type[Source]]:
    """Return what can be read, by the name that a study uses."""
    from cjmining.ingest import sources
    from cjmining.ingest.sources.base import Source

    named = {name: getattr(sources, name) for name in sources.__all__}
    return {
        name: kind
        for name, kind in named.items()
        if inspect.isclass(kind)
        and issubclass(kind, Source)
        and not inspect.isabstract(kind)
        and name != CUSTOMERS
    }


def option_names(kind: type) -> list[str]:
    """Return the options of a kind of source, beside its path."""
    _, *parameters = inspect.signature(kind).parameters
    return parameters


def build_sources(form: StudyForm, document: Document) -> tuple[list[Source], Source | None]:
    """Make the sources and the table of customers; a relative path starts at the study's folder.

    Raises
    ------
    StudyError
        With what every source says of its own options, each with its line.
    """
    from cjmining.ingest import sources

    kinds, mistakes = source_kinds(), list[Mistake]()

    def build(kind: Callable[..., Source], options: Options, steps: Steps) -> Source | None:
        given = {key: value for key, value in options.items() if key not in {"source", PATH}}
        try:
            return kind(_located(options[PATH], Path(document.path).parent), **given)
        except SourceError as problem:
            mistakes.append(Mistake(steps, str(problem)))
        except (TypeError, ValueError, AttributeError) as problem:
            mistakes.append(Mistake(steps, f"an option has a value that can't be used: {problem}"))
        return None

    built = [build(kinds[each["source"]], each, ("sources", n)) for n, each in enumerate(form.sources)]
    people = None if form.customers is None else build(sources.Customers, form.customers, ("customers",))
    if mistakes:
        documents.raise_mistakes(document, mistakes, error=StudyError)
    return [source for source in built if source is not None], people


def _located(path: str | list[str], folder: Path) -> Path | list[Path]:
    return folder / path if isinstance(path, str) else [folder / each for each in path]


# Mistakes in sources


def _source_mistakes(document: Document) -> Iterator[Mistake]:
    """Check what pydantic can't: each source's kind and the options that this kind has."""
    data = document.data if isinstance(document.data, dict) else {}
    listed = data.get("sources")
    for place, options in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(options, dict):
            yield from _mistakes_of_source(options, ("sources", place), document)
    customers = data.get("customers")
    if isinstance(customers, dict):
        from cjmining.ingest import sources

        yield from _mistakes_of_options(sources.Customers, customers, ("customers",), document)


def _mistakes_of_source(options: Options, steps: Steps, document: Document) -> Iterator[Mistake]:
    kinds = source_kinds()
    kind = options.get("source")
    if kind is None:
        yield Mistake(steps, f"'source' is missing; it is one of {', '.join(kinds)}")
    elif kind not in kinds:
        hint = nearest(str(kind), kinds) or f"; there are {', '.join(kinds)}"
        yield Mistake((*steps, "source"), f"there is no source '{kind}'{hint}")
    else:
        yield from _mistakes_of_options(kinds[kind], options, steps, document)


def _mistakes_of_options(kind: type, options: Options, steps: Steps, document: Document) -> Iterator[Mistake]:
    _, *parameters = inspect.signature(kind).parameters.values()
    known = option_names(kind)
    for key in options:
        if key not in {"source", PATH, *known}:
            hint = nearest(key, [PATH, *known]) or f"; possible are {', '.join([PATH, *known])}"
            yield Mistake(steps, f"{kind.__name__} has no option '{key}'{hint}", document.line((*steps, key)))
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    for key in (PATH, *needed):
        if key not in options:
            yield Mistake(steps, f"{kind.__name__} needs '{key}'")
    path = options.get(PATH)
    listed = path if isinstance(path, list) and path else [path]
    if path is not None and not all(isinstance(each, str) for each in listed):
        yield Mistake(
            (*steps, PATH), f"expected the name of a file or folder, or a list of them, found {path}"
        )
