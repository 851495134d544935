"""What the sources of e-mail share: opens and clicks of machines, and links without what names a person.

Opens and clicks are recorded by requests for a picture and for a redirected link, whoever makes them. Two
kinds of machines make them for people: privacy services fetch all pictures when an e-mail arrives (Apple's
Mail Privacy Protection since 2021), and security gateways follow its links to see where they lead. Marketo
calls it a bot where more than two links are followed "at the same time i.e. under 1 second" (release of
September 2022); Salesforce describes both clicks moments after the send and clicks on each link of an e-mail
simultaneously (help article 000271790).
"""

from __future__ import annotations

from cjmining.ingest.sources.columns import json_text

LINKS_AT_ONCE = 3
"""So many different links of one e-mail within one second are followed by a scanner."""
AT_ONCE = f"{LINKS_AT_ONCE} or more links in one second"
PRIVACY = "fetched by a privacy service"
TOO_SOON = "sooner after the send than a person can be"


def several_links(mail: str, moment: str, link: str) -> str:
    """SQL: whether a click is one of several on different links of one e-mail to one person in one second.

    Parameters
    ----------
    mail, moment, link : str
        Kept columns: which e-mail to whom, when, and which link (NULL for what is no click).
    """
    return (
        f"({link} IS NOT NULL AND count(DISTINCT {link}) OVER "
        f"(PARTITION BY {mail}, date_trunc('second', {moment})) >= {LINKS_AT_ONCE})"
    )


def fetched_for_privacy(*texts: str) -> str:
    """SQL: whether what is said of an open's client or agent names a service that fetches for privacy.

    A user agent of "Mozilla/5.0" and nothing else is that of Apple's proxy.

    Examples
    --------
    >>> import duckdb
    >>> clients = ["Apple Mail Privacy Protection", "Apple Mail", "Mozilla/5.0", "Privacy Badger", None]
    >>> sql = fetched_for_privacy("c")
    >>> duckdb.execute(f"SELECT list_transform(?, lambda c: {sql})", [clients]).fetchone()
    ([True, False, True, False, False],)
    """
    said = f"concat_ws(' ', {', '.join(texts)})"
    return (
        f"(coalesce({' OR '.join(f'trim({text}) = {chr(39)}Mozilla/5.0{chr(39)}' for text in texts)}, FALSE) "
        rf"OR regexp_matches(lower({said}), 'mail privacy|privacy (protection|proxy)|\bmpp\b'))"
    )


def without_query(address: str) -> str:
    """SQL of a web address without its query and fragment, which may name a person."""
    return f"nullif(split_part(split_part({address}, '?', 1), '#', 1), '')"


def with_more(properties: str, more: dict[str, str]) -> str:
    """SQL that adds fields to JSON text made by `json_text`.

    Examples
    --------
    >>> import duckdb
    >>> sql = with_more("p", {"b": "x"})
    >>> duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS p, 2 AS x)", ['{"a":"1"}']).fetchone()
    ('{"a":"1","b":"2"}',)
    """
    further = json_text(more)
    return (
        f"CASE WHEN {properties} IS NULL THEN {further} WHEN {further} IS NULL THEN {properties} "
        f"ELSE left({properties}, -1) || ',' || substr({further}, 2) END"
    )
