"""The networks and the data of a study, by content: loaded once, packed once, named in keys by what they hold."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axbar.errors import AxbarError, UsageError, unknown_name
from axbar.search.question.identity import content_of
from axbar.search.space import Choices, PointParts, Space
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
        notes: sentences on the networks loaded so far, each once.
    """

    model: str | torch.nn.Module | None
    dataset: Dataset
    weights: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shared: dict[str, bytes] = field(default_factory=dict[str, bytes])
    notes: list[str] = field(default_factory=list[str])
    _known: dict[tuple[Any, ...], Packed] = field(default_factory=dict[tuple[Any, ...], Packed])
    _data: Packed | None = None

    def data(self) -> Packed:
        """Return the data, packed."""
        if self._data is None:
            name, content = pack(self.dataset)
            self.shared[name] = content
            self._data = Packed(self.dataset.hash(), name)
        return self._data

    def contents(self, space: Space) -> dict[str, str]:
        """Return what each network that a space names holds, as far as it can be built without arguments."""
        domain = next((p.domain for p in space.parameters if p.path == "model"), None)
        if not isinstance(domain, Choices) and not _searched(space):
            return {"": self.of(PointParts()).content}
        names = list(domain.values) if isinstance(domain, Choices) else [None]
        found: dict[str, str] = {}
        for name in names:
            try:
                found[str(name or "")] = self.of(
                    PointParts(model=None if name is None else str(name))
                ).content
            except AxbarError:  # its designs will say why
                found[str(name or "")] = ""
        return found

    def check_arguments(self, space: Space) -> None:
        """Refuse arguments that the caller's network does not take, before anything is built.

        Raises:
            UsageError: it does not take one of ``config`` or one that the space searches.
        """
        from axbar.nn import arguments_of

        if self.model is None:
            return
        searched = [] if "model" in space.paths else _searched(space)
        if not isinstance(self.model, str):
            if searched:
                raise UsageError(_built_already(searched[0]))
            return
        taken = arguments_of(self.model)
        given = {f"--config {name}": name for name in self.config} | {
            f"model.{name}": name for name in searched
        }
        for where, name in given.items():
            if taken is not None and name not in (*taken, "input_shape", "classes"):
                raise UsageError(f"{where}: {unknown_name(f'argument of model {self.model!r}', name, taken)}")

    def of(self, parts: PointParts) -> Packed:
        """Return the network of a point before its techniques, packed.

        Raises:
            AxbarError: it can't be built or does not fit the data.
        """
        key = (parts.model, tuple(parts.arguments.items()))
        if key not in self._known:
            module, arguments = self._load(parts)
            name, data = pack(module)
            self.shared[name] = data
            self._known[key] = Packed(content_of(module, arguments), name)
        return self._known[key]

    def _load(self, parts: PointParts) -> tuple[torch.nn.Module, dict[str, Any]]:
        """Return a network of our own and the arguments with which it was built."""
        from axbar._evaluate import check_network
        from axbar.nn import load_network, untrained_note

        own, arguments = parts.model, dict(parts.arguments)
        model = self.model if own is None else own
        if model is None:
            raise UsageError("there is no network: give a model, or 'model: NAME' in the space.")
        if isinstance(model, str):
            arguments = {**(self.config if own is None else {}), **arguments}
            network = load_network(model, weights=self.weights if own is None else None, **arguments)
        elif arguments:
            raise UsageError(_built_already(next(iter(arguments))))
        else:
            network = copy.deepcopy(model)
        check_network(network, self.dataset)
        note = untrained_note(network, model if isinstance(model, str) else type(model).__name__)
        self.notes += [note] if note and note not in self.notes else []
        return network.eval(), arguments


def _searched(space: Space) -> list[str]:
    """Return the arguments of networks that a space searches."""
    heads = (path.partition(".") for path in space.paths)
    return [name for head, _, name in heads if head == "model" and name]


def _built_already(argument: str) -> str:
    mend = "give its name, run folder or file.py:factory"
    return f"model.{argument} can't change a network that is built already; {mend}."
