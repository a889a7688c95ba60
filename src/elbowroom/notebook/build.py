"""The notebook: its source -> cells, and the cells run, top to bottom, in a kernel of their own.

The same results give the same bytes: cell ids follow from headings, and no time, path or Python version is kept.
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

SOURCE = Path(__file__).with_name("study.py")
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?$", re.MULTILINE)
START_SECONDS = 600  # that a kernel may take on a busy machine


def build(source: str) -> NotebookNode:
    """The notebook, not yet run. source: Python, with `# %%` before each cell of code and `# %% [markdown]` before each
    of text, which is in comments. What stands before the first is for readers of the source.
    """
    _, *parts = CELL.split(source)
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
    """The notebook with its outputs, run by this Python where it will lie. What cells warn of goes to standard error.

    Raises StudyError where a cell does, and names it; RuntimeError, with the cell and its traceback, of any other
    exception there.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kernel-") as private, ThreadPoolExecutor(1) as thread:
        # Sockets that are files, in a folder of one's own: no ports, so that no two kernels want the same.
        manager = AsyncKernelManager(
            kernel_name=KERNEL["name"],
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # no other Python that a user has registered
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
        # In a thread, since nbclient takes over signals where it can; cli.run is to have them.
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
            while not running.done():  # which it soon is without a kernel
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
    """Without warnings, and with what was printed in one piece, however many it came in."""
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
    """The cell that was run last, or the first."""
    run = [cell.id for cell in notebook.cells if cell.get("execution_count")]
    return run[-1] if run else notebook.cells[0].id


def written(notebook: NotebookNode) -> str:
    """As a file's text."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"
