"""Steps that a review of findings makes: new labels, and samples that were reviewed and confirmed."""

from pydantic import Field

from core.data.cleaning.steps.step import Rows, StepKind, StepSettings
from core.schemas import Recipe

REVIEW = "Review"


class Relabel(StepSettings):
    labels: dict[str, str] = Field({}, title="Labels", description="Sample id, as IMPORT-ROW → its class.")


def relabel(rows: Rows, settings: Relabel) -> Rows:
    samples = rows.samples
    unknown = set(settings.labels) - set(samples["id"])
    if unknown:
        raise ValueError(f"there is no sample {min(unknown)}")
    new = samples["id"].map({name: label.strip() for name, label in settings.labels.items()})
    if (new == "").any():
        raise ValueError("a class needs a name")
    return Rows(samples.assign(label=new.where(new.notna(), samples["label"]).astype("str")), rows.table)


class Keep(StepSettings):
    finding: str = Field(title="Finding", description="Its kind, such as label_error.")
    samples: tuple[str, ...] = Field((), title="Samples", description="Ids, as IMPORT-ROW.")


def keep(rows: Rows, settings: Keep) -> Rows:
    """Nothing changes; see `kept_samples`."""
    return rows


def kept_samples(recipe: Recipe) -> dict[str, frozenset[str]]:
    """Kind of finding → ids of the samples that the recipe's steps `keep` take out of it."""
    kept: dict[str, frozenset[str]] = {}
    for step in recipe.steps:
        if step.kind == "keep" and step.enabled:
            settings = Keep.model_validate(step.params)
            kept[settings.finding] = kept.get(settings.finding, frozenset()) | frozenset(settings.samples)
    return kept


# Steps that other modules propose.
RELABEL = "relabel"
KEEP = "keep"
KINDS = (
    StepKind(
        name=RELABEL,
        title="Relabel samples",
        help="Gives the named samples another class. In the test part that is another test set:"
        " earlier runs were judged on the old labels.",
        purpose=REVIEW,
        scope="samples",
        settings=Relabel,
        run=relabel,
        kind="both",
    ),
    StepKind(
        name=KEEP,
        title="Keep as they are",
        help="The samples were reviewed and confirmed: the finding no longer names them. The data do not change.",
        purpose=REVIEW,
        scope="samples",
        settings=Keep,
        run=keep,
        kind="both",
    ),
)
