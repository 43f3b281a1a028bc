"""Parallel work whose results are taken as they come."""

from joblib import Parallel
from joblib.parallel import get_active_backend


def parallel_as_completed(n_jobs, *, prefer=None):
    """Make joblib return results in the order in which they are there.

    Tasks are sent one by one, and none before a worker is free for it, so that after an
    interrupt as little as possible was begun in vain.

    Parameters
    ----------
    n_jobs : int or None
    prefer : {"processes", "threads"}, default=None
        What to use where ``joblib.parallel_config`` doesn't say.

    Returns
    -------
    joblib.Parallel
        Backends that can't do this (multiprocessing, Ray) return all results at the end.
    """
    backend, _ = get_active_backend(prefer=prefer)
    return Parallel(
        n_jobs=n_jobs,
        prefer=prefer,
        batch_size=1,
        pre_dispatch="n_jobs",
        return_as="generator_unordered" if backend.supports_return_generator else "list",
    )
