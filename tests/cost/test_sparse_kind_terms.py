"""Each component of the kind ``sparse`` reads what it says, on every dataflow and level."""

from __future__ import annotations

from itertools import product as combinations

import numpy as np
import pytest
from cost_cases import Recorder

from axbar.cost._engine import make_plan
from axbar.cost._sums import SUM_EVENT
from axbar.cost._sweep import read_sweep
from axbar.cost._types import QUANTITIES
from axbar.cost.sparse.kind import COMPONENTS, KIND
from axbar.spec import load_hardware
from axbar.workload import shapes

FLOWS = ("loas", "loas-nmtk", "sparten", "gospa", "gamma", "ptb")
WORK = shapes.cnn(width=4)


@pytest.mark.parametrize(("flow", "level"), [*combinations(FLOWS, ("published", "pipeline"))])
def test_explain_names_exactly_what_a_formula_reads(flow: str, level: str) -> None:
    spec = load_hardware(flow, {"fidelity": level})
    x = make_plan(KIND, WORK, spec, read_sweep(spec, None)).at(0)
    seen = Recorder(x.events, x.numbers, x.texts, x.results)
    for component in COMPONENTS:
        for quantity in QUANTITIES:
            term = component.terms(seen)[quantity]
            seen.read.clear()
            value = term.value(seen)
            assert np.isfinite(value).all() and (value >= 0).all()
            assert {n for kind, n in seen.read if kind == "event"} == set(term.events), (
                component.name,
                quantity,
            )
            assert {n for kind, n in seen.read if kind == "path"} == set(term.paths), (
                component.name,
                quantity,
            )
            assert {n for kind, n in seen.read if kind == "constant"} <= {c.name for c in term.constants}
        for counted in (component.event, component.turn, component.instance):
            if counted is not None:
                seen.read.clear()
                assert (counted.value(seen) >= 0).all()
                assert {n for kind, n in seen.read if kind == "event"} == set(counted.events), component.name
                assert {n for kind, n in seen.read if kind == "path"} == set(counted.paths), component.name


def test_every_event_is_told_and_used() -> None:
    spec = load_hardware("loas")
    events = make_plan(KIND, WORK, spec, read_sweep(spec, None)).events[0]
    assert set(events.counts) == set(events.meaning)
    parts = [part for c in COMPONENTS for part in c.parts.values()]
    read = {event for part in parts for quantity in QUANTITIES for event in part[quantity].events}
    assert read | {SUM_EVENT} == set(events.counts)  # a rule reads the widest sum
    assert len({c.name for c in COMPONENTS}) == len(COMPONENTS)
