"""A module is replaced under all names that it has."""

from __future__ import annotations

import pytest
from torch import nn

from axbar.nn._replace import replace_module


def test_all_names_of_one_object_get_the_new_one() -> None:
    one, other = nn.ReLU(), nn.ReLU()
    model = nn.Sequential(one, nn.Sequential(other, one))
    new = nn.Identity()
    replace_module(model.eval(), "1.1", new)
    names = [name for name, module in model.named_modules(remove_duplicate=False) if module is new]
    assert names == ["0", "1.1"]
    assert model.get_submodule("1.0") is other
    assert not new.training


def test_a_wrapper_keeps_what_it_wraps() -> None:
    one = nn.ReLU()
    model = nn.Sequential(one, one)
    wrapper = nn.Sequential(one)
    replace_module(model, "0", wrapper)
    assert model[0] is model[1] is wrapper
    assert wrapper[0] is one


def test_a_name_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(AttributeError):
        replace_module(nn.Sequential(), "0", nn.ReLU())
