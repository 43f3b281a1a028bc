"""The JSON file of a benchmark that is called again for what is missing.

It holds the commands, what decides the results (options, and versions of libraries), a summary, and
the single runs, a line each.
"""

import json
import shlex
import sys
from numbers import Integral, Real

_DIGITS = 6


class ReportFile:
    """A report that is read before a benchmark goes on, and rewritten after each run.

    Parameters
    ----------
    path : pathlib.Path
    settings : dict
        The options that decide the results.
    modules : iterable of modules
        Whose versions decide them.
    """

    def __init__(self, path, settings, modules):
        self.path = path
        self.commands = [shlex.join(["python", *sys.argv])]
        self.made_with = {
            "settings": settings,
            "versions": {module.__name__: module.__version__ for module in modules},
        }

    def read_runs(self):
        """Return the runs of an earlier call, by name; exit if it had other options."""
        if not self.path.exists():
            return {}
        report = json.loads(self.path.read_text())
        if any(report[part] != now for part, now in self.made_with.items()):
            sys.exit(
                f"{self.path} holds results of other options or libraries; name another --output. "
                f"It has {[report[part] for part in self.made_with]}, this run "
                f"{list(self.made_with.values())}."
            )
        self.commands = list(dict.fromkeys(report["commands"] + self.commands))
        return report["runs"]

    def write(self, runs, **parts):
        """Write all runs so far, and further parts; a crash leaves the file of before."""
        head = json.dumps(
            {"commands": self.commands, **self.made_with, **_rounded(parts)}, indent=1
        )
        lines = [f"  {json.dumps(name)}: {json.dumps(_rounded(run))}" for name, run in runs.items()]
        text = head.removesuffix("\n}") + ',\n "runs": {\n' + ",\n".join(lines) + "\n }\n}\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(text)
        unfinished.replace(self.path)


def _rounded(value):
    """Round every number in nested dicts and lists to a few significant digits."""
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    if isinstance(value, Real) and not isinstance(value, Integral):  # NumPy's as well
        return float(f"{value:.{_DIGITS}g}")
    return value
