"""report: report/comparison/, metrics/judge/, plots/ -> report/index.html, report/README.md"""

from pathlib import Path

import pandas as pd

from elbowroom import artifacts, report
from elbowroom.cli import run
from elbowroom.config import load_study


def main() -> None:
    study = load_study()
    names = ("variants", "baselines", "latents", "differences", "elbows", "claims", "published")
    compared = {name: artifacts.load_csv(artifacts.comparison_file(f"{name}.csv")) for name in names}
    judges = pd.concat([artifacts.load_csv(artifacts.judge_history_file(name)) for name in study.datasets])
    costs = {name: artifacts.load_csv(artifacts.plot_file(name, "cost.csv")) for name in study.variants}
    for page, text in report.render(study, compared, judges, costs).items():
        artifacts.write(Path("report") / page, text)


if __name__ == "__main__":
    run(main)
