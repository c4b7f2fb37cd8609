"""What is asked of a search: its space, chip, networks, images and ladder, and what one design of it is made of."""

from axbar.search.question._ask import Question, ask
from axbar.search.question.design import Design, Designer
from axbar.search.question.ladder import RUNGS, Ladder, Rung

__all__ = ["RUNGS", "Design", "Designer", "Ladder", "Question", "Rung", "ask"]
