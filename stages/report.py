"""report: report/comparison/, metrics/judge/, plots/ -> report/index.html, report/README.md"""

from pathlib import Path

import pandas as pd

from elbowroom import artifacts, report, results
from elbowroom.cli import run
from elbowroom.config import load_study


def main() -> None:
    study = load_study()
    judges = pd.concat([results.judge(study, name) for name in study.datasets])
    costs = {name: results.costs(study, name) for name in study.variants}
    pages = report.render(study, results.comparison(study), judges, costs)
    for page, text in pages.items():
        artifacts.write(Path("report") / page, text)


if __name__ == "__main__":
    run(main)
