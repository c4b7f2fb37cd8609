"""Networks that solve differential equations: problems with known solutions, perceptrons, separable networks.

A network is trained on the residual of an equation (``solve``), held against the exact solution (``relative_errors``,
``check_solved``), and hands out its perceptron (``PinnNet.perceptron``) for what converts it to spikes.
"""

from __future__ import annotations

from axbar.nn.pinn._config import Progress, Record, SolveConfig
from axbar.nn.pinn._layers import FourierFeatures, Sine, UnitBox
from axbar.nn.pinn._loss import field_of
from axbar.nn.pinn._points import axis_points, box_points, face_points
from axbar.nn.pinn.fields import Constraint, Field, Output, PointField, TaylorField, grid_points
from axbar.nn.pinn.gate import check_solved, held_out_points, relative_differences, relative_errors
from axbar.nn.pinn.networks import PinnNet
from axbar.nn.pinn.problems import PROBLEMS, Condition, Problem, find_problem
from axbar.nn.pinn.separable import SeparableNet
from axbar.nn.pinn.solve import Solved, solve

__all__ = [
    "PROBLEMS",
    "Condition",
    "Constraint",
    "Field",
    "FourierFeatures",
    "Output",
    "PinnNet",
    "PointField",
    "Problem",
    "Progress",
    "Record",
    "SeparableNet",
    "Sine",
    "SolveConfig",
    "Solved",
    "TaylorField",
    "UnitBox",
    "axis_points",
    "box_points",
    "check_solved",
    "face_points",
    "field_of",
    "find_problem",
    "grid_points",
    "held_out_points",
    "relative_differences",
    "relative_errors",
    "solve",
]
