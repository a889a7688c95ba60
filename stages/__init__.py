"""One thin script per stage of dvc.yaml. They run the library beside them, never an installed copy of it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
