"""Running named checks, and saying which promise is broken."""


def run_checks(checks, name, expected_failures=None):
    """Run checks one after the other.

    Parameters
    ----------
    checks : list of (str, partial)
        Names and checks; the first line of a check's docstring is the promise.
    name : str
        Of what is checked.
    expected_failures : dict from str to str, default=None
        Names of checks that must fail, each with the reason why that is all right.

    Raises
    ------
    AssertionError
        If a promise is broken, or one is kept that was expected to be broken.
    """
    expected_failures = expected_failures or {}
    unknown = sorted(set(expected_failures) - {check_name for check_name, _ in checks})
    if unknown:
        raise ValueError(
            f"expected_failures names {unknown}, which are no checks; there are "
            f"{[check_name for check_name, _ in checks]}."
        )
    for check_name, check in checks:
        if check_name in expected_failures:
            _must_fail(check, check_name, name, expected_failures[check_name])
            continue
        try:
            check()
        except Exception as error:  # whatever a broken promise comes to, it is named
            promise = check.func.__doc__.splitlines()[0]
            error.add_note(f"It breaks {check_name}: {promise}")
            raise


def _must_fail(check, check_name, name, reason):
    try:
        check()
    except Exception:  # whatever a broken promise comes to
        return
    raise AssertionError(
        f"{name} was expected to fail {check_name} ({reason}), and keeps the promise; take it off "
        "expected_failures."
    )
