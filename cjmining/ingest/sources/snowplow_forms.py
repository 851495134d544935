"""The two forms of Snowplow's enriched events: lines of 131 columns, and tables with a column a schema."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cjmining.ingest.database import literal
from cjmining.ingest.sources.base import Column

FIELDS = (
    "app_id", "platform", "etl_tstamp", "collector_tstamp", "dvce_created_tstamp", "event", "event_id",
    "txn_id", "name_tracker", "v_tracker", "v_collector", "v_etl", "user_id", "user_ipaddress",
    "user_fingerprint", "domain_userid", "domain_sessionidx", "network_userid", "geo_country",
    "geo_region", "geo_city", "geo_zipcode", "geo_latitude", "geo_longitude", "geo_region_name",
    "ip_isp", "ip_organization", "ip_domain", "ip_netspeed", "page_url", "page_title", "page_referrer",
    "page_urlscheme", "page_urlhost", "page_urlport", "page_urlpath", "page_urlquery",
    "page_urlfragment", "refr_urlscheme", "refr_urlhost", "refr_urlport", "refr_urlpath",
    "refr_urlquery", "refr_urlfragment", "refr_medium", "refr_source", "refr_term", "mkt_medium",
    "mkt_source", "mkt_term", "mkt_content", "mkt_campaign", "contexts", "se_category", "se_action",
    "se_label", "se_property", "se_value", "unstruct_event", "tr_orderid", "tr_affiliation", "tr_total",
    "tr_tax", "tr_shipping", "tr_city", "tr_state", "tr_country", "ti_orderid", "ti_sku", "ti_name",
    "ti_category", "ti_price", "ti_quantity", "pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min",
    "pp_yoffset_max", "useragent", "br_name", "br_family", "br_version", "br_type", "br_renderengine",
    "br_lang", "br_features_pdf", "br_features_flash", "br_features_java", "br_features_director",
    "br_features_quicktime", "br_features_realplayer", "br_features_windowsmedia", "br_features_gears",
    "br_features_silverlight", "br_cookies", "br_colordepth", "br_viewwidth", "br_viewheight", "os_name",
    "os_family", "os_manufacturer", "os_timezone", "dvce_type", "dvce_ismobile", "dvce_screenwidth",
    "dvce_screenheight", "doc_charset", "doc_width", "doc_height", "tr_currency", "tr_total_base",
    "tr_tax_base", "tr_shipping_base", "ti_currency", "ti_price_base", "base_currency", "geo_timezone",
    "mkt_clickid", "mkt_network", "etl_tags", "dvce_sent_tstamp", "refr_domain_userid",
    "refr_device_tstamp", "derived_contexts", "domain_sessionid", "derived_tstamp", "event_vendor",
    "event_name", "event_format", "event_version", "event_fingerprint", "true_tstamp",
)  # fmt: skip
"""The columns of the enriched format, in their order."""
PLAIN = (
    "app_id", "platform", "event", "event_id", "user_id", "domain_userid", "network_userid", "geo_country",
    "page_url", "page_urlhost", "page_urlpath", "refr_urlhost", "refr_medium", "mkt_medium", "mkt_source",
    "mkt_campaign", "se_category", "se_action", "se_label", "tr_orderid", "useragent", "br_type", "dvce_type",
    "tr_currency", "mkt_clickid", "mkt_network", "refr_domain_userid", "domain_sessionid", "event_name",
    "event_fingerprint",
)  # fmt: skip
TIMES = ("collector_tstamp", "derived_tstamp", "true_tstamp")
ACTION = "snowplow_ecommerce_action"
"""Name of the self-describing event of the e-commerce plugins."""
_SNOWPLOW = "com_snowplowanalytics_snowplow"


@dataclass(frozen=True)
class Entities:
    """SQL for the JSON of what is attached to an event: in text cells, or in columns of their own."""

    columns: tuple[Column, ...]
    structure: str
    robot: str
    session: str
    action: str
    transaction: str
    refund: str
    step: str


def in_cells() -> Entities:
    """Entities and self-describing events as JSON text in three cells of a line."""
    return Entities(
        columns=(Column("contexts"), Column("derived_contexts"), Column("unstruct_event")),
        structure="",
        robot="concat(contexts, ' ', derived_contexts)",
        session=_entity("contexts", "client_session"),
        action=f"CASE WHEN contains(unstruct_event, '{ACTION}') AND json_valid(unstruct_event) "
        "THEN json_extract_string(unstruct_event, '$.data.data') END",
        transaction=_entity("contexts", "transaction"),
        refund=_entity("contexts", "refund"),
        step=_entity("contexts", "checkout_step"),
    )


def in_columns() -> Entities:
    """Entities and self-describing events in columns named by their schema, or as text in three."""
    commerce = f"{_SNOWPLOW}_ecommerce"
    named = {
        "e:iab": "contexts_com_iab_snowplow_spiders_and_robots_1",
        "e:yauaa": "contexts_nl_basjes_yauaa_context_1",
        "e:bots": f"contexts_{_SNOWPLOW}_bot_detection_1",
        "e:session": f"contexts_{_SNOWPLOW}_client_session_1",
        "e:action": f"unstruct_event_{commerce}_{ACTION}_1",
        "e:transaction": f"contexts_{commerce}_transaction_1",
        "e:refund": f"contexts_{commerce}_refund_1",
        "e:step": f"contexts_{commerce}_checkout_step_1",
    }
    cells = in_cells()
    texts = [column.name for column in cells.columns]
    fields: dict[str, str] = dict.fromkeys((*PLAIN, *TIMES, "tr_total", *texts), "VARCHAR")
    fields |= dict.fromkeys(named.values(), "JSON")
    return Entities(
        columns=(
            *cells.columns,
            *(Column(name, path=f'CAST(j."{field}" AS VARCHAR)') for name, field in named.items()),
        ),
        structure=json.dumps(fields),
        robot=f'concat_ws(\' \', "e:iab", "e:yauaa", "e:bots", {cells.robot})',
        session=f"coalesce({_first('e:session')}, {cells.session})",
        action=f"coalesce({_first('e:action')}, {cells.action})",
        transaction=f"coalesce({_first('e:transaction')}, {cells.transaction})",
        refund=f"coalesce({_first('e:refund')}, {cells.refund})",
        step=f"coalesce({_first('e:step')}, {cells.step})",
    )


def _entity(cell: str, name: str) -> str:
    """SQL for the JSON of the first entity of a schema's name in a cell of entities."""
    form = literal('{"data":[{"schema":"VARCHAR","data":"JSON"}]}')
    found = f"list_filter(json_transform({cell}, {form}).data, lambda e: contains(e.schema, '/{name}/'))"
    is_there = f"contains({cell}, '{name}') AND json_valid({cell})"
    return f"CASE WHEN {is_there} THEN CAST({found}[1].data AS VARCHAR) END"


def _first(column: str) -> str:
    """SQL for the JSON of the first of a column's entities."""
    return (
        f'CASE WHEN json_valid("{column}") THEN CASE WHEN starts_with("{column}", \'[\') '
        f'THEN json_extract_string("{column}", \'$[0]\') ELSE "{column}" END END'
    )


def field(text: str, *names: str) -> str:
    """SQL for a field of JSON text, by the first of its spellings that is there."""
    found = ", ".join(f"json_extract_string({text}, {literal('$.' + name)})" for name in names)
    return f"coalesce({found})" if len(names) > 1 else found
