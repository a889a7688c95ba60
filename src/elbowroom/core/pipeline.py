"""The stages of dvc.yaml, by what each of them runs for."""

DATASET_STAGES = ("prepare", "baseline", "judge")  # STAGE@DATASET
VARIANT_STAGES = ("train", "evaluate", "figures", "explore")  # STAGE@VARIANT
STUDY_STAGES = ("compare", "report", "notebook")  # once, for the whole study
