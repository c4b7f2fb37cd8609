"""What a network remembers of the techniques that changed its structure, so that its run folder brings them back.

Weights go to a file of tensors; which layers hold them must be known before. A network that says how it was built
(``config``) therefore keeps a list ``config["techniques"]`` of ``{"name", "facts"}``, in the order of application. A
run folder writes it down, and ``axbar.nn.load_network`` builds the network, lets each technique restore its structure
(``restructure``) and only then loads the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

__all__ = ["note", "noted"]


def note(model: nn.Module, name: str, facts: Mapping[str, Any]) -> None:
    """Remember, in place, that technique ``name`` changed the structure of ``model``.

    Args:
        facts: what its ``restructure(model, facts)`` needs to do so again; plain JSON.
    """
    config: Any = getattr(model, "config", None)
    if isinstance(config, dict) and config:
        before = config.get("techniques", [])
        vars(model)["config"] = {**config, "techniques": [*before, {"name": name, "facts": dict(facts)}]}


def noted(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the techniques that a network has gone through, as far as it remembers."""
    config: Any = getattr(model, "config", None)
    changes = config.get("techniques", ()) if isinstance(config, dict) else ()
    return tuple(str(change["name"]) for change in changes)
