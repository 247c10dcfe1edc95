"""What people look at: figures, tables and pages of runs and comparisons.

- `view`: what there is to show, as records
- `gather`: a run folder -> `RunView`
- `answers`: what models were asked and what they answered, task by task
- `sweep`: a sweep's folder -> its page
- `tables`: views -> rows of text, for pages, model cards and MLflow
- `figures`: views -> matplotlib figures
- `write`: run folders -> a folder with the page and its figures
- `page`: views -> one self-contained HTML file
"""

from halo_raft.report.gather import gather
from halo_raft.report.page import comparison_page, run_page
from halo_raft.report.view import (
    Answer,
    Answers,
    ComparisonView,
    Contrast,
    CycleView,
    Example,
    ModelRow,
    RunView,
    SideBySide,
)

__all__ = [
    "Answer",
    "Answers",
    "ComparisonView",
    "Contrast",
    "CycleView",
    "Example",
    "ModelRow",
    "RunView",
    "SideBySide",
    "comparison_page",
    "gather",
    "run_page",
]
