"""How visits came: campaign tags and referring sites become a channel, for all sources of the web and apps.

The rules are those of the default channel group of Google Analytics 4, in its order; the first that fits
counts (https://support.google.com/analytics/answer/9756891). Google's own lists of search, social, video and
shopping sites hold more than eight hundred names; here are the well-known ones, and webmail counts as e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping

from cjmining.ingest.database import literal
from cjmining.ingest.sources.base import Event
from cjmining.ingest.sources.columns import json_text

SEARCH = (
    "google", "bing", "yahoo", "duckduckgo", "baidu", "yandex", "ecosia", "qwant", "startpage",
    "naver", "daum", "seznam", "sogou", "ask", "aol", "brave", "kagi", "so", "coccoc", "rambler",
    "dogpile", "lycos", "swisscows", "metager", "mojeek", "onet", "virgilio", "excite", "petalsearch",
)  # fmt: skip
SOCIAL = (
    "facebook", "instagram", "linkedin", "twitter", "pinterest", "reddit", "tiktok", "snapchat",
    "threads", "vk", "vkontakte", "weibo", "wechat", "whatsapp", "telegram", "tumblr", "quora", "xing",
    "bsky", "discord", "mastodon", "flickr", "meetup", "nextdoor", "ok", "messenger", "fb", "ig",
    "digg", "plurk", "mixi", "line",
)  # fmt: skip
VIDEO = (
    "youtube", "vimeo", "twitch", "dailymotion", "netflix", "hulu", "disneyplus", "bilibili", "iqiyi",
    "youku", "wistia", "ted",
)  # fmt: skip
SHOPPING = (
    "amazon", "ebay", "etsy", "walmart", "alibaba", "aliexpress", "shopify", "rakuten", "zalando",
    "mercadolibre", "shopzilla", "idealo", "kelkoo", "pricegrabber", "otto", "temu", "target",
)  # fmt: skip
_SHORT = {
    "social": ("t.co", "x.com", "x", "lnkd.in", "t.me", "fb.me", "out.reddit.com", "news.ycombinator.com"),
    "video": ("youtu.be",),
    "search": ("cn.bing.com", "search", "googlesearch"),
    "shopping": ("shop.app",),
}
_MAIL = (
    r"(^|\.)(mail|webmail|email|outlook|roundcube|e\.mail|deref-[a-z]+)\.[a-z0-9.-]+\.?[a-z]*$|"
    r"^(outlook\.live|outlook\.office|outlook\.office365)\.com$|^com\.google\.android\.gm$"
)
_NO_SEARCH = (
    r"^(accounts|docs|drive|sites|groups|support|maps|classroom|meet|calendar|translate|developers|news|play|"
    r"chat|gemini|finance|sports|answers|messenger|careers|cloud|passport|disk)\."
)
_PAID = "^(.*cp.*|ppc|retargeting|paid.*)$"
_SHOP = "^(.*(([^a-df-z]|^)shop|shopping).*)$"

PAID = (
    "Cross-network",
    "Paid Shopping",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Display",
    "Paid Other",
    "Audio",
)
"""Groups that advertisements make."""
CHANNELS = {
    "Cross-network": "ad", "Paid Shopping": "ad", "Paid Search": "search", "Paid Social": "social",
    "Paid Video": "ad", "Display": "ad", "Paid Other": "ad", "Organic Shopping": "referral",
    "Organic Social": "social", "Organic Video": "social", "Organic Search": "search", "Referral": "referral",
    "Email": "email", "Affiliates": "referral", "Audio": "ad", "SMS": "sms",
    "Mobile Push Notifications": "push",
}  # fmt: skip
"""Channel of each group; what came directly, or can't be told, has none."""
NATIVE = "arrival"
"""What the event of an arrival is called, beside the event that the system recorded."""


def host(url: str) -> str:
    """SQL for the site of an address in lower case, without www. and port; NULL where it names none.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.connect().execute("SELECT " + host("'https://www.Google.de:443/search?q=x'")).fetchall()
    [('google.de',)]
    """
    return (
        f"nullif(lower(regexp_extract({url}, "
        "'^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//(?:[^/@?#]*@)?(?:[wW]{3}\\.)?([^/:?#]+)', 1)), '')"
    )


def path(url: str) -> str:
    """SQL for the path of an address, without query and fragment; '/' where there is none.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.connect().execute("SELECT " + path("'https://example.com/a/b?c=/d#e'")).fetchall()
    [('/a/b',)]
    >>> duckdb.connect().execute("SELECT " + path("'//example.com?c'")).fetchall()
    [('/',)]
    """
    plain = f"split_part(split_part({url}, '#', 1), '?', 1)"
    inside = f"regexp_replace({plain}, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/]*', '')"
    # padded only if it is empty: a CASE would compute it twice
    return f"lpad({inside}, greatest(length({inside}), 1)::INTEGER, '/')"


def parameter(url: str, name: str) -> str:
    """SQL for a parameter in the query of an address, decoded; NULL where it isn't there."""
    found = f"nullif(regexp_extract({url}, {literal(f'[?&]{name}=([^&#]*)')}, 1), '')"
    return f"url_decode(replace({found}, '+', ' '))"


def group(*, source: str, medium: str, campaign: str = "NULL", site: str = "NULL") -> str:
    """SQL for the default channel group of a visit; NULL where it came directly or nothing is known of it.

    Parameters
    ----------
    source, medium, campaign : str
        SQL of the campaign's tags (utm_source, ...), NULL where there is none.
    site : str
        SQL of the visited site's host: what it refers to itself is no arrival.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.connect().execute("SELECT " + group(source="'google'", medium="'cpc'")).fetchall()
    [('Paid Search',)]
    >>> duckdb.connect().execute("SELECT " + group(source="'m.facebook.com'", medium="'referral'")).fetchall()
    [('Organic Social',)]
    """
    s, m, c = f"lower({source})", f"lower({medium})", f"lower({campaign})"
    paid = f"regexp_matches({m}, '{_PAID}')"
    mails = "('email', 'e-mail', 'e_mail', 'e mail')"
    own = f"({same_site(s, site)} AND coalesce({m}, 'referral') = 'referral')"
    social = "'social', 'social-network', 'social-media', 'sm', 'social network', 'social media'"
    shop = f"regexp_matches({c}, '{_SHOP}')"
    rules = [
        (own, None),
        (f"{s} IN ('(direct)', 'direct') AND coalesce({m}, '(none)') IN ('(none)', '(not set)')", None),
        (f"contains({c}, 'cross-network')", "Cross-network"),
        (f"{paid} AND ({_one_of(s, SHOPPING, 'shopping')} OR {shop})", "Paid Shopping"),
        (f"{paid} AND {_searches(s)}", "Paid Search"),
        (f"{paid} AND {_one_of(s, SOCIAL, 'social')}", "Paid Social"),
        (f"{paid} AND {_one_of(s, VIDEO, 'video')}", "Paid Video"),
        (f"{m} IN ('display', 'banner', 'expandable', 'interstitial', 'cpm')", "Display"),
        (paid, "Paid Other"),
        (f"{_one_of(s, SHOPPING, 'shopping')} OR {shop}", "Organic Shopping"),
        (f"{_one_of(s, SOCIAL, 'social')} OR {m} IN ({social})", "Organic Social"),
        (f"{_one_of(s, VIDEO, 'video')} OR contains({m}, 'video')", "Organic Video"),
        (f"regexp_matches({s}, {literal(_MAIL)})", "Email"),
        (f"{_searches(s)} OR {m} = 'organic'", "Organic Search"),
        (f"{m} IN ('referral', 'app', 'link')", "Referral"),
        (f"{m} IN {mails} OR {s} IN {mails}", "Email"),
        (f"{m} IN ('affiliate', 'affiliates')", "Affiliates"),
        (f"{m} = 'audio'", "Audio"),
        (f"{m} = 'sms' OR {s} = 'sms'", "SMS"),
        (
            f"ends_with({m}, 'push') OR contains({m}, 'mobile') OR contains({m}, 'notification')",
            "Mobile Push Notifications",
        ),
    ]
    cases = " ".join(f"WHEN {when} THEN {literal(name) if name else 'NULL'}" for when, name in rules)
    return f"CASE WHEN {source} IS NULL AND {medium} IS NULL THEN NULL {cases} END"


def same_site(one: str, other: str) -> str:
    """SQL: whether two hosts are of one site, as shop.example.com and example.com are."""
    return f"({one} = {other} OR ends_with({one}, '.' || {other}) OR ends_with({other}, '.' || {one}))"


def channel(of: str) -> str:
    """SQL for the channel of a channel group."""
    cases = " ".join(f"WHEN {literal(name)} THEN {literal(ours)}" for name, ours in CHANNELS.items())
    return f"CASE {of} {cases} END"


def touchpoint(of: str) -> str:
    """SQL for the touchpoint of an arrival: by an advertisement, or by any other link."""
    return f"CASE WHEN {of} IN ({', '.join(map(literal, PAID))}) THEN 'ad_clicked' ELSE 'link_followed' END"


def arrival(
    columns: Mapping[str, str],
    others: Mapping[str, str],
    *,
    group: str,
    source: str,
    medium: str,
    campaign: str,
    visit: str = "",
    when: str = "TRUE",
) -> Event:
    """Return the event of an arrival, beside the one that the record is about; all SQL is over kept columns.

    Parameters
    ----------
    columns, others : {column: SQL}
        What the arrival has in common with the record: device, session, further dimensions.
    group, source, medium, campaign : str
        How the visit came.
    visit : str
        What tells visits apart, where that is known: of a visit each source and campaign arrives once.
    when : str
        Further condition on records that tell of arrivals.
    """
    told = {"channel_group": group, "source": source, "medium": medium}
    own = {
        "timestamp": "moment", "native": literal(NATIVE), "touchpoint": touchpoint(group),
        "channel": channel(group), "campaign": campaign, "properties": json_text(told),
    }  # fmt: skip
    again = told_again(visit=visit, of=group, source=source, campaign=campaign)
    return Event(
        {**columns, **own}, when=f"{group} IS NOT NULL AND {when}", withdrawn=again,
        others={**others, "referral": source},
    )  # fmt: skip


def told_again(*, visit: str, of: str, source: str, campaign: str) -> str:
    """SQL: the reason to withdraw an arrival that further records of the same visit tell again.

    Where no visit is known, records within half an hour of each other are of one.
    """
    same = f"customer, {of}, {source}, {campaign}"
    earlier = f"row_number() OVER (PARTITION BY {same}, {visit or 'customer'} ORDER BY moment, sequence) > 1"
    recent = (
        f"moment - lag(moment) OVER (PARTITION BY {same} ORDER BY moment, sequence) <= INTERVAL 30 MINUTE"
    )
    again = f"CASE WHEN {visit} IS NULL THEN {recent} ELSE {earlier} END" if visit else recent
    return f"CASE WHEN {again} THEN 'the same arrival told again' END"


def _one_of(source: str, names: tuple[str, ...], what: str) -> str:
    """SQL: whether a source is one of the names, or a host of theirs (m.facebook.com, google.co.uk)."""
    words = "|".join(names)
    pattern = (
        rf"^(?:[a-z0-9-]+\.)*(?:{words})(?:\.(?:com?|org|net|[a-z]{{2}})(?:\.[a-z]{{2,3}})?|-[a-z]{{2,8}})?$"
    )
    short = ", ".join(map(literal, _SHORT[what]))
    return f"({source} IN ({short}) OR regexp_matches({source}, {literal(pattern)}))"


def _searches(source: str) -> str:
    """SQL: whether a source is a search engine, and not another service of its company."""
    return f"({_one_of(source, SEARCH, 'search')} AND NOT regexp_matches({source}, {literal(_NO_SEARCH)}))"
