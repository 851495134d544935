"""Access logs of web servers: the common and the combined log format of Apache and nginx, one request a line.

Written after Apache's mod_log_config (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html) and nginx's
log module (https://nginx.org/en/docs/http/ngx_http_log_module.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.errors import SourceError, shorten
from cjmining.ingest.database import literal
from cjmining.ingest.files import inputs_below
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources import robots, traffic
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Source, as_paths
from cjmining.ingest.sources.columns import json_text, texts_of

_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
LINE = (
    r"^(?:(?P<vhost>[^\s:]*[A-Za-z][^\s:]*(?::[0-9]+)?) )?"
    r"(?P<host>\S+) (?P<ident>\S+) (?P<user>.+?) "
    r"\[(?P<time>[0-9]{1,2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})\] "
    + _QUOTED.format("request")
    + " (?P<status>[0-9]{3}) (?P<bytes>[0-9]+|-)(?: "
    + _QUOTED.format("referer")
    + " "
    + _QUOTED.format("agent")
    + ")?(?: (?P<rest>.*))?$"
)
"""A line in the common or combined format, also with the virtual host before it and fields behind it."""
ASSETS = (
    "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "bmp",
    "woff", "woff2", "ttf", "otf", "eot", "xml", "rss", "atom", "json", "webmanifest",
)  # fmt: skip
"""Endings of what a page loads or a program asks for."""
DOWNLOADS = (
    "pdf", "xls", "xlsx", "doc", "docx", "txt", "rtf", "csv", "exe", "key", "pps", "ppt", "pptx", "7z",
    "pkg", "rar", "gz", "zip", "avi", "mov", "mp4", "mpe", "mpeg", "wmv", "mid", "midi", "mp3", "wav",
    "wma", "epub", "dmg", "jar", "apk", "odt", "ods",
)  # fmt: skip
"""Endings of files that people download, mostly those of GA4's enhanced measurement."""
_FILES = re.compile(r"access|\.log([._-]|$)", re.IGNORECASE)
_COLUMNS = (
    Column("vhost"), Column("host"), Column("user"), Column("time", "time", filled=True), Column("request"),
    Column("status"), Column("bytes"), Column("referer"), Column("agent"), Column("rest"),
)  # fmt: skip
_METHOD = "nullif(regexp_extract(request, '^([A-Z]+) \\S', 1), '')"
_TARGET = "nullif(regexp_extract(request, '^[A-Z]+ (\\S+)', 1), '')"
_PATH = f"coalesce({traffic.path(_TARGET)}, '/')"
_ENDING = f"lower(regexp_extract({_PATH}, '[.]([A-Za-z0-9]+)$', 1))"


class AccessLog(Source):
    """Access logs of Apache, nginx and others in the common or combined log format.

    A log knows requests, not persons: a customer is who logged in (authuser), or whom a logged cookie or
    a parameter of the address names, if you say which. The network address is no identifier. Requests of
    nobody are set aside and counted, and so are robots, images, styles and scripts, redirects, and methods
    that show no page. Whoever (address and user agent) asks for robots.txt is a robot in all of that file. A
    GET is `page_viewed` (`file_downloaded` for documents), a POST `form_submitted`; they failed where the
    status is 400 or more.

    A page with campaign tags in its address, or referred to by another site, makes an arrival beside it:
    `ad_clicked` or `link_followed`, on the channel that its channel group gives.

    The same line in two files is one request delivered twice.

    Parameters
    ----------
    path : path or list of paths
        A folder of logs (names with `access` or `.log`, also .gz, or in a .zip), or such files.
    name : str
        What the log calls the source.
    cookies : {cookie: kind}, optional
        Cookies that identify a customer, where the log has the Cookie header at the end of its lines; such as
        {"sid": "cookie"}.
    parameters : {parameter: kind}, optional
        Parameters of the address that identify a customer, such as {"cid": "user_id"}.
    site : str or sequence of str, optional
        The site's own hosts. Without them, and without the virtual host in the lines, referrals by sites that
        are no known search engine, network or shop are not told from the site's own pages, and left out.
    arrivals : bool
        Whether arrivals are events of their own.
    robots : bool
        Whether to keep robots.
    assets : bool
        Whether to keep images, styles, scripts and the like.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.AccessLog("exports/logs", cookies={"sid": "cookie"}, site="shop.example")
    AccessLog(name='web')
    """

    kind: ClassVar[str] = "AccessLog"
    about: ClassVar[About] = About(
        system="Access logs (Apache, nginx)",
        layouts=(
            Layout(
                "common and combined log format",
                "access.log*, *.log: one request a line, also with the virtual host first (vhost_combined)",
                pattern=LINE,
                stems=("access", "accesslog"),
            ),
        ),
        touchpoints=(
            Default("GET", "page_viewed", channel="web", failed="status 400 or more"),
            Default("GET", "file_downloaded", channel="web", failed="status 400 or more", note="documents"),
            Default("POST", "form_submitted", channel="web", failed="status 400 or more"),
            Default(traffic.NATIVE, "ad_clicked", channel="search, social or ad", note="paid groups"),
            Default(
                traffic.NATIVE, "link_followed", channel="search, social, referral, email", note="others"
            ),
        ),
        identifiers=("user_id", "email", "cookie"),
        dimensions=(
            "device: by the user agent",
            "campaign: utm_campaign",
            "referral: source of an arrival",
        ),
        failed="status 400 or more",
        needs="lines of the common or combined log format; a login, cookie or parameter of the customer",
        natural_key="the whole line; the same line again is the same request",
        times="to the second, with their offset",
        robots="set aside by user agent, and without one; whoever (address and user agent) asks for "
        "robots.txt is one in all of that file",
        documentation=(
            "https://httpd.apache.org/docs/2.4/mod/mod_log_config.html",
            "https://nginx.org/en/docs/http/ngx_http_log_module.html",
        ),
        checked="1,100 published lines, counted independently",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "web",
        cookies: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        site: str | Sequence[str] = (),
        arrivals: bool = True,
        robots: bool = False,
        assets: bool = False,
        region: str | None = None,
    ) -> None:
        super().__init__(name=name, region=region)
        self.timezone_given = True  # times carry their offset
        self._path = path
        self._cookies = _kinds(cookies, name, "cookies")
        self._parameters = _kinds(parameters, name, "parameters")
        self._sites = texts_of(site or (), name, "site")
        self._arrivals, self._robots, self._assets = arrivals, robots, assets

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the requests."""
        return [
            Feed(
                "requests", self._inputs(), _COLUMNS, self._keep(), self._identifiers(),
                key=("host", '"user"', '"time:text"', *_REST_OF_KEY),
                asides=self._asides(), events=self._events(),
                clock=self.clock("%d/%b/%Y:%H:%M:%S %z", only_formats=True), dialect=Dialect(pattern=LINE),
            )
        ]  # fmt: skip

    def _inputs(self) -> list[Input]:
        what = f"source {self.name!r}"
        found: list[Input] = []
        for path in as_paths(self._path, what):
            inside = list(inputs_below(path))
            if path.is_dir() or any(each.member for each in inside):
                logs = [each for each in inside if _is_log(each)]
                if not logs:
                    raise SourceError(
                        f"{what}: {path} has no access log (a name with 'access' or '.log'); "
                        f"it holds {shorten([each.name for each in inside]) or 'nothing'}. "
                        "Give the files themselves"
                    )
                inside = logs
            found += inside
        return found

    def _asides(self) -> list[tuple[str, str]]:
        asides = [(f"{_METHOD} IS NULL", "no request that can be read")]
        if not self._robots:
            asides += [
                (robots.is_robot("agent"), robots.REASON),
                ("agent = '-'", "a robot, without a user agent"),
                (f"bool_or({_PATH} = '/robots.txt') OVER (PARTITION BY host, agent)", _ASKED),
            ]
        asides.append((f"{_METHOD} NOT IN ({_SHOWN})", "a method that shows no page"))
        if not self._assets:
            asides.append((f"{_ENDING} IN ({_listed(ASSETS)})", "an asset (image, style, script, feed)"))
        moved = "status IN ('301', '302', '303', '307', '308')"
        asides.append((f"{moved} AND {_METHOD} = 'GET'", "a redirect"))
        return asides

    def _identifiers(self) -> list[tuple[str, str]]:
        login = "nullif(nullif(\"user\", '-'), '\"\"')"
        found = [
            ("user_id", f"CASE WHEN NOT contains({login}, '@') THEN {login} END"),
            ("email", f"CASE WHEN contains({login}, '@') THEN {login} END"),
        ]
        for cookie, kind in self._cookies.items():
            pattern = literal(f'(?:^|[";\\s]){re.escape(cookie)}=([^;"\\s]+)')
            found.append((self._kind(kind), f"nullif(regexp_extract(rest, {pattern}, 1), '')"))
        for parameter, kind in self._parameters.items():
            found.append((self._kind(kind), traffic.parameter(_TARGET, re.escape(parameter))))
        return found

    def _kind(self, kind: str) -> str:
        return self.phone() if kind == "phone" else kind

    def _keep(self) -> dict[str, str]:
        download = f"{_ENDING} IN ({_listed(DOWNLOADS)})"
        kept = {
            "moment": "time",
            "native": _METHOD,
            "touchpoint": f"CASE {_METHOD} WHEN 'GET' THEN CASE WHEN {download} THEN 'file_downloaded' "
            f"ELSE 'page_viewed' END WHEN 'POST' THEN 'form_submitted' ELSE {_METHOD} END",
            "failed": "TRY_CAST(status AS INTEGER) >= 400",
            "device": "CASE WHEN regexp_matches(agent, '(?i)ipad|tablet|kindle|silk/') THEN 'tablet' "
            "WHEN regexp_matches(agent, '(?i)mobi|iphone|android') THEN 'mobile' "
            "WHEN agent <> '-' THEN 'desktop' END",
            "campaign": traffic.parameter(_TARGET, "utm_campaign"),
            "properties": json_text({"page_path": _PATH, "status": "status"}),
        }
        if self._arrivals:
            kept |= self._arrived()
        return kept

    def _arrived(self) -> dict[str, str]:
        referrer, own = traffic.host("referer"), traffic.host("'//' || vhost")
        click = f"{traffic.parameter(_TARGET, 'gclid')} IS NOT NULL"
        tagged = traffic.parameter(_TARGET, "utm_source")
        source = f"coalesce(CASE WHEN {click} THEN 'google' END, {tagged}, {referrer})"
        medium = (
            f"coalesce(CASE WHEN {click} THEN 'cpc' END, {traffic.parameter(_TARGET, 'utm_medium')}, "
            f"CASE WHEN {tagged} IS NULL AND {referrer} IS NOT NULL THEN 'referral' END)"
        )
        campaign = traffic.parameter(_TARGET, "utm_campaign")
        group = traffic.group(source=source, medium=medium, campaign=campaign, site=own)
        ours = " OR ".join(traffic.same_site(referrer, literal(site.lower())) for site in self._sites)
        if ours:
            group = f"CASE WHEN {tagged} IS NULL AND NOT {click} AND ({ours}) THEN NULL ELSE {group} END"
        else:
            unsure = f"vhost IS NULL AND {tagged} IS NULL"
            group = f"CASE WHEN {unsure} THEN nullif({group}, 'Referral') ELSE {group} END"
        return {
            "referral": source,
            "medium": medium,
            "arrived": f"CASE WHEN {_METHOD} = 'GET' AND status < '400' THEN {group} END",
        }

    def _events(self) -> list[Event]:
        plain = ("native", "touchpoint", "device", "campaign", "failed", "properties")
        columns = {"timestamp": "moment", "channel": "'web'"} | {name: name for name in plain}
        if not self._arrivals:
            return [Event(columns)]
        arrival = traffic.arrival(
            {"device": "device"}, {},
            group="arrived", source="referral", medium="medium", campaign="campaign",
        )  # fmt: skip
        return [arrival, Event(columns)]


_ASKED = "a robot, asks for robots.txt"
_REST_OF_KEY = ("request", "status", "bytes", "referer", "agent", "rest")
_SHOWN = "'GET', 'POST', 'PUT', 'PATCH', 'DELETE'"


def _is_log(given: Input) -> bool:
    name = Path(given.member or given.name).name
    return _FILES.search(name) is not None and "error" not in name.lower()


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(literal, words))


def _kinds(given: object, source: str, option: str) -> dict[str, str]:
    """Return {name: kind of identifier}."""
    kinds = {} if given is None else given
    if not isinstance(kinds, Mapping) or not all(isinstance(k, str) and k for k in (*kinds, *kinds.values())):
        raise SourceError(
            f"source {source!r}: {option} is {{name: kind of identifier}}, such as {{'sid': 'cookie'}}, "
            f"not {given!r}"
        )
    return dict(kinds)
