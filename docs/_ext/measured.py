"""Tables and numbers of the pages on what was measured, drawn from `benchmarks/results/*.json`.

A page names a table, ``{measured-table} asal``, or a figure, ``{measured-figure} truss``. Behind a
single number a comment says by file, keys and format where it comes from,
``190<!-- measured: asal > summary > ASAL > labels | d -->``: the build draws it anew, and
``python docs/_ext/measured.py`` writes it into the pages, which are read on code hosts as well.
Nothing that was measured is typed by hand; the papers' own numbers stand in ``PAPER`` or in the
JSON.
"""

import json
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
# AISEL, section 5.1.3: accuracy on Fashion-MNIST, 400 labelled and 400 more images, in per cent.
PAPER = {
    "native": "72.8",
    "+ 400 random": "76.4",
    "+ 400 uncertainty": "78.2",
    "+ 400 AISEL": "81.9",
}


def load(name):
    """Return what a results file holds."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def percent(cell, digits=1):
    """Write a mean, and its spread where there is one, in per cent."""
    text = f"{100 * cell['mean']:.{digits}f}"
    spread = cell.get("sd", cell.get("se"))
    return text if spread is None else f"{text} ± {100 * spread:.{digits}f}"


TABLES = ("feeder", "reactor", "shield", "truss")
IMAGES = ("conduction", "stenosis")
SIMULATOR_ARMS = {
    "random": "random designs of a GIN",
    "sobol": "Sobol sequence in a box",
    "skactiveml": "scikit-activeml, 4,000 Sobol points",
    "botorch": "BoTorch, straddle on the same",
    "aisel": "AISEL, GIN",
    "uncertainty": "latent uncertainty, GIN",
    "aisel box": "AISEL, box",
    "uncertainty box": "latent uncertainty, box",
    "real": "as many real designs",
    "real uncertain": "the least certain of a real pool",
}


def simulators_table():
    """Accuracy at the end of the budget, and runs to reach that of random designs."""
    return _simulators(
        "class, rounds of 20",
        "accuracy, % (runs)",
        lambda cell: f"{100 * cell['final']:.1f} ({_runs(cell)})",
        lambda cell: f"{100 * cell['native']:.1f}",
    )


def simulator_rounds_table():
    """Lead over random designs of the same number, by rounds of what size."""
    rows = []
    for size in (10, 20, 70):
        title = "points of accuracy over random designs"
        header, [_, *of_size] = _simulators(f"class, rounds of {size}", title, _lead, _lead)
        arms = ("AISEL", "latent uncertainty", "as many")
        rows += [[f"rounds of {size}: {r[0]}", *r[1:]] for r in of_size if r[0].startswith(arms)]
    return header, rows


def simulator_values_table():
    """Error of a regressor in standard deviations, by rounds of what size."""
    rows = []
    for size in (10, 20, 70):
        header, [native, *of_size] = _simulators(
            f"value, rounds of {size}",
            "error, standard deviations",
            lambda cell: f"{cell['final']:.3f} ± {cell['final_se']:.3f}",
            lambda cell: f"{cell['native']:.3f}",
        )
        rows += [[f"rounds of {size}: {name}", *cells] for name, *cells in of_size]
    return header, [native, *rows]


def simulator_images_table():
    """Accuracy on images of a material and of a vessel, and the lead over random ones."""
    rows = []
    for task, model in {"class": "support vector machine", "net": "convolutional network"}.items():
        for size in (10, 20, 40, 70):
            if f"{IMAGES[0]}, {task}, rounds of {size}" not in load("simulators")["summary"]:
                continue
            header, of_size = _simulators(
                f"{task}, rounds of {size}",
                "accuracy, % (lead)",
                lambda cell: f"{100 * cell['final']:.1f} ({_lead(cell)})",
                lambda cell: f"{100 * cell['native']:.1f}",
                IMAGES,
            )
            rows += [[f"{model}, rounds of {size}: {name}", *cells] for name, *cells in of_size]
    return header, rows


def _simulators(case, title, write, write_native, simulators=TABLES):
    """Tabulate the simulators' arms of one task and size of rounds."""
    summary = load("simulators")["summary"]
    tables = {name: summary[f"{name}, {case}"] for name in simulators}
    rows = [["given designs only", *(write_native(t["random"]) for t in tables.values())]]
    for arm, label in SIMULATOR_ARMS.items():
        cells = [table.get(arm) for table in tables.values()]
        if any(cells):
            rows.append([label, *(write(cell) if cell else "" for cell in cells)])
    return [title, *tables], rows


def _lead(cell):
    """Write a lead over random designs in points, with its standard error."""
    return f"{100 * cell['lead']:+.1f} ± {100 * cell['lead_se']:.1f}"


def _runs(cell):
    """Return how many runs it takes to reach the last accuracy of random designs."""
    calls = cell["calls_to_random"]
    return "not reached" if calls is None else f"{calls:.0f}"


def aisel_table():
    """Virtual images labelled by a network, against real ones and the paper."""
    accuracy = load("aisel_pooling")["summary"]["accuracy"]
    rows = []
    for arm in ("native", "+ 400 random", "+ 400 uncertainty", "+ 400 AISEL", "+ 400 real"):
        cells = [accuracy.get(f"{arm}, {kind} labels") for kind in ("hard", "soft")]
        if arm in accuracy:
            cells = [accuracy[arm], None]
        rows.append([arm, *("" if c is None else percent(c) for c in cells), PAPER.get(arm, "")])
    return ["accuracy, %", "hard labels", "soft labels", "the paper"], rows


def asal_table():
    """Labels that each strategy needs, and how unsure what it chose was."""
    results = load("asal")
    paper = results["paper"]["labels to 98.5 %"]
    rows = []
    for arm, label in {
        "random": "random",
        "ASAL, entropy": "ASAL",
        "uncertainty": "scan of the whole pool",
    }.items():
        summary = results["summary"][arm]
        rows.append(
            [
                label,
                str(summary["labels to a mean of 0.985"]),
                ", ".join(map(str, summary["labels to 0.985, by seed"])),
                str(paper.get(label, "")),
            ]
        )
    return ["", "labels to a mean of 98.5 %", "draw by draw", "the paper"], rows


ASAL_ARMS = {
    "scan": "scan of the pool, entropy",
    "scan of 1000": "scan of 1,000 rows, entropy",
    "distance scan": "scan of the pool, distance",
    "distance scan of 1000": "scan of 1,000 rows, distance",
    "{}": "ASAL, the defaults",
    '{"features": "critic"}': "ASAL, features of the critic",
    '{"features": "autoencoder"}': "ASAL, features of an autoencoder",
    '{"features": "classifier"}': "ASAL, features of the classifier",
    "core-set": "core-set",
    "GAAL": "GAAL",
    "ADBA": "ADBA",
}


def asal_pairs_table():
    """Accuracy after the last label, minus random's, over the pairs of classes."""
    rows = []
    for setting, arms in load("asal_pairs")["summary"].items():
        for arm, report in arms.items() if "pairs" in setting else ():
            if arm == "random":
                continue
            label = ASAL_ARMS.get(arm, "ASAL, Algorithm 1")
            pairs = report["minus random, by pair"].values()
            mean, error = report["after the last label, minus random"]
            below = sum(gain < -2 * error for gain, error in pairs if error)
            share = report["share of the scan's gain"]
            rows.append(
                [
                    f"{setting.replace('_mnist', '').replace(', pairs', '')}: {label}",
                    f"{mean:+.2f}" if error is None else f"{mean:+.2f} ± {error:.2f}",
                    f"{min(pairs)[0]:+.2f}",
                    f"{below} of {len(pairs)}",
                    f"{share:.0%}",
                    f"{report['entropy of the chosen']:.2f}",
                    str(len(pairs)),
                ]
            )
    header = [
        "",
        "points against random",
        "lowest pair",
        "pairs below random",
        "of the scan's gain",
    ]
    return [*header, "entropy of the chosen", "pairs"], rows


def asal_classes_table():
    """Accuracy on ten classes after the last label, minus random's."""
    settings = {
        name.replace(", ten classes", ""): arms
        for name, arms in load("asal_pairs")["summary"].items()
        if "ten classes" in name
    }
    rows = []
    for arm, label in ASAL_ARMS.items():
        leads = [
            arms[arm]["minus random, by pair"]["all"] for arms in settings.values() if arm in arms
        ]
        if leads:
            rows.append([label, *(f"{gain:+.1f} ± {error:.1f}" for gain, error in leads)])
    return ["points against random", *settings], rows


def uncertainty_table():
    """Accuracy after the last label, minus random's, by measure and model."""
    summary = load("uncertainty")["summary"]["by model"]
    models = [name.removesuffix(" | last") for name in summary["mean"] if name.endswith(" | last")]
    mean, error = ([summary[part][f"{m} | last"] for m in models] for part in ("mean", "error"))
    rows = [
        [measure.replace("_", " ")]
        + [f"{m[measure]:+.1f} ± {e[measure]:.1f}" for m, e in zip(mean, error, strict=True)]
        for measure in mean[0]
    ]
    return ["points against random", *models], rows


def alcg_table():
    """What certain labels and adversarial sampling change of a conditional generator."""
    scores = {"neg_frechet_distance": "Fréchet distance", "inception_score": "inception score",
              "gan_test": "GAN-test, %"}  # fmt: skip
    rows = []
    for name, report in load("alcg")["summary"].items():
        setting, arm = name.split(" | ")
        dataset, variant, n_labels, *_ = setting.split(", ")
        variant = "" if variant == "default" else f", AC-{variant}"
        start = n_labels.partition(" ")[0]
        row = [f"{dataset}{variant}, from {start}: {arm}", str(report["n_seeds"])]
        for score in scores:
            scale = {"neg_frechet_distance": -1, "gan_test": 100}.get(score, 1)
            if arm == "random, 4":
                row.append(f"{scale * report[score][-1]:.2f}")
                continue
            mean, error, _ = report[f"{score}, minus random, 4"]
            row.append(f"{scale * mean:+.2f} ± {abs(scale) * (error or 0):.2f}")
        rows.append(row)
    return ["labels chosen, candidates a sample", "seeds", *scores.values()], rows


def query_table():
    """Cost of one query at growing pools."""
    results = load("query")
    rows = [
        ["ASAL, nearest-neighbour graph: 10^6 rows against 10^5",
         f"{results['growth']['1000000']['hnsw']['ratio']:.2f}"],
        ["ASAL, brute force: 10^6 rows against 10^5",
         f"{results['growth']['1000000']['auto']['ratio']:.2f}"],
        ["scan with a LeNet against ASAL, 10^5 images",
         f"{results['asal']['100000']['auto']['processor seconds, ours / ASAL']:.0f}"],
        ["scan with a LeNet against ASAL, 10^6 images",
         f"{results['asal']['1000000']['auto']['processor seconds, ours / ASAL']:.0f}"],
        ["scikit-activeml's core set against ours, 500 of 60,000",
         f"{results['coreset']['60000']['skactiveml']['processor seconds / ours']:.1f}"],
    ]  # fmt: skip
    return ["processor seconds of one query, ratio", "times"], rows


METHODS = {
    "none": "none",
    "class weights": "class weights",
    "RandomOverSampler": "random over-sampling",
    "SMOTE": "SMOTE",
    "PolarityGANSampler": "PolarityGANSampler",
    "PolarityGANSampler + gate": "the same, gated",
    "GANOverSampler": "GANOverSampler",
    "GANOverSampler + gate": "the same, gated",
    "SelectiveAugmentation": "SelectiveAugmentation",
    "SelectiveAugmentation + gate": "the same, gated",
    "none in features": "new last layer in features",
    "RandomOverSampler in features": "random over-sampling in features",
}


def _imbalance(names, files):
    """Macro-F1 of each method on some data sets."""
    summaries = {}
    for file in files:
        for name, methods in load(file)["summary"]["datasets"].items():
            summaries.setdefault(name, {}).update(methods)
    rows = []
    for method, label in METHODS.items():
        cells = [summaries[name].get(method) for name in names]
        rows.append([label, *("" if c is None else percent(c["macro_f1"]) for c in cells)])
    return rows


def tables_table():
    """Rare classes in tables."""
    names = ["ecoli", "glass", "haberman", "german", "digits", "adult"]
    ranks = load("imbalance")["summary"]["mean_rank"]["macro_f1"]["all"]
    rows = _imbalance(names, ["imbalance", "imbalance_features"])
    for row, method in zip(rows, METHODS, strict=True):
        row.append(f"{ranks[method]:.1f}" if method in ranks else "")
    return ["macro-F1, %", *names, "mean rank"], rows


def images_table():
    """Rare classes in images, a tenth of the profile and all of it."""
    names = ["fashion_mnist_tenth", "mnist_tenth", "fashion_mnist", "mnist"]
    titles = ["Fashion-MNIST, 5", "MNIST, 5", "Fashion-MNIST, 50", "MNIST, 50"]
    return ["macro-F1, %", *titles], _imbalance(names, ["imbalance_images", "imbalance_full"])


def selective_table():
    """What the filters of selective augmentation are worth."""
    many, few = load("imbalance_selective"), load("imbalance_selective_few")["summary"]
    sizes = [many["summary"]["6000 images"], few["2000 images"], few["500 images"]]
    rows = []
    for arm, label in {
        "none": "nothing added",
        "traditional": "flipped and shifted images",
        "blind, r=0.5": "whatever is generated, half as many",
        "single, r=0.5": "one filter, half as many",
        "both, r=0.5": "both filters, half as many",
        "both, r=0.8": "both filters, 0.8 as many",
        "both, r=1": "both filters, as many",
    }.items():
        cells = [percent(arms[arm]["accuracy"]) if arm in arms else "" for arms in sizes]
        paper = many["paper"]["histopathology"].get(arm)
        rows.append([label, *cells, "" if paper is None else f"{100 * paper:.1f}"])
    return ["accuracy, %", "6,000 images", "2,000", "500", "the paper, histopathology"], rows


def tabular_table():
    """A synthetic table in place of the real one."""
    summary = load("tabular")["summary"]
    ran = {arm for arms in summary.values() for arm in arms}
    columns = ["CGAN", "GAN", "GIN", "CTGAN", "TVAE", "copula", "real rows"]
    columns = [arm for arm in columns if arm in ran]
    rows = []
    for table, arms in summary.items():
        score = "r2" if "GIN" in arms else "roc_auc"
        for model in ("boosting", "linear"):
            row = [f"{table}, {model}: {'R²' if score == 'r2' else 'area under the ROC curve'}"]
            for arm in columns:
                row.append(_over_seeds(arms[arm][f"{model}, {score}"]) if arm in arms else "")
            rows.append(row)
    for measure, label in {
        "marginal, mean": "distance of marginals, mean of the tables",
        "association, mean_error": "error of associations",
        "memorization, ratio": "distance to training rows, fresh rows: 1",
        "seconds": "processor seconds, longest fit",
    }.items():
        row = [label]
        for arm in columns:
            cells = [arms[arm][measure]["mean"] for arms in summary.values()
                     if measure in arms.get(arm, ())]  # fmt: skip
            mean = max(cells) if measure == "seconds" and cells else sum(cells) / max(len(cells), 1)
            row.append(f"{mean:.{0 if measure == 'seconds' else 2}f}" if cells else "")
        rows.append(row)
    return ["", *columns], rows


def _over_seeds(cell):
    """Write a mean and its standard deviation over the seeds."""
    return f"{cell['mean']:.2f}" + (f" ± {cell['sd']:.2f}" if "sd" in cell else "")


def generators_table():
    """What each generator reaches in the same time."""
    results = load("generators")["results"]
    rows = []
    for name in results["mnist"]["summary"]:
        row = [name]
        for dataset in ("mnist", "fashion_mnist"):
            cell = results[dataset]["summary"][name]
            row += [f"{cell['frechet']['mean']:.1f}", f"{cell['coverage']['mean']:.2f}"]
        rows.append(row)
    titles = ["MNIST: Fréchet", "coverage", "Fashion-MNIST: Fréchet", "coverage"]
    return ["", *titles], rows


def generator_images_table():
    """What other networks reach in the same time on images."""
    names = {"fashion_mnist": "Fashion-MNIST", "mnist": "MNIST", "cifar10": "CIFAR-10"}
    return _runs_of("images", names, {"frechet": ".1f", "recall": ".2f"})


def generator_tables_table():
    """What smaller networks and fewer updates cost and reach on tables."""
    formats = {"seconds": ".1f", "energy": ".3f", "frechet": ".3f", "recall": ".2f"}
    return _runs_of("tables", {}, formats)


def generator_peers_table():
    """The same beside a loop written by hand and CTGAN."""
    formats = {"seconds": ".1f", "energy": ".3f", "frechet": ".2f", "precision": ".2f"}
    return _runs_of("peers", {}, formats | {"recall": ".2f"})


def _runs_of(experiment, names, formats):
    """Return a row for each arm of an experiment: means and ranges of seeds not tuned on."""
    groups = {}
    for key, scores in load("generator_defaults")["runs"].items():
        kind, data, arm, seed = key.split(" | ")
        if kind == experiment and int(seed) < 100:
            groups.setdefault((data, arm), []).append(scores)
    rows = []
    for (data, arm), runs in sorted(groups.items()):
        cells = [
            _mean_and_range([run[name] for run in runs], form) for name, form in formats.items()
        ]
        rows.append([names.get(data, data), arm, str(len(runs)), *cells])
    titles = {"frechet": "Fréchet", "energy": "energy distance"}
    return ["", "", "seeds", *(titles.get(name, name) for name in formats)], rows


def _mean_and_range(values, form):
    """Write a mean, and the smallest and the largest where there are several."""
    mean = format(sum(values) / len(values), form)
    return mean if len(values) == 1 else f"{mean} ({min(values):{form}} to {max(values):{form}})"


def reconstruction_table():
    """Whether encoders invert their generators, and what AISEL makes of it."""
    formats = {"rmse": ".2f", "latent_rmse": ".2f", "distance": ".2g", "unevenness": ".1f"}
    rows = []
    for data, arms in load("reconstruction")["summary"].items():
        if data.endswith("the seconds"):
            continue
        for arm, row in arms.items():
            cells = [_mean_and_sd(row.get(name), form) for name, form in formats.items()]
            rows.append([data, arm, *cells, _mean_and_sd(row.get("aisel"), ".1f", 100)])
    titles = ["G(E(x))", "E(G(u))", "distance", "unevenness of codes", "AISEL's lead, points"]
    return ["", "", *titles], rows


def _mean_and_sd(cell, form, times=1):
    """Write a mean and its standard deviation; a dash where nothing was measured."""
    if cell is None:
        return "-"
    return f"{times * cell['mean']:{form}} ± {times * cell['sd']:{form}}"


def engine_table():
    """Speed against a loop written by hand."""
    rows = [
        [name, f"{row['updates']['median']:.2f}", f"{row['whole fit']['median']:.2f}"]
        for name, row in load("engine")["results"].items()
    ]
    return ["", "updates", "whole fit"], rows


def peers_table():
    """Processor time and peak memory of the neighbours over skgal's."""
    rows = []
    for case, entry in load("peers")["summary"].items():
        for who, ratio in entry.items():
            if who.endswith(" / skgal"):
                low, high = min(ratio["processor, all"]), max(ratio["processor, all"])
                row = [case, f"{entry['n']:,}", who.removesuffix(" / skgal")]
                row += [f"{ratio['processor']:.3g} ({low:.3g} to {high:.3g})"]
                rows.append([*row, f"{ratio['peak']:.2f}"])
    return ["", "size", "neighbour", "its processor time / skgal's", "its peak / skgal's"], rows


def growth_table():
    """Slopes on logarithmic axes."""
    rows = []
    for case, run in load("growth")["runs"].items():
        time, memory = run["slope of processor time"], run["slope of memory"]
        sizes = f"{run['at'][0]['size']:,} to {run['at'][-1]['size']:,}"
        memory = "adds no 2 MB" if memory is None else f"{memory:.2f}"
        rows.append([case, sizes, f"{time:.2f}", str(run["expected"]), memory])
    return ["", "sizes", "slope of time", "of the algorithm", "slope of memory"], rows


def billion_table():
    """Cost on a cluster, a million rows."""
    rows = []
    for n, run in load("billion")["runs"].items():
        for step, cost in run.items():
            each = cost["processor per million rows"]
            row = [f"{int(n):,}", step, f"{cost['processor']:.2f}", f"{each:.2f}"]
            moved = cost["MB over the loopback, of all on this machine"]
            rows.append([*row, f"{cost['processor, client']:.2f}", f"{moved:.1f}"])
    titles = ["a million rows", "of which the client", "MB over the wire"]
    return ["rows", "step", "processor seconds", *titles], rows


class MeasuredTable(SphinxDirective):
    """``{measured-table} NAME``: the table that the function ``NAME_table`` returns."""

    required_arguments = 1
    has_content = True  # what is read where the page isn't built

    def run(self):
        """Return the table's node."""
        name = self.arguments[0]
        for path in RESULTS.glob("*.json"):
            self.env.note_dependency(str(path))
        header, rows = globals()[f"{name}_table"]()
        group = nodes.tgroup(cols=len(header))
        group += [nodes.colspec(colwidth=1) for _ in header]
        group += nodes.thead("", _row(header))
        group += nodes.tbody("", *map(_row, rows))
        return [nodes.table("", group, classes=["measured"])]


class MeasuredFigure(SphinxDirective):
    """``{measured-figure} NAME``: the curves of one simulator."""

    required_arguments = 1
    has_content = True  # what is read where the page isn't built

    def run(self):
        """Draw the figure, and return its node."""
        name = self.arguments[0]
        self.env.note_dependency(str(RESULTS / "simulators.json"))
        cells = {tuple(json.loads(key)): run for key, run in load("simulators")["runs"].items()}
        path = Path(self.env.srcdir) / "auto_figures" / f"simulators_{name}.png"
        path.parent.mkdir(exist_ok=True)
        sys.path.insert(0, str(RESULTS.parent))
        try:
            from simulators import draw_figure
        finally:
            sys.path.pop(0)
        draw_figure(cells, name).savefig(path, dpi=100)
        alt = f"Curves of make_{name}: the score of each arm by runs of the simulator."
        return [nodes.image(uri=f"/auto_figures/{path.name}", alt=alt)]


def _row(cells):
    """Return a table row of plain text."""
    entries = (nodes.entry("", nodes.paragraph(text=cell)) for cell in cells)
    return nodes.row("", *entries)


NUMBER = re.compile(r"[-\d.,]+%?(?=<!-- measured: )<!-- measured: (.+?) -->", re.DOTALL)


def draw_numbers(text, keep_comments):
    """Return a page with its numbers as the results have them now."""

    def draw(match):
        path, _, spec = " ".join(match[1].split()).partition(" | ")
        file, *keys = path.split(" > ")
        value = load(file)
        for key in keys:
            value = value[int(key)] if isinstance(value, list) else value[key]
        return format(value, spec) + (match[0][match[0].index("<!--") :] if keep_comments else "")

    return NUMBER.sub(draw, text)


def read_page(app, page, source):
    """Draw the numbers of a page before it is parsed."""
    if NUMBER.search(source[0]):
        for path in RESULTS.glob("*.json"):
            app.env.note_dependency(str(path))
        source[0] = draw_numbers(source[0], keep_comments=False)


def setup(app):
    """Register the directive, and what draws numbers."""
    app.add_directive("measured-table", MeasuredTable)
    app.add_directive("measured-figure", MeasuredFigure)
    app.connect("source-read", read_page)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    for page in Path(__file__).parents[1].glob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(draw_numbers(text, keep_comments=True), encoding="utf-8")
