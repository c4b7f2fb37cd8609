"""SpikeSim's energy-latency-area model beside ``axbar.estimate``, on one network and the same arrays.

Published: Moitra et al., IEEE TCAD 2023 (abstract), and its released code, re-stated exactly in
``axbar.published.spikesim`` with all its quirks. Here: that formula on the six designs on which the code was run, the
same designs in axbar, and the formula with one quirk mended at a time. Nothing is trained; the spike rate is assumed.
"""

from __future__ import annotations

from pathlib import Path

from axbar._evaluate import Progress
from axbar.published._reproduction import Reproduction, write_study
from axbar.published.spikesim_claims import claims, pair
from axbar.published.spikesim_design import CASES
from axbar.published.spikesim_figure import figure
from axbar.published.spikesim_quirks import changes
from axbar.published.spikesim_real import CHIP, SPIKE_RATE
from axbar.published.spikesim_table import markdown, quirk_lines, rows
from axbar.spec import load_hardware

__all__ = ["reproduce"]


def reproduce(
    folder: Path,
    *,
    scale: str = "default",
    data_dir: str | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Reproduction:
    """Evaluate both models on every case; ``results.json``, ``table.md`` and ``figure.svg`` are written to ``folder``.

    All scales are the same: the models are formulas, the network is the paper's own, and there are no data to read
    and nothing to draw at random.
    """
    pairs = {}
    for done, (name, design) in enumerate(CASES.items()):
        if progress:
            progress("designs", done, len(CASES))
        pairs[name] = pair(design)
    found = changes()
    study = Reproduction(
        name="spikesim",
        source="SpikeSim (Moitra et al., IEEE TCAD 2023; released code c2627bc, MIT); DT-SNN (Li et al., DAC 2023)",
        scale=f"{scale}: the seven convolutions of VGG9 on 32x32 images, T = 5 unless the case says otherwise",
        seeds=(seed,),
        claims=claims(pairs["vgg9_default"]),
        rows=rows(pairs),
        settings={
            "published": "the abstract gives ratios only, no energy, latency or area of a chip; see the claims",
            "legacy": "axbar.published.spikesim_ela, equal to six runs of the released code",
            "axbar": f"axbar.estimate on {CHIP} as shipped, spec {load_hardware(CHIP).hash()[:8]}; "
            f"spike rate {SPIKE_RATE:g}, assumed",
            **quirk_lines(found),
            "figure": str(folder / "figure.svg"),
        },
    )
    write_study(
        folder,
        results=study.to_dict(),
        table=markdown(pairs, study.claims, found),
        figure=figure(pairs["vgg9_default"]),
    )
    if progress:
        progress("designs", len(CASES), len(CASES))
    return study
