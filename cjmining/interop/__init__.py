"""Exchange with others: pm4py (nets, BPMN, logs, graphs, models), networkx and XES.

pm4py is an extra (`pip install 'cjmining[pm4py]'`) and imported nowhere else; it is licensed under AGPL-3.0.
networkx is an extra too (`pip install 'cjmining[networkx]'`, BSD). XES is written without either.
"""

from cjmining.interop.bpmn import read_bpmn
from cjmining.interop.graphs import to_dfg, to_networkx, to_performance_dfg
from cjmining.interop.logs import from_event_log, to_event_log
from cjmining.interop.models import Model, ModelBesideMap, discover_model, model_beside_map
from cjmining.interop.nets import from_petri_net, to_petri_net
from cjmining.interop.xes import write_xes

__all__ = [
    "Model",
    "ModelBesideMap",
    "discover_model",
    "from_event_log",
    "from_petri_net",
    "model_beside_map",
    "read_bpmn",
    "to_dfg",
    "to_event_log",
    "to_networkx",
    "to_performance_dfg",
    "to_petri_net",
    "write_xes",
]
