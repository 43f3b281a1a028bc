"""What can be wrong with a store of labels; every message says what became of the file."""


class StoreError(RuntimeError):
    """A store of labels can't be used; what was committed to it before is kept."""


class StoreCorruptError(StoreError):
    """A file is no store of labels, or is one that is damaged; it is left as it is.

    Usual remedy: `skgal.active.LabelStore.salvage` rescues what can be read.
    """


class StoreFullError(StoreError, OSError):
    """A store of labels could not be written: the disk is full, over its quota, or failing."""


class StoreInUseError(StoreError):
    """Another learner is buying labels for a store; two would both pay for what waits."""


class StoreMismatchError(StoreError, ValueError):
    """A store of labels belongs to other samples, or to a session that began otherwise."""


class StoreReadOnlyError(StoreError, PermissionError):
    """A store of labels can't be written to, for want of a permission."""


class StoreVersionError(StoreError):
    """A store of labels was written by a newer version of skgal; it is left as it is."""
