"""BPMN diagrams as maps, where they are one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.documents import read_content
from cjmining.errors import MapError
from cjmining.interop.nets import drawn_in, head_of, planned_by
from cjmining.interop.peer import pm4py_module

if TYPE_CHECKING:
    from cjmining.intended import Exit, IntendedMap

_STEPS = {
    "task",
    "usertask",
    "sendtask",
    "receivetask",
    "manualtask",
    "servicetask",
    "scripttask",
    "businessruletask",
}
_KNOWN = _STEPS | {"startevent", "endevent", "exclusivegateway", "parallelgateway", "inclusivegateway"}


def read_bpmn(
    path: str | Path,
    *,
    goal: Sequence[str],
    patience: str | timedelta,
    name: str | None = None,
    horizon: str | timedelta = "30d",
    exits: Sequence[str | Exit] = (),
    ignore: Sequence[str] = (),
) -> IntendedMap:
    """Read a BPMN diagram as an intended map, where it is one.

    Parameters
    ----------
    path : str or Path
        A BPMN 2.0 file with one process of tasks, start and end events, and exclusive, parallel and inclusive
        gateways.
    goal : sequence of str
        The tasks that complete a journey.
    patience, horizon, exits, ignore
        As for `from_petri_net`.
    name : str, optional
        The map's name; by default that of the process, else of the file.

    Returns
    -------
    IntendedMap
        The names of tasks are its touchpoints, as they stand; tasks without a name and events are passed
        over. Lanes are the owners of stages.

    Raises
    ------
    MapError
        If the file can't be read, has elements that have no place in a map (all are named), or draws what
        is no journey map.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "order.bpmn"
    >>> _ = file.write_text('''<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
    ...   <process id="order" name="Order">
    ...     <startEvent id="s"/> <task id="a" name="Choose"/> <task id="b" name="Pay"/> <endEvent id="e"/>
    ...     <sequenceFlow id="1" sourceRef="s" targetRef="a"/>
    ...     <sequenceFlow id="2" sourceRef="a" targetRef="b"/>
    ...     <sequenceFlow id="3" sourceRef="b" targetRef="e"/>
    ...   </process>
    ... </definitions>''')
    >>> read_bpmn(file, goal=["Pay"], patience="14d").stage_names
    ('Choose', 'Pay')
    """
    from cjmining.intended.redraw import redraw

    if not isinstance(path, str | Path):
        raise MapError(f"path is the name of a BPMN file, not {path!r}")
    text = read_content(path, error=MapError, what="a BPMN file", suffixes=(".bpmn", ".xml"))
    path = Path(path)
    root = _read_xml(text, path)
    _expect_plain(root, path)
    diagram = pm4py_module("pm4py.objects.bpmn.importer.variants.lxml").import_from_string(text)
    net = pm4py_module("pm4py.objects.conversion.bpmn.variants.to_petri_net").apply(diagram)
    head = head_of(name or diagram.get_name() or path.stem, goal, patience, horizon, exits, ignore)
    what = "the diagram"
    try:
        planned = planned_by(net, goal, exits, ignore, what)
        return redraw(planned, head, what=what, drawn=drawn_in(net[0]), owners=_owners(root))
    except MapError as problem:
        raise MapError(f"{path}: {problem}", mistakes=problem.mistakes) from None


def _read_xml(text: bytes, path: Path) -> Any:  # noqa: ANN401 -- an element of lxml
    pm4py_module("pm4py.objects.bpmn.importer.variants.lxml")
    from lxml import etree  # type: ignore[import-untyped]

    try:
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, remove_comments=True))
    except etree.LxmlError as problem:
        raise MapError(f"{path}: not a BPMN file ({problem})") from None
    if root.getroottree().docinfo.doctype:
        raise MapError(f"{path}: not a BPMN file (it declares a document type, which BPMN has none of)")
    return root


def _expect_plain(root: Any, path: Path) -> None:  # noqa: ANN401
    """Raise for everything that would be lost without a word; pm4py passes over what it doesn't know."""
    kinds = {node.get("id"): node for node in root.iter("{*}*") if node.get("id")}
    flows = list(root.iter("{*}sequenceFlow"))
    ends = [kinds.get(flow.get(end)) for flow in flows for end in ("sourceRef", "targetRef")]
    strange = {
        f"{_kind(node)} '{node.get('name') or node.get('id')}'": None
        for node in [*ends, *root.iter("{*}boundaryEvent"), *root.iter("{*}subProcess")]
        if node is not None and _kind(node).lower() not in _KNOWN
    }
    if any(node is None for node in ends):
        strange["a sequence flow that begins or ends nowhere"] = None
    if strange:
        raise MapError(
            f"{path}: the diagram has {'; '.join(strange)}. A map is read from tasks, start and end events, "
            "and exclusive, parallel and inclusive gateways: draw the rest as tasks, or leave it out"
        )
    drawn = [process for process in root.iter("{*}process") if process.find("{*}sequenceFlow") is not None]
    if len(drawn) != 1:
        raise MapError(
            f"{path}: the diagram has {len(drawn)} processes with sequence flows; a map is read from one"
        )
    if drawn[0].find("{*}startEvent") is None:
        raise MapError(f"{path}: the diagram has no start event: nothing says where journeys begin")


def _kind(node: Any) -> str:  # noqa: ANN401
    return str(node.tag).rpartition("}")[2]


def _owners(root: Any) -> dict[str, str]:  # noqa: ANN401
    """Return the lane of each task by its name; a name that stands in two lanes has none."""
    names = {node.get("id"): node.get("name") for node in root.iter("{*}*") if _kind(node).lower() in _STEPS}
    lanes: dict[str, set[str]] = {}
    for lane in root.iter("{*}lane"):
        for ref in lane.iterchildren("{*}flowNodeRef"):
            task = names.get((ref.text or "").strip())
            if task and lane.get("name"):
                lanes.setdefault(task, set()).add(lane.get("name"))
    return {task: owners.pop() for task, owners in lanes.items() if len(owners) == 1}
