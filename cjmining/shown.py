"""How results show themselves in notebooks: a headline, notes, and each table behind a fold.

Everything is written here, so that nothing of a notebook's own style reaches it and nothing of it reaches
the notebook: class names of its own, every rule below them, no ids, no scripts, nothing loaded. All colours
come from the colour of the text around it, so that it fits any theme, also where a dark page shows outputs on
a light ground. Without styles, as on GitHub, the same reads as plain HTML. docs/decisions/0098 says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from cjmining import shown_tables
from cjmining.definitions import definitions

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS: Final = 8
"""Rows of a table that are shown."""
MOST_NOTES: Final = 3
LONGEST_TITLE: Final = 1_000
_WIDE: Final = 10
"""Columns that most notebooks show without scrolling."""
_BROKEN: Final = 13
"""Letters from which on the name of a column may be broken, and twice so many twice."""
_NARROW: Final = 40
"""Letters of a text that stays on one line in a table of texts."""


class Fold(NamedTuple):
    """A table behind its name.

    Attributes
    ----------
    name : str
        What it is called.
    size : str
        How long it is, in words: "240 rows".
    body : str
        HTML; empty where there is nothing to unfold.
    is_open : bool
        Whether it is unfolded at first.
    """

    name: str
    size: str
    body: str
    is_open: bool = False


def card(
    kind: str,
    headline: str,
    *,
    facts: Iterable[tuple[str, str]] = (),
    told: Sequence[str] = (),
    notes: Sequence[str] = (),
    folds: Iterable[Fold] = (),
    last: str = "",
) -> str:
    """Return what a notebook shows of a result.

    Parameters
    ----------
    kind, headline : str
        What it is, and what it says in a line.
    facts : iterable of tuple of str
        Names and values, one a line.
    told : sequence of str
        Paragraphs or findings, one a line.
    notes : sequence of str
        What a reader should know before trusting a number.
    folds : iterable of Fold
        The tables.
    last : str
        A line at the end.

    Examples
    --------
    >>> html = card("Funnel", "2 of 3 arrived", notes=["<few>"])
    >>> html.rpartition("</style>")[2]  # doctest: +ELLIPSIS
    '<p class="cjm-head"><strong>Funnel</strong>: 2 of 3 arrived</p>...<li>Note: &lt;few&gt;</li></ul></div>'
    """
    parts = [
        _headline(kind, headline),
        _facts(facts),
        _items("cjm-told", told),
        _notes(notes),
        _folds(folds),
        f'<p class="cjm-last">{escape(last)}</p>' if last else "",
    ]
    return f'<div class="cjm"><style>{STYLE}</style>{"".join(parts)}</div>'


def fold(
    name: str,
    head: pd.DataFrame,
    *,
    rows: int,
    of: type | None = None,
    is_open: bool = False,
    everything: str = "",
) -> Fold:
    """Return a table behind its name.

    Parameters
    ----------
    name : str
        What the table is called; of a result, its attribute.
    head : pandas.DataFrame
        Its first rows.
    rows : int
        How many it has in all.
    of : type, optional
        The class of the result; its docstring says what the columns mean.
    is_open : bool
        Whether it is unfolded at first.
    everything : str
        How to get all rows; default is the attribute's name.
    """
    called = f".{name}" if of else name
    if not rows:
        return Fold(called, "no rows", "")
    head = head.head(MOST_ROWS)
    wide = f", {len(head.columns)} columns" if len(head.columns) > _WIDE else ""
    more = f"{len(head):,} of {rows:,} rows{wide}; all of them: {everything or called}"
    body = f"{_scroll(called)}{_table(head, name, of)}</div>"
    body += _more(more) if rows > len(head) else ""
    return Fold(called, f"{rows:,} {'row' if rows == 1 else 'rows'}", body, is_open)


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]], *, more: str = "") -> str:
    """Return a table of texts, whole; a row of one text stands above those that it heads.

    Parameters
    ----------
    heads : sequence of str
        The names of the columns.
    rows : iterable of sequence of str
        The cells.
    more : str
        A line below, such as how many rows are left out.

    Examples
    --------
    >>> grid(["a", "b"], [["first"], ["<b>", "-"]]).partition("<tbody>")[2]  # doctest: +ELLIPSIS
    '<tr><th colspan="2" scope="rowgroup">first</th></tr><tr><td>&lt;b&gt;</td><td>-</td></tr></tbody>...'
    """
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{_texts(row, len(heads))}</tr>" for row in rows)
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f"{_scroll('the table')}{table}</div>{_more(more)}"


def _texts(row: Sequence[str], width: int) -> str:
    if len(row) < width:
        return f'<th colspan="{width}" scope="rowgroup">{escape(row[0])}</th>'
    return "".join(f"<td{' class=cjm-w' if len(text) > _NARROW else ''}>{escape(text)}</td>" for text in row)


def _more(text: str) -> str:
    return f'<p class="cjm-more">{escape(text)}</p>' if text else ""


def _scroll(called: str) -> str:
    """Begin what scrolls inside the cell, also by keyboard."""
    return f'<div class="cjm-wide" tabindex="0" role="region" aria-label="{escape(called)}">'


def _headline(kind: str, headline: str) -> str:
    """Write what it is in strong letters; a headline that begins with it goes on from there."""
    words = re.match("[ ]?".join(map(re.escape, kind)), headline, re.IGNORECASE)
    strong, rest = (words[0], headline[words.end() :]) if words else (kind, f": {headline}")
    return f'<p class="cjm-head"><strong>{escape(strong)}</strong>{escape(rest)}</p>'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts
    )
    return f'<table class="cjm-facts"><tbody>{rows}</tbody></table>' if rows else ""


def _items(kind: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def _notes(notes: Sequence[str]) -> str:
    """Write the first notes, and the others behind a fold."""
    labelled = [f"Note: {note}" for note in notes]
    first, further = labelled[:MOST_NOTES], labelled[MOST_NOTES:]
    if not further:
        return _items("cjm-notes", first)
    word = "note" if len(further) == 1 else "notes"
    more = f"<details><summary>{len(further)} more {word}</summary>{_items('cjm-notes', further)}</details>"
    return f'{_items("cjm-notes", first)}<div class="cjm-folds">{more}</div>'


def _folds(folds: Iterable[Fold]) -> str:
    """Write the folds, those that are open first."""
    ordered = sorted(folds, key=lambda each: not each.is_open)
    written = "".join(map(_fold, ordered))
    return f'<div class="cjm-folds">{written}</div>' if written else ""


def _fold(each: Fold) -> str:
    label = (
        f'<span class="cjm-name">{escape(each.name)}</span> <span class="cjm-size">{escape(each.size)}</span>'
    )
    if not each.body:
        return f'<div class="cjm-none">{label}</div>'
    return f"<details{' open' if each.is_open else ''}><summary>{label}</summary>{each.body}</details>"


def _table(head: pd.DataFrame, name: str, of: type | None) -> str:
    columns = shown_tables.columns(head, f"{of.__name__}.{name}" if of else "")
    meanings = {}
    if of:
        meanings = {each.column: each.meaning for each in definitions(of, name, list(head.columns))}
    top = "".join(_head_cell(column, meanings.get(column.name, "")) for column in columns)
    kinds = [' class="cjm-n"' if column.is_number else "" for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    body = "".join(
        f"<tr>{''.join(_cell(text, kind) for text, kind in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _head_cell(column: shown_tables.Column, meaning: str) -> str:
    kind = ' class="cjm-n"' if column.is_number else ""
    title = f' title="{escape(meaning[:LONGEST_TITLE])}"' if meaning else ""
    own = _limits(column) if column.limits else ""
    limits = f' <span class="cjm-size cjm-limits">{escape(own)}</span>' if own else ""
    name = "_<wbr>".join(map(escape, _parts(column.name)))
    return f"<th{kind}{title}>{name}{limits}</th>"


def _limits(column: shown_tables.Column) -> str:
    """Name the columns of the limits, in short where their names begin alike."""
    lower, upper = (limit.removeprefix(column.name) for limit in column.limits)
    same = lower.endswith("_lower") and upper.removesuffix("_upper") == lower.removesuffix("_lower")
    return f"({lower}, {'_upper' if same else upper})"


def _parts(name: str) -> list[str]:
    """Cut a long name once or twice, at the underscores that make the parts most alike.

    Examples
    --------
    >>> _parts("dropped_within_horizon"), _parts("median_s"), _parts("share_of_mature_first_attempts")
    (['dropped_within', 'horizon'], ['median_s'], ['share_of', 'mature_first', 'attempts'])
    """
    lines = min(len(name) // _BROKEN, 2)
    places = [at for at, letter in enumerate(name) if letter == "_"]
    if not lines or not places:
        return [name]
    wanted = (len(name) * part / (lines + 1) for part in range(1, lines + 1))
    cuts = sorted({min(places, key=lambda at: abs(at - place)) for place in wanted})
    return [name[begin:end] for begin, end in zip([0, *(at + 1 for at in cuts)], [*cuts, None], strict=True)]


def _cell(text: str, kind: str) -> str:
    if text == shown_tables.NOTHING:
        return f"<td{kind or ' class=cjm-gap'}>{text}</td>"
    if len(text) <= shown_tables.LONGEST:
        return f"<td{kind}>{escape(text)}</td>"
    return (
        f'<td{kind} title="{escape(text[:LONGEST_TITLE])}">{escape(text[: shown_tables.LONGEST - 3])}...</td>'
    )


_RULES: Final = """
& *{all:revert;box-sizing:border-box;color:inherit;font:inherit;letter-spacing:inherit}
&{display:block;max-width:100%;margin:.2em 0 .6em;padding:0;text-align:left;font-size:13px;line-height:1.45;
font-weight:400;white-space:normal;overflow-wrap:break-word}
& style{display:none}
& strong{font-weight:650}
& p.cjm-head{margin:0 0 .35em;font-size:1.08em}
& ul{list-style:none;margin:.25em 0 .45em;padding:0}
& ul.cjm-notes{opacity:.78}
& li{margin:0 0 .15em;padding:0 0 0 .7em;border-left:2px solid rgba(128,128,128,.45);max-width:72em;
unicode-bidi:plaintext}
& table{display:table;width:auto;max-width:none;margin:0;border:0;border-collapse:collapse;table-layout:auto;
background:none;font-variant-numeric:tabular-nums}
& tr,& thead,& tbody{border:0;background:none}
& th,& td{padding:.22em .9em .22em 0;text-align:left;vertical-align:top;border:0;
border-bottom:1px solid rgba(128,128,128,.25);background:none;unicode-bidi:plaintext}
& td{white-space:nowrap}
& thead th{font-weight:600;vertical-align:bottom;border-bottom:1px solid rgba(128,128,128,.7)}
& .cjm-n{text-align:right}
& .cjm-limits{white-space:nowrap}
& th[title]{cursor:help}
& tbody tr:hover>*{background:rgba(128,128,128,.14)}
& table.cjm-facts{margin:.1em 0 .4em}
& table.cjm-facts th{font-weight:400;opacity:.78;white-space:nowrap}
& table.cjm-facts th,& table.cjm-facts td{border:0;padding:.05em 1em .05em 0;max-width:72em;hyphens:none}
& table.cjm-facts td,& td.cjm-w{white-space:normal}
& td.cjm-w{min-width:18em;max-width:40em}
& tbody th{font-weight:600;padding-top:.5em}
& .cjm-folds{display:flex;flex-wrap:wrap;gap:.35em .45em;margin:.3em 0 0}
& details,& .cjm-none{flex:none;max-width:100%;min-width:0;border:1px solid rgba(128,128,128,.35);
border-radius:4px}
& details[open]{flex:1 0 100%;border-color:transparent}
& .cjm-none{border-style:dashed;padding:.08em .6em;opacity:.78}
& summary{cursor:pointer;padding:.08em .6em;border-radius:4px}
& details[open]>summary{padding-left:0}
& summary:hover{background:rgba(128,128,128,.14)}
& summary:focus-visible,& .cjm-wide:focus-visible{outline:2px solid currentColor;outline-offset:1px}
& .cjm-name{font-weight:600}
& .cjm-size{font-weight:400;opacity:.78}
& .cjm-wide{max-width:100%;overflow-x:auto;padding:0 0 .3em}
& p.cjm-more,& p.cjm-last{margin:.1em 0 .4em;opacity:.78}
"""

STYLE: Final = _RULES.strip().replace("\n", "").replace("&", ".cjm.cjm.cjm")
"""The rules, below a class thrice named: stronger than those with which notebooks dress tables."""
