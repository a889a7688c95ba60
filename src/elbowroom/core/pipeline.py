"""The stages of dvc.yaml, grouped by what they run for: a dataset, a variant, or the study."""

FOLDER_STAGES = ("listing",)  # STAGE@DATASET, of datasets of a folder
DATASET_STAGES = ("prepare", "baseline", "judge")  # STAGE@DATASET
VARIANT_STAGES = ("train", "evaluate", "figures", "explore")  # STAGE@VARIANT
STUDY_STAGES = ("compare", "report", "notebook")  # once, for the whole study
