"""The space of designs: parameters with conditions, read from YAML, checked against chips, numbered as a grid."""

from axbar.search.space._space import (
    QUANTITIES,
    Choices,
    Clause,
    Columns,
    Condition,
    Constraint,
    Domain,
    Integers,
    Objective,
    Parameter,
    Point,
    PointParts,
    Reals,
    Space,
    check_space,
    load_space,
    parse_condition,
    point_hash,
    read_domain,
)
from axbar.search.space.as_dict import space_from_dict, space_to_dict

__all__ = [
    "QUANTITIES", "Choices", "Clause", "Columns", "Condition", "Constraint", "Domain", "Integers", "Objective",
    "Parameter", "Point", "PointParts", "Reals", "Space", "check_space", "load_space", "parse_condition", "point_hash",
    "read_domain", "space_from_dict", "space_to_dict",
]  # fmt: skip
