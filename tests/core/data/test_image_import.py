"""Images are imported as their reading says, from folders, tables and archives as people have them."""

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from core.data.files.decoding import Rendering
from core.data.image_reading.reading import load_image_reading, propose_image_reading
from core.data.images.store import ImageStore
from core.data.import_task import import_rest
from core.data.importing import ImportResult, import_data
from core.data.versions import load_samples
from core.errors import InputError
from core.schemas import DataRef, Finding
from core.store.datasets import import_folder
from core.store.originals import open_original

KINDS = {"ok": 0.2, "nok": 0.45, "unsure": 0.7}


def shares(seed: int, level: float = 0.2) -> np.ndarray:
    """Numbers from 0 to 1, `(32, 32)`: a square on a ground of noise."""
    random = np.random.default_rng(seed)
    out = random.uniform(0.75, 1, (32, 32))
    left, top = random.integers(2, 12, 2)
    out[top : top + 16, left : left + 16] = level
    return out


def saved(values: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, form, **options)
    return out.getvalue()


def plain(seed: int, level: float = 0.2, **options: object) -> bytes:
    return saved((shares(seed, level) * 255).astype("uint8"), **options)


def classes(folder: str, each: int, first: int = 0) -> dict[str, bytes]:
    return {
        f"{folder}/{name}/{i}.png": plain(1000 * k + i, level)
        for k, (name, level) in enumerate(KINDS.items())
        for i in range(first, first + each)
    }


def flat(folder: str, n: int, first: int = 9000) -> dict[str, bytes]:
    return {f"{folder}/{i:03d}.png": plain(first + i) for i in range(n)}


Zip = Callable[..., Path]


def labels(result: ImportResult) -> Counter[str]:
    return Counter(load_samples(DataRef(dataset=result.dataset.id))["label"])


def parts(result: ImportResult) -> Counter[str]:
    return Counter(load_samples(DataRef(dataset=result.dataset.id))["part"])


def finding(result: ImportResult, kind: str) -> Finding:
    return next(found for found in result.findings if found.kind == kind)


def stored(result: ImportResult, number: int = 1) -> np.ndarray:
    """The pixels of an import, `(n, height, width, 3)`."""
    images = ImageStore(import_folder(result.dataset.id, number))
    return np.stack([images.image(row) for row in range(len(images))])


@pytest.mark.usefixtures("workspace")
class TestFolders:
    def test_flat_test_part_beside_labelled_training_images(self, make_zip: Zip) -> None:
        result = import_data(make_zip(classes("train", 8) | flat("test", 6)))
        assert labels(result) == dict.fromkeys(KINDS, 8)
        assert not result.version.split.given
        assert sorted(s.path for s in result.skipped) == sorted(flat("test", 6))
        assert finding(result, "without_class").samples == tuple(s.path for s in result.skipped)
        assert "6 files left out for want of a class" in finding(result, "without_class").message

    def test_flat_test_part_beside_two_labelled_parts(self, make_zip: Zip) -> None:
        result = import_data(make_zip(classes("train", 9) | classes("valid", 3, 500) | flat("test", 6)))
        assert labels(result) == dict.fromkeys(KINDS, 12)
        assert result.version.split.given
        samples = load_samples(DataRef(dataset=result.dataset.id))
        validation = samples["path"].str.startswith("valid/")
        assert (samples.loc[validation, "part"] == "validation").all()
        assert Counter(samples.loc[~validation, "part"]).keys() == {"train", "test"}

    def test_part_without_classes_can_become_a_dataset_of_its_own(self, make_zip: Zip) -> None:
        path = make_zip(classes("train", 8) | classes("valid", 3, 500) | flat("test", 6) | flat("pred", 2, 9500))
        rest = import_rest(path, import_data(path).dataset)
        assert rest is not None
        assert (rest.dataset.name, rest.dataset.labelled) == ("photos without classes", False)
        samples = load_samples(DataRef(dataset=rest.dataset.id))
        assert sorted(samples["path"]) == sorted([*flat("test", 6), *flat("pred", 2)])
        whole = make_zip(classes("train", 8), "whole.zip")
        assert import_rest(whole, import_data(whole).dataset) is None

    def test_stray_folder_beside_two_parts(self, make_zip: Zip) -> None:
        files = classes("train", 8) | classes("test", 3, 500) | flat("pred", 5) | flat("__MACOSX", 2)
        result = import_data(make_zip(files))
        assert labels(result) == dict.fromkeys(KINDS, 11)
        assert parts(result)["test"] == 9
        assert sorted(finding(result, "without_class").samples) == sorted(flat("pred", 5))

    def test_parts_without_classes_are_refused_with_the_reason(self, make_zip: Zip) -> None:
        with pytest.raises(InputError, match="lies in no class folder"):
            import_data(make_zip(flat("train", 6) | flat("test", 6)))

    def test_another_reading_can_be_chosen(self, make_zip: Zip) -> None:
        files = {f"{a}/{b}/{i}.png": plain(hash((a, b)) % 999 + i) for a in "xy" for b in "uv" for i in range(4)}
        result = import_data(make_zip(files))
        assert result.dataset.classes == ("x", "y")
        assert "those of the folders: “u” 8, “v” 8" in finding(result, "other_reading").message
        reading = load_image_reading(import_folder(result.dataset.id, 1))
        other = reading.alternatives[0]
        given = reading.model_dump(mode="json") | {"layout": other.layout.model_dump(mode="json"), "proposed": False}
        again = import_data(make_zip(files), reading=given, name="Other")
        assert again.dataset.classes == ("u", "v")
        assert "other_reading" not in {found.kind for found in again.findings}, "it was chosen"

    @pytest.mark.parametrize(
        ("reading", "said"),
        [
            ({"layout": {"class_level": "top"}}, r"wrong at layout\.class_level"),
            ({"what": 1}, "wrong at what"),
            ({"rendering": {"low": 5, "high": 5}}, "5.0 to 5.0 is no range"),
            ({"rendering": {"low": 5}}, "is no range"),
            ({"encoding": "klingon"}, "“klingon” is none"),
            ({"grouping": {"by": "name", "pattern": "("}}, r"wrong at grouping\.pattern"),
            ({"labels": "tables", "tables": [{"path": "gone.csv"}]}, "“gone.csv” cannot be read"),
            ({"labels": "tables", "tables": [{"path": "l.csv", "delimiter": ",", "file": "x"}]}, "no column “x”"),
            ({"labels": "tables", "tables": [{"path": "l.csv", "delimiter": ",", "file": "file"}]}, "no images"),
            ({"layout": {"class_level": 9}}, "no images that can be used"),
            ({"layout": {"left_out": {"set": "no"}}}, "no images that can be used"),
        ],
    )
    def test_reading_that_cannot_be_is_refused_by_name(
        self, make_zip: Zip, reading: Mapping[str, object], said: str
    ) -> None:
        with pytest.raises(InputError, match=said):
            import_data(make_zip(classes("set", 3) | {"l.csv": b"file,label\nset/ok/0.png,a\n"}), reading=reading)

    def test_folders_can_be_left_out_of_unlabelled_data_as_well(self, make_zip: Zip) -> None:
        given = {"labels": "none", "layout": {"left_out": {"train": "labelled already"}}}
        files = classes("train", 2) | flat("test", 5)
        result = import_data(make_zip(files), unlabelled=True, reading=given)
        assert "without_class" not in {finding.kind for finding in result.version.findings}
        assert load_samples(DataRef(dataset=result.dataset.id))["path"].str.startswith("test/").tolist() == [True] * 5


@pytest.mark.usefixtures("workspace")
class TestTables:
    def test_column_of_parts_is_the_split(self, make_zip: Zip) -> None:
        files: dict[str, bytes] = flat("images", 21)
        order = ("train", "train", "train", "train", "val", "test", "test")
        rows = [f"{i:03d}.png,{'abc'[i // 7]},{order[i % 7]}" for i in range(21)]
        result = import_data(make_zip(files | {"labels.csv": "\n".join(["filename,label,split", *rows]).encode()}))
        assert parts(result) == {"train": 12, "validation": 3, "test": 6}
        assert labels(result) == {"a": 7, "b": 7, "c": 7}

    def test_column_of_patients_keeps_them_together(self, make_zip: Zip) -> None:
        rows = [f"{i:03d}.png,{'ab'[i // 3 % 2]},p{i // 3}" for i in range(48)]
        files = flat("images", 48) | {"meta.csv": "\n".join(["image_id,dx,patient_id", *rows]).encode()}
        result = import_data(make_zip(files))
        samples = load_samples(DataRef(dataset=result.dataset.id)).sort_values("path")
        patient = np.arange(48) // 3
        assert (samples.groupby(patient)["part"].nunique() == 1).all()
        assert "16 groups" in finding(result, "belong_together").message

    def test_boxes_of_one_class_an_image_are_labels_and_that_is_said(self, make_zip: Zip) -> None:
        boxes = {f"labels/{i:03d}.txt": f"{i % 2} .5 .5 .1 .1\n{i % 2} .2 .2 .1 .1".encode() for i in range(12)}
        result = import_data(make_zip(flat("images", 12) | boxes | {"classes.txt": b"cat\ndog\n"}))
        assert labels(result) == {"cat": 6, "dog": 6}
        assert "were reduced to labels of whole images" in finding(result, "reading_notes").message

    def test_open_table_is_told_where_no_folder_helps(self, make_zip: Zip) -> None:
        rows = [f"{i:03d}.png,{'ab'[i % 2]},{'xyz'[i % 3]}" for i in range(12)]
        files = flat("images", 12) | {"t.csv": "\n".join(["file,first,second", *rows]).encode()}
        with pytest.raises(InputError) as caught:
            import_data(make_zip(files))
        assert (
            "none of its columns is clearly the class: first, second" in f"{caught.value.message} {caught.value.hint}"
        )


@pytest.mark.usefixtures("workspace")
class TestRendering:
    @staticmethod
    def twelve_bits(top: int = 4095, first: int = 0) -> Mapping[str, bytes]:
        return {
            f"{name}/{i}.tif": saved((shares(1000 * k + i + first, level) * top).astype("uint16"), "TIFF")
            for k, (name, level) in enumerate(KINDS.items())
            for i in range(5)
        }

    def test_twelve_bits_fill_eight_in_all_pictures_alike(self, make_zip: Zip) -> None:
        pixels = stored(import_data(make_zip(self.twelve_bits())))
        assert pixels.max() > 250
        levels = sorted({round(float(np.median(one[one < 200]) / 255), 2) for one in pixels})
        assert levels == pytest.approx(sorted(KINDS.values()), abs=0.01)

    def test_further_import_has_the_range_of_the_first_and_counts_what_lies_outside(self, make_zip: Zip) -> None:
        first = import_data(make_zip(self.twelve_bits()))
        more = import_data(make_zip(self.twelve_bits(16383, 500), "more.zip"), into=first.dataset.id)
        assert load_image_reading(import_folder(first.dataset.id, 2)).rendering.high == 4095
        assert (stored(more, 2) == 255).mean() > 0.7
        assert "15 images have grey values outside 0 to 4095" in finding(more, "clipped").message

    def test_what_the_first_import_left_open_the_next_one_decides(self, make_zip: Zip) -> None:
        first = import_data(make_zip(classes("set", 4)))
        assert load_image_reading(import_folder(first.dataset.id, 1)).rendering == Rendering()
        more = import_data(make_zip(self.twelve_bits(), "more.zip"), into=first.dataset.id)
        assert stored(more, 2).max() > 250
        last = import_data(make_zip(self.twelve_bits(16383, 500), "last.zip"), into=first.dataset.id)
        assert (stored(last, 3) == 255).mean() > 0.7, "the range that was found stays"

    def test_white_drawings_are_told_apart(self, make_zip: Zip) -> None:
        def icon(seed: int, level: float) -> bytes:
            alpha = ((shares(seed, level) < 0.75) * 255).astype("uint8")
            return saved(np.dstack([np.full((32, 32, 3), 255, "uint8"), alpha]))

        files = {f"{n}/{i}.png": icon(100 * k + i, v) for k, (n, v) in enumerate(KINDS.items()) for i in range(4)}
        pixels = stored(import_data(make_zip(files)))
        assert pixels.std(axis=(1, 2, 3)).min() > 20

    def test_one_ground_for_all_pictures_can_be_chosen(self, make_zip: Zip) -> None:
        files = {n: saved(np.full((8, 8, 4), i, "uint8")) for i, n in enumerate(classes("set", 3))}
        result = import_data(
            make_zip(files), unlabelled=True, reading={"labels": "none", "rendering": {"ground": "dark"}}
        )
        assert stored(result).max() < 10


@pytest.mark.usefixtures("workspace")
class TestTogether:
    def test_frames_of_a_film_stay_on_one_side(self, make_zip: Zip) -> None:
        files = {f"{'ab'[g % 2]}/film{g:02d}_{i:03d}.png": plain(100 * g + i) for g in range(12) for i in range(4)}
        result = import_data(make_zip(files))
        samples = load_samples(DataRef(dataset=result.dataset.id))
        film = samples["path"].str.extract(r"(film\d+)")[0]
        assert (samples.groupby(film)["part"].nunique() == 1).all()
        said = finding(result, "belong_together")
        assert "by their names" in said.message and "12 groups" in said.message

    def test_burst_by_time_stays_on_one_side(self, make_zip: Zip) -> None:
        def photo(group: int, i: int) -> bytes:
            exif = Image.Exif()
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"2024:05:01 10:{group:02d}:{2 * i:02d}"
            return plain(50 * group + i, form="JPEG", exif=exif)

        files = {f"{'ab'[g % 2]}/IMG_{4 * g + i:04d}.jpg": photo(g, i) for g in range(12) for i in range(4)}
        result = import_data(make_zip(files))
        samples = load_samples(DataRef(dataset=result.dataset.id))
        burst = samples["path"].str.extract(r"(\d+)")[0].astype(int) // 4
        assert (samples.groupby(burst)["part"].nunique() == 1).all()
        assert "by their time" in finding(result, "belong_together").message

    def test_given_parts_are_kept_and_groups_across_them_are_told(
        self, make_zip: Zip, make_picture: Callable[..., bytes]
    ) -> None:
        files = {
            f"{part}/{'ab'[g % 2]}/film{g:02d}_{k}{i}.png": make_picture(100 * g + 10 * k + i)
            for g in range(12)
            for k, part in enumerate(("train", "test"))
            for i in range(3)
        }
        result = import_data(make_zip(files))
        assert parts(result)["test"] == 36
        assert "12 groups" in finding(result, "reading_notes").message

    def test_groups_can_be_switched_off(self, make_zip: Zip) -> None:
        files = {f"{'ab'[g % 2]}/film{g:02d}_{i:03d}.png": plain(100 * g + i) for g in range(12) for i in range(4)}
        reading = load_image_reading(import_folder(import_data(make_zip(files)).dataset.id, 1))
        given = reading.model_dump(mode="json") | {"grouping": {"by": "none"}}
        again = import_data(make_zip(files), reading=json.loads(json.dumps(given)), name="Again")
        assert not [found for found in again.findings if found.kind == "belong_together"]


@pytest.mark.parametrize("form", ["TIFF", "GIF", "PNG", "WEBP"])
def test_files_of_several_frames_are_told(workspace: Path, make_zip: Zip, form: str) -> None:
    first, *rest = (Image.fromarray((shares(seed) * 255).astype("uint8")) for seed in range(3))
    out = io.BytesIO()
    first.save(out, form, save_all=True, append_images=rest)
    result = import_data(make_zip(classes("films", 4) | {f"films/ok/film.{form.lower()}": out.getvalue()}))
    found = finding(result, "several_frames")
    assert (found.samples, "1 file holds several" in found.message) == ((f"ok/film.{form.lower()}",), True)
    assert "3 at most" in found.message


@pytest.mark.parametrize(
    "mask", ["tumours/{kind}/{i}_mask.png", "tumours/{kind}/{i}_Segmentation.png", "tumours/{kind}/{i}_mask_1.png"]
)
def test_masks_beside_their_pictures_are_told(workspace: Path, make_zip: Zip, mask: str) -> None:
    files = classes("tumours", 5)
    for k, kind in enumerate(KINDS):
        files |= {mask.format(kind=kind, i=i): plain(500 * k + i) for i in range(3)}
    found = finding(import_data(make_zip(files | {"tumours/ok/mask.png": plain(1)})), "masks")
    assert sorted(found.samples) == sorted(
        mask.format(kind=kind, i=i).removeprefix("tumours/") for kind in KINDS for i in range(3)
    )
    assert found.remedy is not None and len(found.remedy.params["samples"]) == 3 * len(KINDS)


@pytest.mark.parametrize("folder", ["new/blurred", "test", "Ok"])
def test_class_that_only_a_further_import_has_is_told(workspace: Path, make_zip: Zip, folder: str) -> None:
    result = import_data(make_zip(classes("photos", 3)))
    more = import_data(make_zip(flat(folder, 3)), into=result.dataset.id)
    found = finding(more, "new_class")
    assert f"“{folder.rpartition('/')[2]}”" in found.message
    assert len(found.samples) == 3
    assert not [one for one in result.findings if one.kind == "new_class"]
    known = import_data(make_zip(classes("photos", 3, first=50)), into=result.dataset.id)
    assert len([one for one in known.findings if one.kind == "new_class"]) == 1


def test_reading_is_found_without_decoding_ordinary_photographs(
    workspace: Path, make_zip: Zip, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.data.files.archives import open_archive
    from core.data.image_reading import rendering

    def fail(*_: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(rendering, "open_image", fail)
    files = {name.replace(".png", ".jpg"): b"never read" for name in classes("set", 3)}
    files |= {name: plain(1) for name in classes("set", 3)}
    with open_archive(make_zip(files)) as archive:
        assert propose_image_reading(archive).rendering.low is None


def test_links_out_of_a_folder_are_not_kept_among_the_originals(workspace: Path, tmp_path: Path) -> None:
    for name, data in classes("photos", 3).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "secret.png").write_bytes(plain(77))
    (tmp_path / "photos" / "ok" / "link.png").symlink_to(tmp_path / "secret.png")
    (record,) = import_data(tmp_path / "photos").dataset.imports
    with open_original(record.original) as kept:
        assert sorted(path.name for path in (kept / "ok").iterdir()) == ["0.png", "1.png", "2.png"]
