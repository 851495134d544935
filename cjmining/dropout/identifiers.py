"""Identifiers in the form that mailing systems compare, and that ad platforms want hashed."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from cjmining.dropout.consent import among
from cjmining.errors import LogError, nearest
from cjmining.ingest.identity import long_id, phone_number
from cjmining.log_files import tables_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

SALESFORCE_KINDS = ("crm_id", "crm_account", "crm_opportunity")
_GOOGLES = ("gmail.com", "googlemail.com")
_KEYED_HASH = r"[0-9a-f]{32}"


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, as 64 hexadecimal digits in lower case.

    Examples
    --------
    >>> sha256(meta_email(" John_Smith@gmail.com "))
    '62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def meta_email(address: str) -> str:
    """Bring an address into the form that Meta hashes: trimmed, in lower case.

    References
    ----------
    https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/customer-information-parameters
    (em).
    """
    return address.strip().lower()


def meta_phone(number: str) -> str:
    """Bring an E.164 number into the form that Meta hashes: digits alone, with the country code.

    Examples
    --------
    >>> sha256(meta_phone("+1 (650) 555-1212"))
    'e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176'

    References
    ----------
    https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/customer-information-parameters
    (ph: "Remove symbols, letters, and any leading zeros").
    """
    return re.sub(r"\D", "", number).lstrip("0")


def google_email(address: str) -> str:
    """Bring an address into the form that Google hashes: no white space, lower case, Gmail without dots.

    In addresses of gmail.com and googlemail.com, dots before the @ go, and a plus sign with what follows it.

    Examples
    --------
    >>> google_email("cloudy.sanfrancisco+shopping@gmail.com"), google_email("user.name+NYC@Example.com")
    ('cloudysanfrancisco@gmail.com', 'user.name+nyc@example.com')

    References
    ----------
    https://developers.google.com/data-manager/api/devguides/concepts/formatting (email_address).
    """
    plain = re.sub(r"\s", "", address).lower()
    local, at, domain = plain.rpartition("@")
    if domain in _GOOGLES:
        local = local.partition("+")[0].replace(".", "")
    return f"{local}{at}{domain}"


def google_phone(number: str) -> str:
    """Bring a number into the form that Google hashes: E.164, with the plus sign.

    Examples
    --------
    >>> google_phone("+1 (800) 555-0100")
    '+18005550100'

    References
    ----------
    https://developers.google.com/data-manager/api/devguides/concepts/formatting (phone_number).
    """
    return "+" + re.sub(r"\D", "", number)


def is_international(number: str) -> bool:
    """Say whether a number names its country, as E.164 does."""
    return re.fullmatch(r"\+[1-9][0-9]{6,14}", number) is not None


def check_region(region: str | None) -> None:
    """Raise where `region` is no country with telephone numbers of its own, as ISO 3166 writes it.

    Raises
    ------
    LogError
        If it is none: numbers without a country code would silently match nobody.
    """
    if region is None:
        return
    import phonenumbers

    known = sorted(phonenumbers.SUPPORTED_REGIONS)
    if region not in known:
        near = nearest(region.upper(), known) if isinstance(region, str) else ""
        raise LogError(f"region is a country of two letters such as 'DE', not {region!r}{near}")


def is_address(value: str) -> bool:
    """Say whether a text may be an email address."""
    return re.fullmatch(r"[^\s@]+@[^\s@]+", value.strip()) is not None


def matchable(kind: str, value: str, region: str | None) -> str:
    """Bring an identifier into the form in which two of them are compared.

    Addresses are compared as Google does, so that one mailbox isn't taken for two.
    """
    value = value.strip()
    if kind == "email":
        return google_email(value)
    if kind == "phone":
        return phone_number(value, region)
    if kind in SALESFORCE_KINDS and re.fullmatch(r"[a-zA-Z0-9]{15}", value):
        return long_id(value)
    return value


def expect_identities(log: JourneyLog, what: str) -> None:
    """Raise where a log holds no identifiers that say who somebody is.

    Raises
    ------
    LogError
        If the log has no identities, or they were pseudonymised.
    """
    some = False
    for piece in tables_of(log._kept_identities, "value"):
        some |= len(piece) > 0
        if not _are_pseudonyms(piece.column(0)):
            return
    if not some:
        raise LogError(
            f"{what} needs identifiers, and this log holds none: it was ingested with identities='drop', or "
            "not from exports. Ingest with identities='keep', or make the log with identities="
        )
    raise LogError(
        f"{what} needs identifiers, and those of this log are pseudonymised: their hashes mean nothing "
        "to another system. Ingest with identities='keep' where the audience is made"
    )


def _are_pseudonyms(values: pa.ChunkedArray) -> bool:
    """Say whether all of some identifiers look like keyed hashes; of none that is so."""
    import pyarrow.compute as pc

    return not len(values) or bool(pc.all(pc.match_substring_regex(values, f"^{_KEYED_HASH}$")).as_py())


def kinds_of(log: JourneyLog) -> list[str]:
    """Return the kinds of identifiers that a log has, in the order in which they come."""
    pieces = tables_of(log._kept_identities, "kind")
    return list(dict.fromkeys(word for piece in pieces for word in piece.column(0).unique().to_pylist()))


def check_kinds(wanted: tuple[str, ...], log: JourneyLog) -> None:
    """Raise where the log has no identifier of a kind asked for."""
    known = sorted(kinds_of(log))
    for kind in wanted:
        if kind not in known:
            raise LogError(
                f"the log has no identifiers of the kind {kind!r}{nearest(kind, known)}; it has "
                f"{', '.join(known)}"
            )


def identities_of(log: JourneyLog, customers: NDArray[np.int64]) -> pd.DataFrame:
    """Return the identifiers of some customers, whose numbers ascend: by customer, kind and value."""
    import pyarrow as pa

    texts = pa.schema([("customer", pa.int64()), ("kind", pa.string()), ("value", pa.string())])
    found = [texts.empty_table()]
    for piece in tables_of(log._kept_identities, *texts.names) if len(customers) else ():
        theirs = among(piece.column("customer").to_numpy(), customers)
        found.append(piece.filter(pa.array(theirs)).cast(texts))
    plain: pd.DataFrame = pa.concat_tables(found).to_pandas().astype({"kind": str, "value": str})
    return plain.sort_values(["customer", "kind", "value"], ignore_index=True)
