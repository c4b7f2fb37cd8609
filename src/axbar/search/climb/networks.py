"""The networks and the data of a study, by content: loaded once, packed once, named in keys by what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axbar.errors import UsageError
from axbar.search.space.parts import PointParts
from axbar.search.work import pack

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset

__all__ = ["Networks", "Packed"]


@dataclass(frozen=True)
class Packed:
    """One network or data set.

    Args:
        content: hash of what it holds: the same in every process and on every machine.
        packed: name under which its bytes travel.
    """

    content: str
    packed: str


@dataclass
class Networks:
    """Loads what points name.

    Args:
        model: the caller's network, where a point names none.
        weights, config: of it.
        dataset: that all are evaluated on.
    """

    model: str | torch.nn.Module | None
    dataset: Dataset
    weights: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shared: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _known: dict[tuple[Any, ...], Packed] = field(default_factory=dict[tuple[Any, ...], Packed])
    _data: Packed | None = None

    def data(self) -> Packed:
        """Return the data, packed."""
        if self._data is None:
            name, content = pack(self.dataset)
            self.shared[name] = content
            self._data = Packed(self.dataset.hash(), name)
        return self._data

    def name(self, parts: PointParts) -> str:
        """Return how the network of a point is called."""
        model = self.model if parts.model is None else parts.model
        return model if isinstance(model, str) else type(model).__name__

    def of(self, parts: PointParts) -> Packed:
        """Return the network of a point before its techniques, packed.

        Raises:
            AxbarError: it can't be built or does not fit the data.
        """
        key = (parts.model, tuple(parts.arguments.items()))
        if key not in self._known:
            module = self._load(parts)
            name, content = pack(module)
            self.shared[name] = content
            self._known[key] = Packed(_identity(module), name)
        return self._known[key]

    def _load(self, parts: PointParts) -> torch.nn.Module:
        from axbar._evaluate import check_network
        from axbar.nn import load_network

        own, arguments = parts.model, dict(parts.arguments)
        model = self.model if own is None else own
        if model is None:
            raise UsageError("there is no network: give a model, or 'model: NAME' in the space.")
        if isinstance(model, str):
            config = dict(self.config) if own is None else {}
            weights = self.weights if own is None else None
            network = load_network(model, weights=weights, **(config | arguments))
        elif arguments:
            raise UsageError(
                f"model.{next(iter(arguments))} can't change a network that is built already; give its name, run "
                "folder or file.py:factory."
            )
        else:
            network = model
        check_network(network, self.dataset)
        return network.eval()


def _identity(network: torch.nn.Module) -> str:
    """Return a hash of structure and weights."""
    from axbar._run import weights_hash

    kind = f"{type(network).__module__}.{type(network).__qualname__}"
    return hashlib.sha256(f"{kind}\n{network!r}\n{weights_hash(network)}".encode()).hexdigest()[:16]
