"""Build the notebook from its sources, and run it from top to bottom in a kernel of its own.

The same results give the same bytes: cell ids follow from the headings; times, paths and Python's version are dropped.
"""

import asyncio
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from elbowroom.core.errors import StudyError
from elbowroom.core.sockets import socket_parent

SOURCES = (
    Path(__file__).with_name("model_cells.py"),
    Path(__file__).with_name("result_cells.py"),
    Path(__file__).with_name("study.py"),
)
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?$", re.MULTILINE)
START_SECONDS = 600  # that a kernel may take to start on a busy machine


def study_notebook() -> NotebookNode:
    """Return the notebook of a study, before it is run."""
    return build(*(source.read_text(encoding="utf-8") for source in SOURCES))


def build(*sources: str) -> NotebookNode:
    """Make a notebook of the cells of all sources, without running it.

    sources: Python with `# %%` before each cell of code, and `# %% [markdown]` before each cell of text, which is in
    comments. What comes before the first cell is left out.
    """
    parts = [part for source in sources for part in CELL.split(source)[1:]]
    cells, section, number = [], "", 0
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        text = body.strip()
        if kind:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
            if heading := re.match(r"#+ (.+)", text):
                section, number = re.sub(r"[^a-z0-9]+", "-", heading[1].lower()).strip("-")[:50], 0
        number += 1
        cells.append((new_markdown_cell if kind else new_code_cell)(text, id=f"{section}-{number}"))
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def execute(notebook: NotebookNode, page: Path) -> NotebookNode:
    """Run a notebook with this Python, in the folder of the page that it becomes; return it with its outputs.

    Warnings of cells go to standard error. If a cell raises StudyError, so does this, with the cell's id; of any other
    exception a RuntimeError is made, with the cell's id and its traceback.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="kernel-", dir=socket_parent()) as private,
        ThreadPoolExecutor(1) as thread,
    ):
        # Connect by files in a private folder, not by ports, which two kernels might both take.
        manager = AsyncKernelManager(
            kernel_name=KERNEL["name"],
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # ignore other Pythons that the user has registered
            connection_file=f"{private}/kernel.json",
            transport="ipc",
            ip=f"{private}/ipc",
        )
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=None,
            startup_timeout=START_SECONDS,
            record_timing=False,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(page.parent)}},
        )
        environment = os.environ | {"IPYTHONDIR": private, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        # In a thread, where nbclient cannot take over the signals that core.stage.run handles.
        running = thread.submit(client.execute, env=environment, cleanup_kc=True)
        try:
            running.result()
        except CellExecutionError as error:
            where = f"{page}: cell {_last_run(notebook)}"
            if error.ename == "StudyError":
                raise StudyError(f"{where}: {error.evalue}") from None
            if error.ename in ("MemoryError", "OutOfMemoryError"):
                raise MemoryError(error.evalue) from None
            raise RuntimeError(f"{where}: {error.ename}: {error.evalue}") from error
        except DeadKernelError:
            raise StudyError(f"{page}: cell {_last_run(notebook)}: its process died, expected enough memory") from None
        except BaseException:
            while not running.done():  # soon, once its kernel is gone
                if manager.provisioner:
                    asyncio.run(manager.provisioner.kill())
                wait([running], timeout=0.2)
            raise
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _settled(cell.outputs)
    return notebook


def _settled(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Drop warnings (print them to standard error), and join what was printed in pieces."""
    settled: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr":
            print(output.text, end="", file=sys.stderr)
        elif output.get("name") == "stdout" and settled and settled[-1].get("name") == "stdout":
            settled[-1].text += output.text
        else:
            settled.append(output)
    return settled


def _last_run(notebook: NotebookNode) -> str:
    """The id of the cell that ran last, or of the first cell."""
    run = [cell.id for cell in notebook.cells if cell.get("execution_count")]
    return run[-1] if run else notebook.cells[0].id


def notebook_text(notebook: NotebookNode) -> str:
    """Check a notebook and return it as the text of a file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"
