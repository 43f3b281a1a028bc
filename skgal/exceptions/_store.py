"""What can be wrong with a store of labels; every message says what became of the file."""


class StoreError(RuntimeError):
    """A store of labels can't be used; what was committed to it before is kept."""


class StoreCorruptError(StoreError):
    """A file is no store of labels, or is one that is damaged; it is left as it is.

    Usual remedy: `skgal.active.LabelStore.salvage` rescues what can be read.
    """


class StoreFullError(StoreError, OSError):
    """A store of labels could not be written: the disk is full, over its quota, or failing."""


class LabelError(ValueError):
    """Answers can't be used as labels; those beside them are recorded all the same.

    Parameters
    ----------
    refused : dict from int to str
        From the id of a sample to the reason; they are pending as before.
    conflicts : list of tuple (id, label, late_label)
        Samples that have another label already, which holds.
    """

    def __init__(self, refused, conflicts):
        self.refused, self.conflicts = refused, conflicts
        super().__init__(refused, conflicts)

    def __str__(self):
        messages = []
        if self.refused:
            reasons = [*dict.fromkeys(self.refused.values())][:5]
            messages.append(
                f"There is no usable answer for samples {[*self.refused][:5]} of the store "
                f"({len(self.refused)} in all): {'; '.join(reasons)} They stay as they were; the "
                "answers are kept in the store's events()."
            )
        if self.conflicts:
            sample, label, late = self.conflicts[0]
            messages.append(
                f"{len(self.conflicts)} of the samples have another label already: sample "
                f"{sample} is {label!r}, and the answer {late!r} came too late. The first answer "
                "holds, the late one is kept in the store's events(). To replace a label, reopen "
                "its sample first."
            )
        return " ".join(messages)


class StoreInUseError(StoreError):
    """Another learner is labelling for a store; two would pay twice for the same samples."""


class StoreMismatchError(StoreError, ValueError):
    """A store of labels belongs to other samples, or to a session that began otherwise."""


class StoreMissingError(StoreError):
    """A store of labels was deleted, moved or replaced while in use.

    Usual remedy: `skgal.active.LabelStore.backup` writes what it holds to a new file.
    """


class StoreReadOnlyError(StoreError, PermissionError):
    """A store of labels can't be written to, for want of a permission."""


class StoreVersionError(StoreError):
    """A store of labels was written by another version of skgal; it is left as it is."""
