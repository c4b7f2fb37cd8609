"""From a name or a path to a data set.

A name stands for a set that is shipped or found under ``--data-dir`` / ``AXBAR_DATA``; a path is a ``.npz``,
a folder in one of the layouts of ``READERS``, or ``file.py:loader``. Behind event data may stand how they are cut
into frames, ``n-mnist:frames=16,by=count,cap=1``. Nothing is ever downloaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from axbar.data._arrays import Raw, to_dataset
from axbar.data._embedded import read_embedded
from axbar.data._event_files import holds_events, read_event_npz
from axbar.data._npz import read_npz
from axbar.data._readers import locate, read_folder
from axbar.data._recordings import RawEvents, framed, split_options
from axbar.data._types import CALIBRATION_IMAGES, Dataset, size_text
from axbar.data._user import read_user
from axbar.data._wave_task import read_waves
from axbar.errors import DataError, UsageError, unknown_name
from axbar.usercode import is_reference

__all__ = ["ENVIRONMENT", "data_names", "load_data"]

#: environment variable that names the folder of data sets
ENVIRONMENT = "AXBAR_DATA"


@dataclass(frozen=True)
class _Named:
    """A published data set: where people keep it, and what it must look like when found."""

    summary: str
    input_shape: tuple[int, int, int]  # of an image, or of one frame of a sequence
    n_classes: int
    licence: str
    source: str
    folders: tuple[str, ...] = ()  # none: shipped with the package, or made
    classes: tuple[str, ...] = ()  # where the files name none
    cells: int = 0  # of waves, which are made: classes per side


_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION_LICENCE = "MIT, Copyright 2017 Zalando SE"
_FASHION_SOURCE = "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017"
_CIFAR_LICENCE = "no formal licence; free for research with citation"
_WAVE_LICENCE = "MIT, made by axbar"
_WAVE_SOURCE = "2-D wave equation, leap-frog; task after arXiv:2312.00919, made harder"
_CIFAR_SOURCE = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"

_NAMED: dict[str, _Named] = {
    "fashion-mnist-small": _Named(
        "6,000 + 2,000 images of clothes, 28x28 grey, 10 classes; comes with the package",
        (1, 28, 28), 10, _FASHION_LICENCE, _FASHION_SOURCE, (), _CLOTHES,
    ),
    "fashion-mnist": _Named(
        "60,000 + 10,000 images of clothes, 28x28 grey, 10 classes; from the data folder",
        (1, 28, 28), 10, _FASHION_LICENCE, _FASHION_SOURCE,
        ("fashion-mnist", "FashionMNIST", "fashion_mnist", "fmnist"), _CLOTHES,
    ),
    "mnist": _Named(
        "60,000 + 10,000 handwritten digits, 28x28 grey, 10 classes; from the data folder",
        (1, 28, 28), 10, "Y. LeCun, C. Cortes; usually given as CC BY-SA 3.0",
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86(11), 1998",
        ("mnist", "MNIST"), _DIGITS,
    ),
    "cifar-10": _Named(
        "50,000 + 10,000 small photographs, 32x32 colour, 10 classes; from the data folder",
        (3, 32, 32), 10, _CIFAR_LICENCE, _CIFAR_SOURCE,
        ("cifar-10", "cifar10", "CIFAR10", "cifar-10-batches-py", "cifar-10-batches-bin"), _THINGS,
    ),
    "cifar-100": _Named(
        "50,000 + 10,000 small photographs, 32x32 colour, 100 classes; from the data folder",
        (3, 32, 32), 100, _CIFAR_LICENCE, _CIFAR_SOURCE,
        ("cifar-100", "cifar100", "CIFAR100", "cifar-100-python", "cifar-100-binary"),
    ),
    "n-mnist": _Named(
        "handwritten digits seen by an event camera, 34x34, 10 classes; from the data folder",
        (2, 34, 34), 10, "usually given as CC BY-SA 4.0",
        "G. Orchard, A. Jayawant, G. K. Cohen, N. Thakor, Front. Neurosci. 9:437, 2015",
        ("n-mnist", "N-MNIST", "NMNIST", "nmnist"), _DIGITS,
    ),
    "braille": _Named(
        "Braille characters under 12 pressure sensors, as events, 27 classes; from the data folder",
        (2, 1, 12), 27, "CC BY 4.0", "S. F. Müller-Cleve et al., Front. Neurosci. 16:951164, 2022", ("braille",),
    ),
    "ecg-qtdb": _Named(
        "waves of the heart beat in level crossings of two leads, 6 classes; from the data folder",
        (2, 1, 4), 6, "MIT (files); PhysioNet QTDB usually given as ODC-BY 1.0",
        "B. Yin, F. Corradi, S. M. Bohté, Nat. Mach. Intell. 3:905, 2021; PhysioNet QTDB",
        ("ecg-qtdb", "qtdb", "QTDB"),
    ),
    "wave-3x3": _Named(
        "where a wave on a membrane started, heard by 8 microphones, 9 places; made from physics on first use",
        (2, 8, 64), 9, _WAVE_LICENCE, _WAVE_SOURCE, cells=3,
    ),
    "wave-6x6": _Named(
        "the same with 36 places",
        (2, 8, 64), 36, _WAVE_LICENCE, _WAVE_SOURCE, cells=6,
    ),
}  # fmt: skip

_ALIASES = {"fashion-mnist-embedded": "fashion-mnist-small", "cifar10": "cifar-10", "cifar100": "cifar-100"}


def data_names() -> dict[str, str]:
    """Return the registered data sets: name -> one line on what it is."""
    return {name: named.summary for name, named in _NAMED.items()}


def load_data(
    data: str | os.PathLike[str] | Dataset,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    calibration: int = CALIBRATION_IMAGES,
    seed: int = 0,
) -> Dataset:
    """Load a data set and part it into train, calibration and test.

    Args:
        data: a registered name, a ``.npz`` file, a folder, ``file.py:loader``, or a ``Dataset`` (kept as is).
            Event data take ``:frames=T,by=time|count,cap=N`` behind them (``FrameOptions``).
        data_dir: folder of data sets for names that are not shipped; None means ``AXBAR_DATA``.
        calibration: images cut out of the training part, at most a tenth of it.
        seed: of that choice, and of the test part where the source has one part only.

    Raises:
        UsageError: no such name or path.
        DataError: the data can't be read, or contradict themselves.

    >>> data = load_data("fashion-mnist-small")
    >>> len(data.train), len(data.calibration), len(data.test), data.input_shape
    (5488, 512, 2000, (1, 28, 28))
    """
    if isinstance(data, Dataset):
        return data
    text, options = split_options(os.fspath(data))
    if isinstance(data, str) and _ALIASES.get(text, text) in _NAMED:
        name = _ALIASES.get(text, text)
        return _load_named(name, _NAMED[name], data_dir, options, calibration=calibration, seed=seed)
    if is_reference(text):
        _refuse_options(text, options)
        found = read_user(text)
        if isinstance(found, Dataset):
            return found
        return to_dataset(
            found, text, licence="not stated", source=f"loader {text}", calibration=calibration, seed=seed
        )
    _refuse_unread_options(text)
    raw = _as_raw(text, _read_path(text), options)
    return to_dataset(
        raw,
        _name_of(Path(text)),
        licence="not stated",
        source=f"path {text}",
        calibration=calibration,
        seed=seed,
    )


def _as_raw(text: str, found: Raw | RawEvents, options: dict[str, str]) -> Raw:
    if isinstance(found, RawEvents):
        return framed(found, options)
    _refuse_options(text, options)
    return found


def _refuse_options(text: str, options: dict[str, str]) -> None:
    if options:
        raise UsageError(
            f"'{text}' holds no events to cut into frames, so {', '.join(options)} means nothing to it; leave "
            "it out."
        )


def _refuse_unread_options(text: str) -> None:
    """Refuse what stands behind the colon of data that exist, if it is no ``key=value``."""
    name, colon, rest = text.rpartition(":")
    if not colon or Path(text).exists():
        return
    if _ALIASES.get(name, name) in _NAMED or (name and Path(name).exists()):
        what = f"'{rest}' behind '{name}:' is no key=value" if rest else f"nothing stands behind '{name}:'"
        raise UsageError(
            f"{what}; write frames=8 there if these are events ({name}:frames=8), or {name} alone."
        )


def _read_path(text: str) -> Raw | RawEvents:
    path = Path(text)
    if path.is_dir():
        return read_folder(path)
    if path.suffix == ".npz" and path.is_file():
        return read_event_npz(path) if holds_events(path) else read_npz(path)
    if path.suffix == ".py":
        raise UsageError(f"'{text}' names a Python file; name its function too: {text}:FUNCTION.")
    if path.exists():
        raise DataError(f"'{text}' is no data set; give a .npz file, a folder, or FILE.py:FUNCTION.")
    if path.suffix or len(path.parts) > 1:
        raise UsageError(
            f"there is no file or folder '{text}'. Registered data sets: {', '.join(sorted(_NAMED))}."
        )
    raise UsageError(unknown_name("data set", text, _NAMED))


def _name_of(path: Path) -> str:
    parts = path.resolve().parts
    plain = [p for p in parts if p not in ("raw", "processed")]
    return Path(plain[-1]).stem if path.is_file() else plain[-1]


def _load_named(
    name: str,
    named: _Named,
    data_dir: str | os.PathLike[str] | None,
    options: dict[str, str],
    *,
    calibration: int,
    seed: int,
) -> Dataset:
    if named.cells:
        return to_dataset(
            read_waves(named.cells, options), name, licence=named.licence, source=named.source,
            calibration=calibration, seed=seed,
        )  # fmt: skip
    found = _read_from(name, named, data_dir) if named.folders else read_embedded()
    raw = _as_raw(name, found, options)
    raw = Raw(raw.train, raw.test, raw.classes or named.classes, raw.notes)
    shape, top = tuple(raw.train[0].shape[-3:]), int(raw.train[1].max())
    if shape != named.input_shape or top != named.n_classes - 1:
        raise DataError(
            f"what was found for '{name}' holds {size_text(shape)} images of {top + 1} classes; {name} has "
            f"{size_text(named.input_shape)} images of {named.n_classes} classes: give its folder instead of "
            "the name, or put the right files there."
        )
    return to_dataset(
        raw, name, licence=named.licence, source=named.source, calibration=calibration, seed=seed
    )


def _read_from(name: str, named: _Named, data_dir: str | os.PathLike[str] | None) -> Raw | RawEvents:
    given = data_dir if data_dir is not None else os.environ.get(ENVIRONMENT)
    wanted = ", ".join(f"{folder}/" for folder in named.folders)
    if not given:
        raise UsageError(
            f"'{name}' is not shipped: set --data-dir or {ENVIRONMENT} to the folder that holds one of "
            f"{wanted} (fashion-mnist-small needs no files)."
        )
    root = Path(given)
    if not root.is_dir():
        raise UsageError(
            f"the data folder '{root}' does not exist; set --data-dir or {ENVIRONMENT} to a folder that does."
        )
    places = [root / folder for folder in named.folders]
    if root.name in named.folders or (root.name == "raw" and root.parent.name in named.folders):
        places.append(root)  # the user named the set's own folder
    for place in places:
        if place.is_dir() and locate(place):
            return read_folder(place)
    raise DataError(
        f"'{name}' is not in '{root}': looked for {wanted} with its original files (IDX, CIFAR, .npz, recordings); "
        "get it, or set --data-dir."
    )
