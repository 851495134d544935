"""What every example of the gallery starts from: one simulated shop, its map and its results."""

import cjmining as cj
from cjmining import interop
from cjmining.intended import parse_map
from cjmining.simulate import Fault

customers = 3_000
shop = cj.simulate.shop(customers, fault=Fault(leave=0.9))  # for three weeks a checkout fails on phones
intended = parse_map(shop.intended_text)
log = shop.log.split(intended).with_personas(intended)

found = cj.discover(log, by="persona")
check = cj.check(log, intended, by="persona")
ends = cj.incidence(check)
places = cj.scan(check)
why = [cj.drivers(check, stage=stage) for stage in ("Research", "Basket", "Checkout")]
diff = cj.difference(check, "Families", "Silver")
ways = cj.variants(
    log.tag(outcome=check.journeys["outcome"]),
    by="persona",
    level="touchpoint@channel",
    ignore=intended.ignore,
    repeats=False,
)
with_channels = cj.discover(log, by="persona", level="touchpoint@channel", ignore=intended.ignore)
beside = interop.model_beside_map(interop.discover_model(log, ignore=intended.ignore), intended)

left_at_checkout = check.journeys.query("outcome == 'dropped' and last_stage == 'Checkout'")
worst = check.overall.stages.sort_values("drop_out_share").iloc[-1]
finding = {  # one of those that cj.report writes with facts="facts.json"
    "kind": "largest drop-out",
    "stage": worst["stage"],
    "headline": f"{worst['drop_out_share']:.0%} drop out at {worst['stage']}".replace("%", " %"),
    "text": f"Of {worst['mature']:,} journeys that came to {worst['stage']} early enough to be judged, "
    f"{worst['dropped_within_horizon']:,} dropped out there within 30 days.",
    "numbers": {name: float(worst[name]) for name in ("drop_out_share", "lower", "upper", "mature")},
}
