"""The order of the gallery: from one expensive simulator to parts of one's own."""

from pathlib import Path

STORY = [
    "simulator",
    "box_or_generator",
    "failing_simulator",
    "ask_and_tell",
    "compare_strategies",
    "asal",
    "rare_class",
    "calibration",
    "selective_augmentation",
    "training",
    "table",
    "own",
]


class StoryOrder:
    """Sort key of sphinx-gallery; an example that isn't in the story is an error."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        """Return the place of an example."""
        return STORY.index(Path(filename).stem.removeprefix("plot_"))

    def __repr__(self):
        return f"<{type(self).__name__}: {', '.join(STORY)}>"
