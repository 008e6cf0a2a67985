"""The full check of a version's images, by their embeddings: copies, outliers and label errors."""

from collections.abc import Callable

from core.data.cleaning.steps.review import kept_samples
from core.data.findings.embedding import CHECKED_KINDS, Embedded, check_embeddings, near_groups
from core.data.findings.evidence import Evidence
from core.data.findings.label_errors import normalize_embeddings
from core.data.findings.saved import VersionCheck, save_check
from core.data.images.map import map_coordinates, save_map
from core.data.images.near_duplicates import parse_hashes
from core.data.images.quality import HASHES
from core.data.images.store import DatasetImages
from core.data.versions import load_samples
from core.methods.backbones import get_backbone
from core.methods.plan import default_image_size
from core.methods.presets import PRESETS
from core.schemas import DataRef, VersionRecord
from core.store.datasets import dataset_folder, get_dataset
from core.training.version_images import VersionImages

Progress = Callable[..., None]
BACKBONE: str = PRESETS["image"]["quick"]["backbone"]  # whose embeddings a first run needs as well


def check_images(version: VersionRecord, progress: Progress = lambda *_: None) -> VersionCheck:
    """Run the full check on a version, save the findings in its folder, and return them.

    `progress` is called with (done, total, description). `WeightsError` if the backbone's weights are missing.
    """
    dataset = get_dataset(version.dataset)
    samples = load_samples(DataRef(dataset=dataset.id, version=version.id))
    backbone = get_backbone(BACKBONE)
    size = default_image_size(backbone, samples)
    seen = VersionImages(dataset, samples)
    x = normalize_embeddings(seen.outputs(backbone, size, progress=through_backbone(progress)))
    evidence = Evidence(dataset, samples, dataset_folder(dataset.id), kept=kept_samples(version.recipe))
    progress(0, 0, "looking for copies")
    images, ids = DatasetImages(dataset.id, version.imports), samples["id"].tolist()
    hashes, mirrored = (parse_hashes(evidence.measured[column].to_numpy()) for column in HASHES)
    known = samples["group"].to_numpy()
    groups = near_groups(x, hashes, mirrored, known, lambda i: images.image(ids[i]))
    progress(0, 0, "looking for outliers and label errors")
    (findings, cases), accuracy = check_embeddings(Embedded(evidence, x, groups))
    check = VersionCheck(
        backbone=backbone.name,
        image_size=size,
        findings=tuple(findings),
        cases=tuple(cases),
        accuracy=accuracy,
        looked_for=CHECKED_KINDS if dataset.labelled else ("near_duplicate", "outlier"),
    )
    progress(0, 0, "drawing the map")
    save_map(version, map_coordinates(x, ids))
    save_check(version, check)
    return check


def through_backbone(progress: Progress) -> Callable[[int, int], None]:
    """`progress` for images that go through the backbone."""
    return lambda done, total: progress(done, total, "images through the backbone")
