"""A script in sections: what every script that trains a network shares, and how sections become a script or cells."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from string import Template

from core.schemas import Frozen, ResolvedSpec, RunRecord

WIDTH = 100


class Section(Frozen):
    """A step of a script: its title, a few sentences on why, and its code, with `$name` where a value belongs."""

    title: str
    text: str
    code: str

    def filled(self, values: Mapping[str, object]) -> "Section":
        """With the values in place, and lines gone whose only content was an empty one."""
        code = Template(self.code).substitute({name: "\0" if v == "" else v for name, v in values.items()})
        kept = [line for line in code.strip("\n").split("\n") if line.strip() != "\0"]
        return self.model_copy(update={"code": "\n".join(kept).replace("\0", "")})


def fit_values(spec: ResolvedSpec) -> dict[str, object]:
    """What `FIT` needs to know of a spec."""
    return {
        "optimizer": _OPTIMIZERS[spec.optimizer or "adam"],
        "schedule": _SCHEDULES[spec.schedule or "cosine"],
        "loss": _loss(spec),
        "counts": _COUNTS[spec.class_weights or "none"],
        "average": _AVERAGE if spec.averaging == "ema" else "",
        "metric": ', keras.metrics.F1Score(average="macro", name="macro_f1")' if spec.monitor == "macro_f1" else "",
        "monitor": _MONITORS[spec.monitor],
        "swap": "keras.callbacks.SwapEMAWeights(swap_on_epoch=True), " if spec.averaging == "ema" else "",
    }


_MONITORS = {
    "loss": '"val_cross_entropy", mode="min"',
    "macro_f1": '"val_macro_f1", mode="max"',
}
_OPTIMIZERS = {
    "adam": "keras.optimizers.Adam(schedule)",
    "adamw": "keras.optimizers.AdamW(schedule, weight_decay=0.01)",
    "sgd": "keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)",
}
_DECAY = "keras.optimizers.schedules.CosineDecay"
_SCHEDULES = {
    "cosine": f"schedule = {_DECAY}(rate, steps, alpha=0.02)",
    "warm_up": f"""up = max(1, round(0.1 * steps))  # steps in which the rate rises
    schedule = {_DECAY}(
        rate / up, max(1, steps - up), alpha=0.02, warmup_target=rate, warmup_steps=up
    )""",
    "one_cycle": f"""up = max(1, round(0.3 * steps))  # steps in which the rate rises
    schedule = {_DECAY}(
        rate / 25, max(1, steps - up), alpha=1e-4, warmup_target=rate, warmup_steps=up
    )""",
    "constant": "schedule = rate",
}
_AVERAGE = """# A moving average of the weights, its half-life an epoch, is what is judged and kept.
    optimizer.use_ema, optimizer.ema_momentum = True, 0.5 ** (1 / per_epoch)"""
_COUNTS = {
    "balanced": """# Every class counts the same in the loss, however few samples it has.
counts = targets[train].sum(axis=0)
of_class = np.divide(len(train), (counts > 0).sum() * counts, out=np.zeros(len(CLASSES)), where=counts > 0)
weights = targets @ of_class""",
    "none": "weights = np.ones(len(targets))  # every sample counts the same in the loss",
}


def _loss(spec: ResolvedSpec) -> str:
    smoothing = f"label_smoothing={spec.label_smoothing}" if spec.label_smoothing else ""
    if spec.loss == "focal":
        more = f", {smoothing}" if smoothing else ""
        return f"keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0{more})"
    return f"keras.losses.CategoricalCrossentropy({smoothing})"


FIT = Section(
    title="How a network is fitted",
    text="The loss that is minimised contains penalties on weights; cross-entropy alone, on the validation samples,"
    " tells which epoch was the best one; or macro-F1. The order of the samples depends on seed and epoch alone.",
    code='''
$counts
judged = weights[validation]  # the epoch is chosen by the loss as it is trained
seen = weights[train]
enough = seen.sum() ** 2 / (seen**2).sum()  # as many samples of equal weight are as informative (Kish 1965)


class Shuffled(keras.utils.PyDataset):
    """The training samples in batches, in another order every epoch."""

    def __init__(self, x, batch_size):
        super().__init__()
        self.x, self.batch_size, self.epoch = x, batch_size, -1
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(train) / self.batch_size)

    def __getitem__(self, number):
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return self.x[rows], targets[rows], weights[rows]

    def on_epoch_end(self):
        self.epoch += 1
        self.order = np.random.default_rng((SEED, self.epoch)).permutation(train)


def fit(model, x, epochs, batch_size, rate, patience):
    """Train, and keep the best epoch on the validation samples."""
    per_epoch = math.ceil(len(train) / batch_size)
    steps = epochs * per_epoch
    $schedule
    optimizer = $optimizer
    $average
    model.compile(
        optimizer=optimizer,
        loss=$loss,
        metrics=["accuracy"$metric],
        weighted_metrics=[keras.metrics.CategoricalCrossentropy(name="cross_entropy")],
    )
    best = keras.callbacks.EarlyStopping(
        $monitor, patience=patience, restore_best_weights=True
    )
    model.fit(
        Shuffled(x, batch_size),
        validation_data=(x[validation], targets[validation], judged),
        epochs=epochs,
        shuffle=False,  # Shuffled has done it
        verbose=2,
        callbacks=[${swap}best],
    )

''',
)


def evaluation_section(noun: str) -> Section:
    """The last section: how good it is, and whether it does as the run did; `probabilities` are there already."""
    return Section(
        title="How good it is, and whether it does as the run did",
        text="The test samples were not looked at until now.",
        code=f"""
$probabilities
predicted = np.array(CLASSES)[probabilities.argmax(axis=1)]
right = (predicted == np.array(CLASSES)[labels[test]]).mean()
print(f"Right on {{right:.1%}} of {{len(test)}} test {noun}.")

run = pd.read_csv(HERE / "predictions.csv", dtype=str, keep_default_na=False).set_index("$key")["predicted"]
same = predicted == run[samples["$key"].iloc[test]].to_numpy()
print(f"The same class as the run on {{same.mean():.1%}} of them.")
""",
    )


def as_script(header: str, sections: Sequence[Section]) -> str:
    """One file; `# %%` begins a section, which many editors run as a cell."""
    parts = [f'"""{header}"""']
    for number, section in enumerate(sections, start=1):
        said = textwrap.fill(section.text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"# %% {number}. {section.title}\n{said}\n\n{section.code}")
    return "\n\n\n".join(parts) + "\n"


def as_notebook(header: str, sections: Sequence[Section]) -> str:
    """The same in cells: a Jupyter notebook, format 4.5."""
    cells: list[dict[str, object]] = [_cell("about", "markdown", header)]
    for number, section in enumerate(sections, start=1):
        code = section.code.replace("Path(__file__).parent", "Path()")  # a notebook runs in its own folder
        cells.append(_cell(f"text-{number}", "markdown", f"## {number}. {section.title}\n{section.text}"))
        cells.append(_cell(f"code-{number}", "code", code))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _cell(name: str, kind: str, text: str) -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": name,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def script_header(run: RunRecord, file: str, beside: str, notes: Sequence[str]) -> str:
    """What stands on top: which run, how to start it, what lies beside it."""
    told = "".join(f"\n{textwrap.fill(f'The run noted: {note}', WIDTH)}\n" for note in notes)
    name = run.name.replace("\\", " ").replace('"', "'")
    return (
        f"Repeat the run “{name}” with plain Keras.\n\n"
        f"    pip install -r requirements.txt\n    {file}\n\n"
        f"{textwrap.fill(beside, WIDTH)}\n{told}"
    )
