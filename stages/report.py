"""report: report/comparison/, plots/ -> report/index.html, report/README.md"""

from pathlib import Path

from elbowroom import artifacts, report
from elbowroom.cli import run
from elbowroom.config import load_study


def main() -> None:
    study = load_study()
    variants = artifacts.load_csv(artifacts.comparison_file("variants.csv"))
    costs = {name: artifacts.load_csv(artifacts.plot_file(name, "cost.csv")) for name in study.variants}
    published = artifacts.load_csv(artifacts.comparison_file("published.csv"))
    for page, text in report.render(study, variants, costs, published).items():
        artifacts.write(Path("report") / page, text)


if __name__ == "__main__":
    run(main)
