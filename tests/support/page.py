"""The report's page of the committed quickstart, with an explorer of other pictures and models."""

from contextlib import chdir

import pandas as pd

from elbowroom.core.settings import Study
from elbowroom.figures.explorer_sheet import Explored
from elbowroom.figures.live_model import LiveModel
from elbowroom.report import page_data
from elbowroom.report.captions import ON_PAGE
from elbowroom.report.pages import ReportInputs
from elbowroom.report.provenance import StageTime
from elbowroom.results import tables
from elbowroom.results.dataset_tables import judge, load_image_counts
from tests.support import ROOT

QUICKSTART = ROOT / "studies/quickstart"


def report_inputs(study: Study, explored: dict[str, Explored], live: dict[str, LiveModel]) -> ReportInputs:
    """What the page sets out. study: the quickstart's, but for its title. explored, live: of its variants."""
    with chdir(QUICKSTART):
        shown = [f"{dataset}-{kind}" for dataset in study.datasets for kind in ON_PAGE]
        return ReportInputs(
            comparison=tables.comparison(study),
            image_counts={name: load_image_counts(name) for name in study.datasets},
            judges=pd.concat([judge(study, name) for name in study.datasets]),
            dimensions=pd.concat([tables.dimension(name) for name in study.datasets]),
            costs={name: tables.costs(study, name) for name in study.variants},
            explored=explored,
            live=live,
            pictures={name: page_data.inline_picture(name) for name in shown},
            outdated=[],
            commit="0123456789ab",
            versions=["Python 3"],
            stage_times=[StageTime("train", runs=8, total=80.0, longest=20.0)],
            docs=[],
            studies=[],
        )
