"""Exchange with others: pm4py (nets, BPMN, logs, graphs, models), networkx and XES.

pm4py is an extra (`pip install 'cjmining[pm4py]'`) and imported nowhere else; it is licensed under AGPL-3.0.
networkx is an extra too (`pip install 'cjmining[networkx]'`, BSD). XES is written without either.
"""

from cjmining.interop.bpmn import read_bpmn
from cjmining.interop.logs import to_event_log
from cjmining.interop.nets import from_petri_net, to_petri_net

__all__ = ["from_petri_net", "read_bpmn", "to_event_log", "to_petri_net"]
