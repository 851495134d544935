"""Robots by their user agent: one rule for all sources that know it.

Robots that call themselves so have bot, crawler or spider in their user agent, the words that the lists of
the trade (IAB/ABC International Spiders and Bots List, Matomo's device detector) are built around. To these
come programs that fetch pages for other purposes: feed readers, archives, previews of links, monitors,
libraries for HTTP requests, browsers without a window. An address after a plus sign (`+http://...`) is by
custom where a robot's operator says what it does. Cubot is a make of telephones and no robot. Robots that
pretend to be a person's browser are not recognised.
"""

from __future__ import annotations

from cjmining.ingest.database import literal

NAMES = ("bot", "crawl", "spider")
"""Words for robots."""
OTHERS = (
    "slurp", "archiver", "fetch", "feedparser", "feedburner", "feedbin", "feedly", "rss/", "aggregator",
    "facebookexternalhit", "embedly", "preview", "proxy;", "flipboardproxy", "browserproxy", "validator",
    "scrap", "scan", "monitor", "pingdom", "uptime", "statuscake", "lighthouse", "gtmetrix", "page speed",
    "headless", "phantomjs", "selenium", "puppeteer", "playwright", "curl/", "wget", "libwww", "python-",
    "python/", "aiohttp", "httpx", "go-http-client", "java/", "apache-httpclient", "ruby", "perl", "php/",
    "guzzle", "axios", "node-fetch", "postman", "insomnia", "chef client", "portscout", "daumoa", "ezooms",
    "livejournal.com", "distilator", "mediapartners", "adsbot", "google desktop", "ia_archiver", "nutch",
)  # fmt: skip
"""Words for other programs that fetch pages."""
REASON = "a robot, by its user agent"


def is_robot(user_agent: str) -> str:
    """SQL: whether a user agent is a robot's; false where there is none.

    Examples
    --------
    >>> import duckdb
    >>> agents = ["Googlebot/2.1 (+http://www.google.com/bot.html)", "Mozilla/5.0 (CUBOT X30) Chrome/120"]
    >>> duckdb.execute("SELECT list_transform(?, lambda a: " + is_robot("a") + ")", [agents]).fetchone()
    ([True, False],)
    """
    words = "|".join(word.replace(".", r"\.") for word in (*NAMES, *OTHERS))
    pattern = rf"{words}|\+ ?https?://"
    plain = f"replace(lower({user_agent}), 'cubot', '')"
    return f"coalesce(regexp_matches({plain}, {literal(pattern)}), FALSE)"
