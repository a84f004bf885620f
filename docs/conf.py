"""How Sphinx builds the site of the documentation: `make docs`."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import make_errors  # noqa: E402

from genolift.cli.app import genolift as commands  # noqa: E402
from genolift.version import __version__  # noqa: E402

for name in commands.list_commands(None):
    commands.get_command(None, name).name = name  # Every module calls its own `command`.

project = "genolift"
author = "the authors of genolift"
copyright = author
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_design",
]
exclude_patterns = ["_build", "README.md"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]
smartquotes = False  # Options of commands begin with two hyphens.

# Pages are Markdown that GitHub shows as well. Anchors of headings are checked like links between pages.
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4

# A notebook is run once for each state of its code, and shown with its pictures. What it writes to standard error is a
# warning of the build, which is an error.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "warn"
nb_merge_streams = True
# Notebooks are quick here: two of them train the paper's network, and their variables make that smaller. TensorFlow says
# nothing while it starts.
os.environ.setdefault("GENOLIFT_SEQUENCES", "4000")
os.environ.setdefault("GENOLIFT_EPOCHS", "8")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"  # The docstrings say what each parameter is.
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "genolift"
html_extra_path = [str(ROOT / "genolift" / "llms.txt")]
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}


def gather_notebooks() -> None:
    """Copy the notebooks of the repository beside the pages, those that changed alone."""
    target = HERE / "notebooks"
    target.mkdir(exist_ok=True)
    sources = {path.name: path for path in (ROOT / "notebooks").glob("*.ipynb")}
    for old in target.glob("*.ipynb"):
        if old.name not in sources:
            old.unlink()
    for name, path in sources.items():
        copy = target / name
        if not copy.exists() or not filecmp.cmp(path, copy, shallow=False):
            shutil.copyfile(path, copy)


def as_code(app, context, lines: list[str]) -> None:
    """Show what the help of a command has in single backticks as code."""
    lines[:] = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line) for line in lines]


def as_examples(app, context, lines: list[str]) -> None:
    """Show the examples behind the help of a command as they are typed."""
    examples = [line.removeprefix("  ") for line in (context.command.epilog or "").replace("\b", "").splitlines()[1:]]
    examples = [line for line in examples if line.strip() and line.strip() != "Examples:"]
    lines[:] = ["Examples::", "", *(f"    {line}" for line in examples), ""] if examples else []


def setup(app) -> None:
    """Have the texts of commands changed as they are read."""
    for part in ("description", "options", "arguments"):
        app.connect(f"sphinx-click-process-{part}", as_code)
    app.connect("sphinx-click-process-epilog", as_examples)


gather_notebooks()
make_errors.main()
