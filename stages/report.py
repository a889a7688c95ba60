"""report: report/comparison/, metrics/, explorer/, models/explorer/, plots/ -> report/index.html, report/README.md"""

from pathlib import Path

import pandas as pd

from elbowroom.core import files, paths
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.figures import explorer_sheet, live_model
from elbowroom.report import captions, links, page_data, pages, provenance
from elbowroom.results import tables
from elbowroom.results.dataset_tables import judge, load_image_counts
from elbowroom.scheduler import dvc_lock


def main() -> None:
    study = load_study()
    datasets = dict.fromkeys(variant.dataset for variant in study.variants.values())
    shown = [f"{dataset}-{kind}" for dataset in datasets for kind in captions.ON_PAGE]
    shown_seeds = {name: study.recipes[variant.recipe].seeds[0] for name, variant in study.variants.items()}
    explored = {
        name: explorer_sheet.load(name, study.variant(name), seed)
        for name, seed in shown_seeds.items()
        if paths.explorer_file(name).is_file()
    }
    live = {
        name: live_model.load(name, study.variant(name), seed)
        for name, seed in shown_seeds.items()
        if name in explored and paths.live_file(name).is_file()  # in a clone without DVC's cache it is not
    }
    inputs = pages.ReportInputs(
        comparison=tables.comparison(study),
        image_counts={name: load_image_counts(name) for name in study.datasets},
        judges=pd.concat([judge(study, name) for name in study.datasets]),
        dimensions=pd.concat([tables.dimension(name) for name in study.datasets]),
        costs={name: tables.costs(study, name) for name in study.variants},
        explored=explored,
        live=live,
        pictures={name: page_data.inline_picture(name) for name in shown},
        outdated=dvc_lock.of_other_code(study),
        commit=provenance.commit(),
        versions=provenance.versions(),
        stage_times=provenance.stage_times(),
        docs=links.docs(),
        studies=links.studies(),
    )
    for file, text in pages.render(study, inputs).items():
        files.write(Path("report") / file, text)


if __name__ == "__main__":
    run(main)
