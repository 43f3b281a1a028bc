"""README on an index page: links to files beside it lead to the repository in `project.urls`."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")


def with_absolute_links(text, repository):
    """Make a page's links to files of a repository absolute, those of images to the bare files."""

    def absolute(match):
        image, label, path = match.groups()
        return f"{image}[{label}]({repository}/{'raw' if image else 'blob'}/HEAD/{path})"

    return LINK.sub(absolute, text)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    repository = project.get("urls", {}).get("Repository")
    setup(
        long_description=with_absolute_links(readme, repository) if repository else readme,
        long_description_content_type="text/markdown",
    )
