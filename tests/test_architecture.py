"""The rules of CONTRIBUTING.md that a machine can check."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import TransformerMixin

import skgal
from skgal.base import BaseStrategy
from skgal.utils import _sklearn

PACKAGE = Path(skgal.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
SUBPACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TORCH_FREE = {"base", "datasets", "design", "exceptions", "matching", "metrics", "utils"}
TORCH_SUBPACKAGES = {*SUBPACKAGES} - TORCH_FREE


def run_python(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=120, check=False
    )


def module_level_imports(tree):
    """Names of the modules that executing a file imports: not those inside its functions."""
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def private_imports(tree):
    """Private names of other packages that a file imports, anywhere in it, with their modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if not name.startswith(("skgal.", "__future__")) and re.search(r"(^|\.)_", name):
                yield name


def test_private_names_of_other_packages_are_imported_in_one_module_only():
    # Of scikit-learn; the others are two, each with the reason beside it.
    allowed = {
        "imblearn.utils._validation.ArraysTransformer": "resampling/_data.py",
        "torch.nn.modules.batchnorm._BatchNorm": "training/_loop.py",
    }
    for path in SOURCES:
        file = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = set(private_imports(tree)) - {name for name, of in allowed.items() if of == file}
        assert file == "utils/_sklearn.py" or not names, f"{file} imports {names}"
        if file == "utils/_sklearn.py":
            assert len(names) == len(_sklearn.__all__)


def test_every_private_name_of_scikit_learn_is_in_use():
    imported = {
        alias.name
        for path in SOURCES
        if path.parent.name != "utils" or path.name not in ("__init__.py", "_sklearn.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in ("skgal.utils", _sklearn.__name__)
        for alias in node.names
    }
    assert set(_sklearn.__all__) <= imported


@pytest.fixture(scope="module")
def import_graph():
    return grimp.build_graph("skgal", cache_dir=None)


def test_imports_between_subpackages_run_downward():
    # A process of its own: import-linter reconfigures logging.
    code = "import sys, importlinter.cli as cli; sys.exit(cli.lint_imports(no_cache=True))"
    lint = run_python("-c", code)
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_private_modules_are_imported_in_their_package_only(import_graph):
    trespassers = []
    for importer in import_graph.modules:
        for imported in import_graph.find_modules_directly_imported_by(importer):
            owner, private, _ = imported.partition("._")
            if private and not f"{importer}.".startswith(f"{owner}."):
                trespassers.append(f"{importer} imports {imported}")
    assert not trespassers


def test_no_subpackage_imports_the_package_itself(import_graph):
    # Its lazy names would lead past the layers.
    assert not import_graph.find_modules_that_directly_import("skgal")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_source_has_no_stray_torch_assert_or_print(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.relative_to(PACKAGE).parts[0] not in TORCH_SUBPACKAGES:
        imported = {name.partition(".")[0] for name in module_level_imports(tree)}
        assert not imported & {"torch", "torchvision", "skorch"}
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: raise an error instead"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno}: report through a callback"


@pytest.mark.parametrize(
    "subpackages", [set(), TORCH_FREE & set(SUBPACKAGES)], ids=["skgal", "subpackages"]
)
def test_torch_is_not_imported(subpackages):
    modules = ", ".join(["skgal", *(f"skgal.{subpackage}" for subpackage in sorted(subpackages))])
    imported = run_python("-c", f"import sys, {modules}; print('torch' in sys.modules)")
    assert imported.stdout.strip() == "False", imported.stderr


def test_import_takes_no_longer_than_scikit_learns():
    def best_import_time(module):
        cumulative = re.compile(rf"\|\s*(\d+) \| {module}$", re.MULTILINE)
        runs = [run_python("-X", "importtime", "-c", f"import {module}") for _ in range(3)]
        return min(int(cumulative.search(run.stderr)[1]) for run in runs)

    assert best_import_time("skgal") < 1.2 * best_import_time("sklearn")


@pytest.mark.parametrize("name", ["skgal", *(f"skgal.{subpackage}" for subpackage in SUBPACKAGES)])
def test_public_names_resolve(name):
    module = importlib.import_module(name)
    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) <= set(dir(module))
    for public in module.__all__:
        getattr(module, public)


def test_every_subpackage_has_its_row():
    rules = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = "".join(line.split("|")[1] for line in rules.splitlines() if line.startswith("| `"))
    assert sorted(re.findall(r"`(\w+)`", rows)) == SUBPACKAGES


@pytest.mark.parametrize("name", ["classifiers", "generators", "query", "resampling"])
def test_every_algorithm_is_at_hand_and_in_the_docs(name):
    page = (PACKAGE.parent / "docs" / "methods.md").read_text(encoding="utf-8")
    subpackage = importlib.import_module(f"skgal.{name}")
    kinds = TransformerMixin | BaseStrategy | BaseOverSampler
    for public in subpackage.__all__:
        thing = getattr(subpackage, public)
        if inspect.isclass(thing) and issubclass(thing, kinds) and not inspect.isabstract(thing):
            assert getattr(skgal, public) is thing
            assert f"`{public}`" in page
