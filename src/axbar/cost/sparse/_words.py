"""Words and numbers of a simulation: those that would change nothing are refused, not ignored.

The circuit of a join (prefix sums, adders, held addresses) is part of the level ``pipeline`` and of dataflows that join
masks: LoAS and its ablation have all of it, SparTen a laggy address of weights, the others none.
"""

from __future__ import annotations

from axbar.cost.sparse.counters import Fidelity
from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.levels import ADDERS
from axbar.cost.sparse.pipeline import check_prefix
from axbar.errors import UsageError, is_whole

__all__ = ["check_circuit", "check_sums_word", "check_whole"]

_USUAL = "fast-laggy"


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Refuse what is no whole number within bounds.

    Raises:
        UsageError: naming the argument, its value and the bounds.
    """
    if not is_whole(value, low, high):
        raise UsageError(f"{name} is {value!r}; give a whole number from {low} to {high}.")


def check_sums_word(check: object) -> None:
    """Refuse a ``check`` other than True, False and ``"all"``.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(check, bool) and check != "all":
        raise UsageError(
            f"check is {check!r}; give True for some sums, 'all' for every sum, or False for none."
        )


def check_circuit(flow: Dataflow, level: Fidelity, prefix: str, adders: int, hold_addresses: bool) -> None:
    """Refuse a circuit of the join that this dataflow does not have, or this level does not look at.

    Raises:
        UsageError: naming the argument and where it matters.
    """
    check_prefix(prefix)
    check_whole("adders", adders, 1, flow.tile.chunk)
    joins = flow.product == "inner"
    laggy = prefix == "two-laggy" or (flow.packed and prefix == _USUAL)
    given = [
        ("prefix", prefix, prefix != _USUAL, joins and (flow.packed or prefix == "two-laggy")),
        ("adders", adders, adders != int(ADDERS.value), joins and laggy),
        (
            "hold_addresses",
            hold_addresses,
            hold_addresses,
            joins and flow.packed and flow.split == "row" and prefix == _USUAL,
        ),
    ]
    for name, value, changed, has in given:
        if changed and level != "pipeline":
            raise UsageError(
                f"{name} = {value} changes nothing at fidelity '{level}', which has no circuits; use 'pipeline', or "
                f"leave {name} out."
            )
        if changed and not has:
            raise UsageError(
                f"{name} = {value} changes nothing in dataflow '{flow.name}' with prefix '{prefix}'; {_WHERE[name]}: "
                f"leave {name} out."
            )


_WHERE = {
    "prefix": "all three act on loas and loas-nmtk, two-laggy on sparten too",
    "adders": "they act on loas and loas-nmtk with fast-laggy or two-laggy, on sparten with two-laggy",
    "hold_addresses": "it acts on loas with fast-laggy",
}
