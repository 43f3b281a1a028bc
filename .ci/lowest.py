"""Print the lowest versions that pyproject.toml declares, as constraints for pip."""

import sys
import tomllib
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
lines = [*project["dependencies"], *(line for extra in sorted(extras) for line in extras[extra])]
for requirement in map(Requirement, lines):
    if requirement.name == project["name"]:
        continue
    bounds = [bound.version for bound in requirement.specifier if bound.operator == ">="]
    if len(bounds) != 1:
        sys.exit(f"{requirement} needs one lower bound")
    print(f"{requirement.name}=={bounds[0]}")
