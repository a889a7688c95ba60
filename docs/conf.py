"""The site that `make docs` builds. Its source is the whole repository, so links work on GitHub and in the site."""

import ast
import re
from pathlib import Path

from docutils import nodes
from numpy.typing import ArrayLike
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

ROOT = Path(__file__).parents[1]
HOME = "README"

NAVIGATION = """
```{toctree}
:hidden:
:caption: Start

Home <self>
docs/start
Your own pictures <docs/your-own-images>
Read the report <docs/reading-the-report>
```

```{toctree}
:hidden:
:caption: Use it

Use DVC <docs/using-dvc>
Use a trained model <docs/models>
docs/api
Let the study search <docs/suggest>
A study anywhere <docs/study-anywhere>
On a cluster <docs/cluster>
Your machine <docs/machine>
Settings of datasets <docs/datasets>
Convert a loss <docs/loss-scales>
```

```{toctree}
:hidden:
:caption: Results
:glob:

docs/findings
The root study <report/README>
studies/*/report/README
```

```{toctree}
:hidden:
:caption: Trust and speed

What survives a kill <docs/reliability>
docs/null-comparisons
What DVC costs <docs/performance>
docs/scaling
Does bfloat16 cost anything? <docs/precision>
benchmarks/RESULTS
```

```{toctree}
:hidden:
:caption: Develop

CONTRIBUTING
docs/adr/README
CHANGELOG
```
"""
DECISIONS = """
```{toctree}
:glob:

[0-9]*
```
"""

project = "elbowroom"
author = "The elbowroom developers"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/RESULTS.md",
    "docs/**.md",
    "report/README.md",
    "studies/*/report/README.md",
]
exclude_patterns = [".*", "data", "models", "animations", "pages", "sheets", "site", "studies/*/pages", "studies/*/src"]
root_doc = HOME
myst_heading_anchors = 4
default_role = "code"  # docstrings are Markdown
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
smartquotes = False

html_theme = "furo"
html_title = "elbowroom"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # a page opened from disk may not read others
html_show_sphinx = False
html_show_copyright = False


def add_to_source(app: Sphinx, name: str, source: list[str]) -> None:
    """Add the navigation, the API and what only the site needs to pages that GitHub shows without."""
    text = re.sub(r"^<!-- api: (.*?) -->$", r"```{eval-rst}\n.. auto\1\n```", source[0], flags=re.MULTILINE | re.DOTALL)
    text = text.replace("<!-- packages -->", packages())
    if name == HOME:
        text += NAVIGATION
    elif name == "docs/adr/README":
        text += DECISIONS
    elif name.endswith("report/README"):  # tables: many times as many words as all other pages
        text = f"---\nnosearch: true\n---\n{text}"
    source[0] = text


def packages() -> str:
    lines = ["| package | what it is for |", "|---|---|"]
    for path in sorted(ROOT.glob("src/elbowroom/*/__init__.py")):
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        lines.append(f"| `{path.parent.name}` | {first} |")
    return "\n".join(lines)


def name_arrays(
    app: Sphinx, kind: str, name: str, documented: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write ArrayLike where Sphinx writes all that NumPy means by it."""
    return (signature or "").replace(stringify_annotation(ArrayLike, "smart"), "ArrayLike") or None, returned


def keep_text(app: Sphinx, document: nodes.document) -> None:
    """Keep the text of a link to a folder, which is no page, and of a report's link to a file that git lacks."""
    name = app.env.docname
    for link in list(document.findall(addnodes.pending_xref)):
        target = (ROOT / name).parent / link["reftarget"]
        if link["reftype"] == "myst" and (target.is_dir() or (name.endswith("report/README") and not target.exists())):
            link.replace_self(link.children)


def mend_for_keyboards(app: Sphinx, name: str, template: str, context: dict[str, str], doctree: object) -> None:
    """Let code be scrolled by keys, and say of what level the navigation's headings are."""
    context["body"] = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def copy_home(app: Sphinx, error: Exception | None) -> None:
    if not error and app.builder.format == "html":
        home = Path(app.outdir, f"{HOME}.html").read_text(encoding="utf-8")
        Path(app.outdir, "index.html").write_text(home, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_to_source)
    app.connect("autodoc-process-signature", name_arrays)
    app.connect("doctree-read", keep_text)
    app.connect("html-page-context", mend_for_keyboards, priority=900)  # after furo
    app.connect("build-finished", copy_home)
