"""How the documentation is built: `make docs`. Pages are plain Markdown that reads the same without it."""

project = "lolameme"
author = "the maintainers of lolameme"
extensions = ["myst_parser"]
# README is the first page, and its links lead from the project's root: so that is where sources are looked for
root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "docs/*.md", "benchmarks/*.md", "benchmarks/*/*.md"]
exclude_patterns = [".*", "results", "reports", "workflow", "tests", "docs/_build"]
myst_heading_anchors = 3  # a link to a heading that does not exist is an error
suppress_warnings = ["myst.header", "toc.not_included"]  # pages of benchmarks are reached by links
html_theme = "furo"
html_title = "lolameme"

_PAGES = """

```{toctree}
:hidden:
docs/tutorial
docs/extend
docs/configuration
docs/data
docs/cluster
docs/methods
docs/findings
docs/limitations
CHANGELOG
```
"""


def setup(app):
    """Give README, which is read elsewhere as well, the list of pages for the side bar."""

    def add_pages(app, name, source):
        if name == root_doc:
            source[0] += _PAGES

    app.connect("source-read", add_pages)
