"""What holds for every test: one thread, no luck, the global random state left alone."""

import signal
from importlib.util import find_spec

import hypothesis
import numpy as np
import pytest
import torch

# derandomize: the same examples at every desk. deadline: tests share their cores.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.load_profile("ci")

# A shell ignores Ctrl-C for what it starts in the background; some tests send that signal.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests' networks are so small that a second thread costs more than it brings.
torch.set_num_threads(1)


def pytest_runtest_setup(item):
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    if item.get_closest_marker("ann") and find_spec("voyager") is None:
        pytest.skip("needs voyager, the extra ann")


@pytest.fixture(autouse=True)
def global_rng_untouched(request):
    """Fail a test that reads or writes numpy's or torch's global random state."""
    before = _global_rng_state()
    yield
    if request.node.get_closest_marker("touches_global_rng"):
        return
    after = _global_rng_state()
    changed = [library for library in after if after[library] != before[library]]
    assert not changed, f"the global random state of {' and '.join(changed)} was changed"


def _global_rng_state():
    """Comparable states; drawing from a generator changes its state, so reading shows as well."""
    # The legacy state is the global one, so this is the one place to read it.
    _, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002, it is watched
    return {
        "numpy": (keys.tobytes(), position, has_gauss, gauss),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
