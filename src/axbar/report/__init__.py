"""Renders of what was found: one offline page, terminal tables, CSV, JSON, frames, notebook tables, papers."""

from __future__ import annotations

from axbar.report._data import render_csv, render_json, sweep_csv, to_frame
from axbar.report._export import Format, Record, export, formats, read_record
from axbar.report._facts import technique_cost
from axbar.report._scale import accuracy_interval
from axbar.report.comparison import (
    comparison_csv,
    comparison_html,
    comparison_json,
    comparison_text,
    show_comparison,
)
from axbar.report.exploration import exploration_html
from axbar.report.exploration_text import exploration_text, show_exploration
from axbar.report.html import render_html, render_notebook
from axbar.report.text import estimate_text, report_text, show, sweep_text, workload_table

__all__ = [
    "Format",
    "Record",
    "accuracy_interval",
    "comparison_csv",
    "comparison_html",
    "comparison_json",
    "comparison_text",
    "estimate_text",
    "exploration_html",
    "exploration_text",
    "export",
    "formats",
    "read_record",
    "render_csv",
    "render_html",
    "render_json",
    "render_notebook",
    "report_text",
    "show",
    "show_comparison",
    "show_exploration",
    "sweep_csv",
    "sweep_text",
    "technique_cost",
    "to_frame",
    "workload_table",
]
