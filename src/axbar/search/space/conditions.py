"""When a parameter of a search counts: ``hardware == sata and adc.bits in [4, 5] and read.t_read_s <= 5 ns``.

A condition is a list of clauses that must all hold. A clause on a parameter that does not count itself does not hold,
whatever its value: ``technique.prune.sparsity`` counts only where ``technique.prune`` does, and only if that is true.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError, unknown_name
from axbar.search.space.domains import Choices, Column, Digits, Domain, Value
from axbar.search.space.values import read_list, read_value
from axbar.units import unit_of

__all__ = ["Clause", "Condition", "check_condition", "order_of", "parse_condition", "where"]

Bools = NDArray[np.bool_]

Op: TypeAlias = Literal["==", "!=", "in", "<", "<=", ">", ">="]

_CLAUSE = re.compile(
    r"\s*(?P<path>[^\s=!<>]+)\s*(?P<op>==|!=|<=|>=|<|>|\bin\b)\s*(?P<right>[^=<>]+?)\s*", re.DOTALL
)
_SHAPE = "write 'PATH == value' (also !=, <, <=, >, >=) or 'PATH in [a, b]', several joined by 'and'"

#: what compares numbers
_ORDER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


@dataclass(frozen=True)
class Clause:
    """``path`` is one of ``values`` (``==``, ``in``), none of them (``!=``), or less or more than the only one."""

    path: str
    op: Op
    values: tuple[Value, ...]

    def __str__(self) -> str:
        shown = [str(v).lower() if isinstance(v, bool) else str(v) for v in self.values]
        return f"{self.path} {self.op} " + (f"[{', '.join(shown)}]" if self.op == "in" else shown[0])

    @property
    def compares(self) -> bool:
        """Whether it asks for the order of numbers."""
        return self.op in _ORDER

    def wanted(self, domain: Domain) -> Digits:
        """Return the numbers of its values within the domain of its path; -1 for what is none of it."""
        return domain.digits(np.asarray(self.values))

    def holds(self, domain: Domain, digits: Digits, values: Column | None = None) -> Bools:
        """Return where it holds among values with these numbers, ``[N]``.

        Args:
            domain: of its path.
            digits: numbers of the values within the domain.
            values: the values themselves, which a domain without an end needs.
        """
        if self.compares:
            return _ORDER[self.op](domain.at(digits) if values is None else values, self.values[0])
        wanted = self.wanted(domain)
        found = digits == wanted[0] if len(wanted) == 1 else np.isin(digits, wanted)
        return ~found if self.op == "!=" else found


@dataclass(frozen=True)
class Condition:
    """Clauses that must all hold.

    >>> str(parse_condition("hardware == sata and adc.bits in [4, 5]"))
    'hardware == sata and adc.bits in [4, 5]'
    """

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.clauses))

    def also(self, *clauses: Clause) -> Condition:
        """Return the condition with further clauses, each once."""
        return Condition(tuple(dict.fromkeys((*self.clauses, *clauses))))


def parse_condition(text: str) -> Condition:
    """Read a condition; values may have units where the path has one.

    Raises:
        UsageError: the text has another form.
    """
    clauses: list[Clause] = []
    for part in re.split(r"(?:^|\s+)and(?:\s+|$)", text.strip()):
        match = _CLAUSE.fullmatch(part)
        if match is None or re.search(r"\sor\s", part):
            raise UsageError(f"can't read the condition '{part}'; {_SHAPE}.")
        path, op, right = match["path"], cast(Op, match["op"]), match["right"]
        if op == "in":
            values = read_list(right, unit_of(path))
        else:
            values = (read_value(right, unit_of(path)),)
        clauses.append(Clause(path, op, tuple(values)))
        if clauses[-1].compares and isinstance(values[0], str | bool):
            raise UsageError(
                f"condition '{part.strip()}': '{right}' is no number; compare words with == or !=."
            )
    return Condition(()).also(*clauses)


def check_condition(path: str, condition: Condition, domains: Mapping[str, Domain]) -> None:
    """Check that each clause speaks of a searched path and of values that it can have.

    Raises:
        UsageError: it does not; the sentence names the closest.
    """
    for clause in condition.clauses:
        domain = domains.get(clause.path)
        if domain is None:
            raise UsageError(
                f"{path}: condition '{clause}': {unknown_name('parameter of the space', clause.path, domains)}"
            )
        if clause.path == path:
            raise UsageError(f"{path}: condition '{clause}' asks for its own value; name another parameter.")
        problem = _never_ordered(clause, domain) if clause.compares else _never_equal(clause, domain)
        if problem:
            raise UsageError(f"{path}: condition '{clause}': {clause.path} {problem}")


def _never_equal(clause: Clause, domain: Domain) -> str:
    """Return what is wrong with a clause that asks for single values; empty if nothing."""
    if domain.size is None:
        return f"runs through all of {domain} and meets no single value; give it a step, or compare it with < or >."
    for value, digit in zip(clause.values, clause.wanted(domain), strict=True):
        if digit < 0:
            return f"is never {value!r}; its values: {domain}."
    return ""


def _never_ordered(clause: Clause, domain: Domain) -> str:
    """Return what is wrong with a clause that compares numbers; empty if nothing."""
    ends = domain.table if isinstance(domain, Choices) else _ends(domain)
    if ends.dtype.kind not in "iuf":
        return f"has no order, its values are {domain}; compare it with == or !=."
    if not clause.holds(domain, np.zeros(len(ends), dtype=np.int64), ends).any():
        return f"is never {clause.op} {clause.values[0]!r}; its values: {domain}."
    return ""


def _ends(domain: Domain) -> Column:
    if domain.size is None:
        assert not isinstance(domain, Choices), "a list has a size"
        return np.array([domain.low, domain.high])
    return domain.at(np.array([0, domain.size - 1]))


def order_of(conditions: Mapping[str, Condition | None]) -> tuple[str, ...]:
    """Return all paths so that each stands behind those on which it depends.

    Raises:
        UsageError: conditions depend on each other in a circle.
    """
    needs = {path: [c.path for c in when.clauses] if when else [] for path, when in conditions.items()}
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " -> ".join(cast(Sequence[str], error.args[1]))
        raise UsageError(f"conditions go in a circle: {circle}; remove one.") from None


def where(
    conditions: Mapping[str, Condition | None],
    domains: Mapping[str, Domain],
    digits: Mapping[str, Digits],
    rows: int,
    endless: Mapping[str, Column],
) -> dict[str, Bools]:
    """Return for each path where it counts, ``[N]``, from the numbers of the values.

    Args:
        conditions: by path, each behind those on which it depends (see ``order_of``).
        domains: by path, in the order of the result.
        digits: by path, ``[N]``.
        rows: N.
        endless: values of paths whose domains have no end, ``[N]``.
    """
    everywhere = np.ones(rows, dtype=np.bool_)
    everywhere.setflags(write=False)  # shared by all paths without a condition
    known: dict[Clause, Bools] = {}
    active: dict[str, Bools] = {}
    for path, when in conditions.items():
        mask = everywhere
        for clause in when.clauses if when else ():
            if clause not in known:
                holds = clause.holds(domains[clause.path], digits[clause.path], endless.get(clause.path))
                known[clause] = active[clause.path] & holds
            mask = mask & known[clause]
        active[path] = mask
    return {path: active[path] for path in domains}
