"""The command that evaluates one design of a study again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from axbar.search.question import Design

__all__ = ["command_of"]


def command_of(facts: Mapping[str, Any], rung: str, design: Design, hardware: str) -> str:
    """Return the ``axbar evaluate`` or ``axbar estimate`` of a design.

    Args:
        facts: of the study.
        rung: at which the design was looked at.
        design: the design.
        hardware: file of its chip.
    """
    if not facts.get("named", True):
        return ""
    own = design.parts.model is None
    model = design.parts.model or facts.get("model") or "MODEL"
    config: dict[str, Any] = {**(facts.get("config") or {} if own else {}), **design.parts.arguments}
    if facts.get("data") is None:
        return shlex.join(["axbar", "estimate", model, "--hardware", hardware, *_config(config)])
    words = ["axbar", "evaluate", model, "--data", facts["data"], "--hardware", hardware]
    if own and facts.get("weights"):
        words += ["--weights", facts["weights"]]
    words += _config(config)
    for text in design.techniques:
        words += ["--technique", text]
    settings = facts.get("rungs", {}).get(rung, {})
    if settings.get("images") is not None:
        words += ["--images", str(settings["images"])]
    words += ["--chips", str(settings.get("chips", 0)), "--seed", str(facts.get("seed", 0))]
    words += ["--samples", str(facts.get("samples", 16))]
    if facts.get("data_dir"):
        words += ["--data-dir", facts["data_dir"]]
    return shlex.join([*words, "--waterfall", "0"])


def _config(config: Mapping[str, Any]) -> list[str]:
    return [word for key, value in config.items() for word in ("--config", f"{key}={json.dumps(value)}")]
