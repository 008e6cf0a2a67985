"""Summary of a run, in the sections of a model card and a report.

The sections follow “Model Cards for Model Reporting” (Mitchell et al. 2019, arXiv:1810.03993).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.data.cleaning import recipe as cleaning
from core.errors import InputError, NotFoundError
from core.evaluation import scores, words
from core.evaluation.comparison import repeated_look_warning
from core.evaluation.scores import DEPENDENT_FOLDS, FoldScores, Scores, format_interval
from core.methods.backbones import backbone_title, base_backbone
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import PARTS, DataRef, DatasetRecord, RunRecord, VersionRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version

FEW = 100  # test samples; with fewer a card has a warning


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column names, the others are values."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """A section: its title, sentences, and tables below them."""

    title: str
    sentences: Sequence[str]
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Summary:
    """Summary of a run: `parts` by name, in reading order; `lead` is the first sentence."""

    run: RunRecord
    lead: str
    scores: Scores
    parts: dict[str, Part]


def summarise(run: RunRecord) -> Summary:
    """Summarise a run that succeeded; deleted data are reported as such."""
    predictions = runs.read_predictions(run.id)
    classes, rows = scores.classes_of(predictions), scores.judged_rows(predictions)
    found, folds = scores.score_predictions(rows, classes), scores.fold_scores(rows, classes)
    noun = "images" if run.spec.backbone else "rows"
    said = f"{noun}, each judged by a model that had not seen it" if folds else f"test {noun}"
    dataset, version = _data_of(run)
    single = words.describe_single_prediction(found)
    return Summary(
        run=run,
        lead=" ".join(filter(None, (single, words.describe_scores(found, said, folds)))),
        scores=found,
        parts={
            "model": _model(run),
            "use": _use(run, classes, noun),
            "data": _data(run, dataset, version, noun),
            "findings": _findings(version),
            "recipe": _recipe(version),
            "settings": _settings(run),
            "results": _results(found, folds),
            "limits": _limits(run, found, noun),
        },
    )


def _data_of(run: RunRecord) -> tuple[DatasetRecord | None, VersionRecord | None]:
    try:
        dataset = get_dataset(run.dataset)
        return dataset, get_version(DataRef(dataset=dataset.id, version=run.version))
    except NotFoundError:
        return None, None


def _model(run: RunRecord) -> Part:
    spec, libraries = run.spec, run.environment.get("libraries", {})
    sentences = []
    if spec.backbone:
        strategy = STRATEGIES.get(spec.strategy or "")
        method = f"{strategy.title}: {strategy.help}" if strategy else f"Strategy {spec.strategy}."
        try:
            base = base_backbone(run)
            chain = f" Trained from {' → '.join(base.chain)}." if base.chain else ""
            source = f" ({base.source})" if base.source else ""
            sentences += [
                f"An image classifier on the pretrained network {base.title}{source},"
                f" {base.parameters:,} parameters, at {spec.image_size} px.{chain}",
                method,
                f"Licence of the pretrained weights: {base.licence}.",
            ]
        except InputError:
            sentences += [f"An image classifier on {backbone_title(spec.backbone)}, at {spec.image_size} px.", method]
    else:
        learner = LEARNERS.get(spec.learner or "")
        sentences.append(f"A classifier of table rows. {learner.title}: {learner.summary}" if learner else "")
    made = run.finished or run.created
    used = ", ".join(f"{n} {libraries[n]}" for n in ("keras", "tensorflow", "scikit-learn") if n in libraries)
    sentences.append(
        f"Run {run.id}, “{run.name}”, of {made:%d %B %Y}, seed {spec.seed}{f', {used}' if used else ''}."
    )
    return Part("Model", [s for s in sentences if s])


def _use(run: RunRecord, classes: Sequence[str], noun: str) -> Part:
    return Part(
        "Intended use",
        [
            f"Telling {len(classes)} classes of {noun} apart: {', '.join(classes)}.",
            f"For {noun} like those that it learnt from. Whatever else it is given, it names one of these classes.",
            "No use in which a wrong class harms somebody was examined.",
        ],
    )


def _data(run: RunRecord, dataset: DatasetRecord | None, version: VersionRecord | None, noun: str) -> Part:
    if dataset is None or version is None:
        return Part("Data", [f"Trained on {run.n} {noun} of the dataset {run.dataset}, which is no longer here."])
    names = version.classes
    counts = [[name, *(f"{version.counts.get(p, {}).get(name, 0):,}" for p in PARTS)] for name in names]
    total = ["all", *(f"{sum(version.counts.get(p, {}).values()):,}" for p in PARTS)]
    return Part(
        "Data",
        [
            f"“{dataset.name}”, version {version.name}: {version.n:,} {noun}, imported from"
            f" {', '.join(dict.fromkeys(i.source for i in dataset.imports))}.",
            f"Licence of the data: {dataset.licence or 'not stated'}.",
            "Training samples teach, validation samples choose epoch and settings, test samples judge; copies of one"
            " sample are in one part."
            + (f" Cross-validated with {run.spec.folds} folds over all of them." if run.spec.folds else ""),
        ],
        [Table(["Class", "Training", "Validation", "Test"], [*counts, total])],
    )


def _findings(version: VersionRecord | None) -> Part:
    if version is None:
        return Part("Findings", ["The data are no longer here."])
    return Part("Findings", [f.message for f in version.findings] or ["Nothing was found wrong with the data."])


def _recipe(version: VersionRecord | None) -> Part:
    if version is None:
        return Part("Recipe", ["The data are no longer here."])
    enabled = [step for step in version.recipe.steps if step.enabled]
    steps = [f"{cleaning.step_kind(s).title}{f' ({_text(s.params)})' if s.params else ''}" for s in enabled]
    return Part("Recipe", [f"{title}." for title in steps] or ["No step: the data are as they were imported."])


def _settings(run: RunRecord) -> Part:
    values = run.spec.model_dump(exclude_none=True, exclude={"data", "name"})
    rows = [[name.replace("_", " "), _text(value)] for name, value in values.items()]
    return Part("Settings", [], [Table(["Setting", "Value"], rows)])


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in value.items() if v)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _results(found: Scores, folds: FoldScores | None) -> Part:
    sentences = [
        f"Accuracy {format_interval(found.accuracy, *found.ci['accuracy'])}, macro-F1"
        f" {format_interval(found.macro_f1, *found.ci['macro_f1'])}, balanced accuracy {found.balanced_accuracy:.2f},"
        f" MCC {found.mcc:.2f}; expected calibration error {found.ece:.2f}. In brackets 95 % intervals.",
    ]
    if folds:
        sentences.append(
            f"Over {len(folds.folds)} folds accuracy {folds.mean['accuracy']:.3f}"
            f" ± {folds.deviation['accuracy']:.3f}. {DEPENDENT_FOLDS}"
        )
    rows = [
        [
            c.name,
            format_interval(c.precision, *c.precision_ci) if c.predicted else "never predicted",
            format_interval(c.recall, *c.recall_ci) if c.support else "no samples",
            format_interval(c.f1, *c.f1_ci) if c.support or c.predicted else "does not occur",
            f"{c.support:,}",
        ]
        for c in found.per_class
    ]
    return Part("Results", sentences, [Table(["Class", "Precision", "Recall", "F1", "Samples"], rows)])


def _limits(run: RunRecord, found: Scores, noun: str) -> Part:
    low, high = found.ci["accuracy"]
    sentences = [
        f"Judged on {found.n} {noun} from the same source as those it learnt from; elsewhere it may do worse.",
    ]
    if found.n < FEW:
        sentences.append(f"So few leave much open: its accuracy may be anywhere from {low:.2f} to {high:.2f}.")
    wrong = found.matrix.copy()
    for place in range(len(wrong)):
        wrong[place, place] = 0
    if wrong.any():
        true, taken = divmod(int(wrong.argmax()), len(wrong))
        sentences.append(
            f"Its commonest mistake: {found.classes[true]} taken for {found.classes[taken]}"
            f" ({wrong[true, taken]} of {wrong.sum()} mistakes)."
        )
    extra = (words.describe_absent_classes(found), repeated_look_warning(runs.runs_on_test(run.test_hash)))
    return Part("Limits", [*sentences, *(s for s in extra if s), *run.notes])
