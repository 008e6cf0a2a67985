"""The tabs of the Data page. To add one, write its module and name it here."""

from core.schemas import DatasetRecord, VersionRecord
from core.ui.data.augment import show_augment
from core.ui.data.clean.recipe import show_recipe
from core.ui.data.domain.comparison import show_domain
from core.ui.data.embedding_map import show_map
from core.ui.data.findings.cards import show_findings
from core.ui.data.learning_curve import show_learning_curve
from core.ui.data.manage import show_management
from core.ui.data.overview import show_overview
from core.ui.data.split import show_split
from core.ui.data.versions import show_versions
from core.ui.shell.tabs import Tab


def _has_labelled_images(dataset: DatasetRecord, version: VersionRecord) -> bool:
    return dataset.labelled and dataset.kind == "image"


TABS: tuple[Tab[[DatasetRecord, VersionRecord]], ...] = (
    Tab("Overview", "overview", show_overview),
    Tab("Findings", "findings", show_findings),
    Tab("Map", "map", show_map, lambda dataset, version: dataset.kind == "image"),
    Tab("Clean", "clean", show_recipe, lambda dataset, version: dataset.labelled),
    Tab("Augment", "augment", show_augment, _has_labelled_images),
    Tab("Split", "split", show_split, lambda dataset, version: dataset.labelled),
    Tab("Domain", "domain", show_domain),
    Tab(
        "How many more?",
        "learning-curve",
        show_learning_curve,
        lambda dataset, version: dataset.labelled and dataset.kind == "image",
    ),
    Tab("Versions", "versions", lambda dataset, version: show_versions(dataset)),
    Tab("Manage", "manage", lambda dataset, version: show_management(dataset)),
)
