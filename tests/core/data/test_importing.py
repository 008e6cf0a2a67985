"""Imports are whole or not there, and say in a sentence why they were refused."""

import errno
import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from core.data import image_import
from core.data.files.samples import SAMPLES
from core.data.images.store import DatasetImages, ImageStore
from core.data.images.writing import decode_image as decode
from core.data.importing import import_data, import_sample
from core.data.sources import server_path
from core.data.tables.schema import load_schema
from core.data.versions import load_samples, load_table
from core.errors import DiskError, InputError, NotFoundError
from core.schemas import DataRef
from core.store import datasets as store


def refusal(leftovers, source, **options) -> str:
    before = leftovers()
    with pytest.raises(InputError) as caught:
        import_data(source, **options)
    assert caught.value.hint
    assert leftovers() == before, "nothing half-imported stays behind"
    return caught.value.message


class TestRefusedImages:
    def test_file_that_is_no_archive(self, leftovers, make_csv):
        assert "“photos.zip” is not a ZIP" in refusal(leftovers, make_csv("hello", "photos.zip"))

    def test_empty_archive(self, leftovers, make_zip):
        assert "“photos.zip” holds no files" in refusal(leftovers, make_zip({}))

    def test_archive_without_images(self, leftovers, make_zip):
        message = refusal(leftovers, make_zip({"cats/a.doc": b"x"}))
        assert "“photos.zip” holds no images" in message
        assert "cats/a.doc" in message

    def test_images_without_class_folders(self, leftovers, make_zip, make_picture):
        message = refusal(leftovers, make_zip({f"{i}.png": make_picture(i) for i in range(9)}))
        assert "lies in no class folder" in message

    def test_one_class(self, leftovers, make_zip, make_picture):
        message = refusal(leftovers, make_zip({f"cats/{i}.png": make_picture(i) for i in range(9)}))
        assert "one class, “cats”" in message

    def test_class_of_one_image(self, leftovers, make_zip, two_classes, make_picture):
        message = refusal(leftovers, make_zip(two_classes | {"owls/1.png": make_picture(99)}))
        assert "Class “owls” of “photos” has 1 distinct image;" in message

    def test_class_of_one_image_many_times(self, leftovers, make_zip, two_classes, make_picture):
        copies = {f"owls/{i}.png": make_picture(99) for i in range(20)}
        assert "Class “owls” of “photos” has 1 distinct image;" in refusal(leftovers, make_zip(two_classes | copies))

    def test_only_unreadable_images(self, leftovers, make_zip):
        message = refusal(leftovers, make_zip({f"{c}/{i}.png": b"no" for c in "ab" for i in range(4)}))
        assert "None of the 8 images in “photos.zip” can be read" in message

    @pytest.mark.parametrize("name", ["../up.png", "/root.png"])
    def test_name_outside_the_archive(self, leftovers, make_zip, two_classes, name):
        assert name in refusal(leftovers, make_zip(two_classes | {name: b"x"}))

    def test_several_labels_an_image(self, leftovers, make_zip, two_classes):
        path = make_zip(two_classes | {"labels.csv": b"file,label\ncats/0.png,cat|dog\ncats/1.png,cat\n"})
        assert "“labels.csv”" in refusal(leftovers, path)

    def test_target_for_images(self, leftovers, make_zip, two_classes):
        assert "no column “kind”" in refusal(leftovers, make_zip(two_classes), target="kind")


class TestRefusedTables:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("size,kind\n", "no rows"),
            ("kind\na\nb\n", "one column"),
            ("size,kind\n1,\n2,\n", "“kind” of “table.csv” is empty in every row"),
            ("size,other\n1,a\n", "no column “kind”"),
            ("size,kind\n" + "\n".join(f"{i * i},a" for i in range(9)), "one class, “a”"),
            ("size,kind\n" + "\n".join(f"{i * i},{'abb'[i % 3]}" for i in range(6)), "Class “a” of “table” has 2"),
            ("size,kind\n" + "\n".join(f"{i * i},{i / 7}" for i in range(60)), "“kind” is numeric with 60"),
        ],
    )
    def test_unusable_table(self, leftovers, make_csv, text, says):
        assert says in refusal(leftovers, make_csv(text), target="kind")

    def test_table_without_a_chosen_target(self, leftovers, make_csv):
        path = make_csv("size,kind\n1,a\n")
        assert "needs a target" in refusal(leftovers, path)
        with pytest.raises(InputError, match="size, kind"):
            import_data(path)


def test_other_files_and_missing_ones_are_refused(leftovers, tmp_path, make_csv):
    assert "“song.mp3” is neither" in refusal(leftovers, make_csv("la", "song.mp3"))
    assert "gone.zip" in refusal(leftovers, tmp_path / "gone.zip")
    with pytest.raises(NotFoundError, match="sample “unicorns”"):
        import_data("sample:unicorns")


def test_full_disk_is_told_before_and_during_an_import(leftovers, workspace, make_zip, two_classes, monkeypatch):
    monkeypatch.setenv("GRAFT_MIN_FREE_MB", str(2**40))
    with pytest.raises(DiskError):
        import_data(make_zip(two_classes))
    monkeypatch.delenv("GRAFT_MIN_FREE_MB")

    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(image_import, "store_images", fail)
    with pytest.raises(DiskError, match="became full"):
        import_data(make_zip(two_classes))
    assert leftovers() == []


def test_failure_at_the_very_end_leaves_nothing(leftovers, workspace, make_zip, two_classes, monkeypatch):
    def fail(*_args: object) -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(store, "_index_version", fail)
    with pytest.raises(RuntimeError):
        import_data(make_zip(two_classes))
    assert leftovers() == []
    assert store.list_datasets() == []


def test_failure_while_adding_leaves_the_dataset_as_it_was(
    workspace, make_zip, two_classes, make_picture, monkeypatch
):
    dataset = import_data(make_zip(two_classes)).dataset
    size = store.dataset_size(dataset.id)

    def fail(*_args: object) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save_version", fail)
        with pytest.raises(RuntimeError):
            import_data(make_zip({"cats/new.png": make_picture(77)}, "more.zip"), into=dataset.id)
    assert store.get_dataset(dataset.id) == dataset
    assert store.dataset_size(dataset.id) == size


def test_pixels_labels_and_names_arrive_as_they_were(workspace, make_zip, two_classes):
    result = import_data(make_zip(two_classes | {"cats/bad.png": b"no"}), name="Pets", licence="CC0-1.0")
    assert (result.dataset.name, result.dataset.id, result.dataset.n) == ("Pets", "pets", 8)
    assert (result.dataset.classes, result.dataset.licence) == (("cats", "dogs"), "CC0-1.0")
    assert [s.path for s in result.skipped] == ["cats/bad.png"]
    samples = load_samples(DataRef(dataset="Pets"))
    images = ImageStore(store.import_folder("pets", 1))
    by_id = DatasetImages("pets")
    assert sorted(samples["path"]) == sorted(two_classes)
    for sample in samples.itertuples():
        expected = decode(two_classes[sample.path]).pixels
        assert sample.label == sample.path.split("/")[0]
        assert np.array_equal(images.image(sample.row), expected)
        assert np.array_equal(by_id.image(sample.id), expected)
        assert (sample.height, sample.width) == expected.shape[:2]


def test_further_import_makes_a_new_version_and_keeps_the_old(workspace, make_zip, two_classes, make_picture):
    first = import_data(make_zip(two_classes))
    more = {"cats/new.png": make_picture(77), "dogs/again.png": two_classes["dogs/0.png"]}
    second = import_data(make_zip(more, "more.zip"), into="photos")
    assert second.dataset.id == first.dataset.id
    assert [record.n for record in second.dataset.imports] == [8, 2]
    assert (second.version.n, second.dataset.version) == (10, second.version.id)
    samples = load_samples(DataRef(dataset="photos"))
    copies = samples[samples["content_hash"].duplicated(keep=False)]
    assert set(copies["import_number"]) == {1, 2}
    assert copies["part"].nunique() == 1
    assert len(load_samples(DataRef(dataset="photos", version=first.version.id))) == 8


def test_unlabelled_images_need_no_folders_and_have_no_split(workspace, make_zip, make_picture):
    path = make_zip({"1.png": make_picture(1), "x/2.png": make_picture(2)})
    result = import_data(path, unlabelled=True)
    assert not result.dataset.labelled
    assert (result.version.classes, result.version.counts, result.version.test_hash) == ((), {}, "")
    samples = load_samples(DataRef(dataset=result.dataset.id))
    assert samples["path"].tolist() == ["1.png", "x/2.png"]
    assert samples[["label", "part"]].isna().all(axis=None)


def test_unlabelled_table_keeps_all_its_columns(workspace, make_csv):
    result = import_data(make_csv("size,kind\n1,a\n5,b\n3,b\n"), unlabelled=True)
    features, schema = load_table(DataRef(dataset=result.dataset.id))
    assert list(features.columns) == ["size", "kind"]
    assert schema.target is None


def test_binned_target_becomes_classes_of_about_equal_size(workspace, make_csv):
    text = "size,price\n" + "\n".join(f"{i * i},{i * 1.5}" for i in range(90))
    result = import_data(make_csv(text), target="price", bins=3)
    assert result.version.recipe.steps[0].kind == "bin_target"
    counts = load_samples(DataRef(dataset=result.dataset.id))["label"].value_counts()
    assert counts.tolist() == [30, 30, 30]
    assert list(counts.reindex(result.dataset.classes).index) == list(result.dataset.classes)
    more = import_data(make_csv("price,size\n500,7\n", "more.csv"), into=result.dataset.id)
    labels = load_samples(DataRef(dataset=result.dataset.id))["label"]
    assert labels.iloc[-1] == more.dataset.classes[-1]


def test_rows_added_to_a_table_must_fit_it(leftovers, workspace, make_csv):
    text = "size,colour,kind\n" + "\n".join(f"{i * i},{'rg'[i % 2]},{'abc'[i % 3]}" for i in range(30))
    dataset = import_data(make_csv(text), target="kind").dataset
    assert "no column “colour”" in refusal(leftovers, make_csv("size,kind\n1,a\n", "b.csv"), into=dataset.id)
    message = refusal(leftovers, make_csv("size,colour,kind\nbig,r,a\nbig,g,a\n", "b.csv"), into=dataset.id)
    assert "cells of “size” in “b.csv” are no number" in message
    import_data(make_csv("kind,colour,size\nb,r,7\nb,r,9\n", "b.csv"), into=dataset.id)
    features, _ = load_table(DataRef(dataset=dataset.id))
    assert features.loc["2-1"].to_dict() == {"size": 9.0, "colour": "r"}


def test_images_and_tables_do_not_mix(leftovers, workspace, make_zip, make_csv, two_classes):
    dataset = import_data(make_zip(two_classes)).dataset
    assert "cannot be added" in refusal(leftovers, make_csv("a,b\n1,2\n"), into=dataset.id)
    assert "cannot be added" in refusal(leftovers, "sample:penguins", into=dataset.id)
    assert "takes no unlabelled" in refusal(
        leftovers, make_zip(two_classes, "b.zip"), into=dataset.id, unlabelled=True
    )


def test_names_are_unique_and_addressable(leftovers, workspace, make_zip, two_classes):
    path = make_zip(two_classes, "a@b: c.zip")
    assert [import_data(path).dataset.name for _ in range(2)] == ["a b c", "a b c 2"]
    assert "already a dataset “a b c”" in refusal(leftovers, path, name="a b c")
    assert "“:”" in refusal(leftovers, path, name="a:b")
    for dataset in store.list_datasets():
        assert len(load_samples(DataRef.parse(f"{dataset.name}@{dataset.version}"))) == 8
        assert len(load_samples(DataRef.parse(dataset.id))) == 8


def test_progress_counts_up_to_all_images(workspace, make_zip, make_picture):
    files = {f"{c}/{i}.png": make_picture(1000 * ord(c) + i, side=8) for c in "ab" for i in range(50)}
    seen: list[tuple[int, int]] = []
    import_data(make_zip(files), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)


def test_import_reads_members_without_unpacking_them(workspace, make_zip, two_classes, monkeypatch):
    def fail(*_args: object, **_options: object) -> None:
        raise AssertionError("unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", fail)
    monkeypatch.setattr(zipfile.ZipFile, "extract", fail)
    import_data(make_zip(two_classes))


@pytest.mark.parametrize("name", list(SAMPLES))
def test_every_sample_is_what_it_says_and_is_imported_once(workspace, name):
    sample = SAMPLES[name]
    result = import_sample(name)
    assert (result.dataset.name, result.dataset.kind, result.dataset.n) == (sample.title, sample.kind, sample.n)
    assert (result.dataset.licence, result.skipped) == (sample.licence, ())
    assert import_sample(name).dataset == result.dataset
    assert len(store.list_datasets()) == 1


def test_clipart_has_its_four_classes(workspace):
    version = import_sample("clipart").version
    totals = {name: sum(part[name] for part in version.counts.values()) for name in version.classes}
    assert totals == {"birds": 51, "flowers": 34, "fruit": 91, "mammals": 126}
    samples = load_samples(DataRef(dataset="clip-art"))
    assert samples[["width", "height"]].max(axis=None) == 224


def test_penguins_keep_their_missing_cells(workspace):
    import_sample("penguins")
    features, schema = load_table(DataRef(dataset="penguins"))
    assert features.isna().sum().sum() == 19
    assert load_schema(store.import_folder("penguins", 1)) == schema


def test_digits_are_those_of_scikit_learn(workspace):
    from sklearn.datasets import load_digits

    import_sample("digits")
    samples = load_samples(DataRef(dataset="digits"))
    images = DatasetImages("digits")
    digits = load_digits()
    for sample in samples.iloc[::100].itertuples():
        number = int(sample.path.split("/")[1].removesuffix(".png"))
        assert sample.label == str(digits.target[number])
        assert images.image(sample.id)[..., 0] == pytest.approx(digits.images[number] * 255 / 16, abs=0.51)


class TestGivenParts:
    def test_train_and_test_folders_are_kept_as_the_split(self, workspace, make_zip, make_picture):
        files = {
            f"pets/{part}/{name}/{i}.png": make_picture(100 * p + 10 * c + i)
            for p, part in enumerate(("train", "valid", "test"))
            for c, name in enumerate(("cats", "dogs"))
            for i in range(4)
        }
        made = import_data(make_zip(files))
        assert made.version.split.given
        samples = load_samples(DataRef(dataset=made.dataset.id))
        first = samples["path"].str.split("/").str[0]
        assert (samples["part"] == first.replace("valid", "validation")).all()

    def test_other_data_are_not_said_to_have_given_parts(self, workspace, make_zip, two_classes):
        assert not import_data(make_zip(two_classes)).version.split.given


class TestLabelsFromAFile:
    @pytest.mark.parametrize(
        ("folder", "head", "line"),
        [
            ("", "filename,label", "{i}.png,{label}"),
            ("images/", "image;class", "images/{i}.png;{label}"),
            ("images/", "id\tcategory", "{i}\t{label}"),
            ("a/b/c/", "label,file", "{label},{i}.png"),
        ],
    )
    def test_images_get_the_labels_beside_them(self, workspace, make_zip, make_picture, folder, head, line):
        labels = ["猫" if i % 2 else "dog 🐕" for i in range(8)]
        table = "\n".join([head, *(line.format(i=i, label=label) for i, label in enumerate(labels))])
        files = {f"{folder}{i}.png": make_picture(i) for i in range(8)}
        made = import_data(make_zip(files | {"labels.csv": table.encode()}))
        samples = load_samples(DataRef(dataset=made.dataset.id))
        found = dict(zip(samples["path"].str.extract(r"(\d+)\.png")[0].astype(int), samples["label"], strict=True))
        assert [found[i] for i in range(8)] == labels
        assert not made.skipped

    def test_what_does_not_match_is_named(self, workspace, make_zip, make_picture):
        rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(8)]
        table = "\n".join(["file,label", *rows, "gone.png,a", "8.png,"])
        files = {f"{i}.png": make_picture(i) for i in range(10)}
        made = import_data(make_zip(files | {"labels.csv": table.encode()}))
        assert made.dataset.n == 8
        assert {(s.path, s.reason) for s in made.skipped} == {
            ("gone.png", "named in “labels.csv”, but not there"),
            ("8.png", "without a label in “labels.csv”"),
            ("9.png", "not named in “labels.csv”"),
        }

    def test_class_folders_go_first(self, workspace, make_zip, two_classes):
        table = "\n".join(["file,label", *(f"{name},x" for name in two_classes)])
        made = import_data(make_zip(two_classes | {"labels.csv": table.encode()}))
        assert made.dataset.classes == ("cats", "dogs")

    def test_parts_need_no_class_folders(self, workspace, make_zip, make_picture):
        files = {f"{part}/{part}{i}.png": make_picture(50 * p + i) for p, part in enumerate(("train", "test"))
                 for i in range(8)}  # fmt: skip
        table = "\n".join(["path,label", *(f"{name},{'ab'[i % 2]}" for i, name in enumerate(files))])
        made = import_data(make_zip(files | {"labels.csv": table.encode()}))
        samples = load_samples(DataRef(dataset=made.dataset.id))
        assert made.dataset.classes == ("a", "b")
        assert set(samples.loc[samples["part"] == "test", "path"]) == {f"test/test{i}.png" for i in range(8)}


class TestServerPaths:
    def test_only_what_lies_below_an_allowed_folder(self, workspace, tmp_path, monkeypatch):
        allowed, secret = tmp_path / "allowed", tmp_path / "secret"
        for folder in (allowed / "photos", secret):
            folder.mkdir(parents=True)
        (allowed / "link").symlink_to(secret)
        monkeypatch.setenv("GRAFT_IMPORT_FOLDERS", str(allowed))
        assert server_path(str(allowed / "photos")) == server_path("photos") == allowed / "photos"
        for bad in (str(secret), "link", "../secret", f"{allowed}/../secret", "", "none", "a\0b", "/", "x" * 5000):
            with pytest.raises(InputError, match="no file or folder below"):
                server_path(bad)

    def test_off_unless_set(self, workspace, tmp_path):
        with pytest.raises(InputError, match="may not import"):
            server_path(str(tmp_path))


def test_rows_of_one_group_are_never_on_two_sides(workspace, make_csv):
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal():.6f},{'ab'[i % 2]},p{(i // 4) % 25}" for i in range(200)]
    path = make_csv("\n".join(["size,kind,patient", *rows, *rows[:3]]))
    made = import_data(path, columns={"patient": {"role": "group"}, "kind": {"role": "target"}})
    samples = load_samples(DataRef(dataset=made.dataset.id))
    patients = [row.split(",")[2] for row in [*rows, *rows[:3]]]
    assert samples.groupby(patients)["part"].nunique().max() == 1
    assert samples.groupby(patients)["group"].nunique().max() == 1
    assert set(samples["part"]) == {"train", "validation", "test"}
    assert made.dataset.target == "kind"
    exact = [finding for finding in made.findings if finding.kind == "exact_duplicate"]
    assert [len(finding.samples) for finding in exact] == [6], "a group is no set of copies"


def test_classes_of_too_few_groups_are_refused_as_such(leftovers, make_csv):
    text = "size,kind,patient\n" + "".join(f"{i * i},{'ab'[i % 2]},p{i % 4 // 2}\n" for i in range(40))
    message = refusal(leftovers, make_csv(text), target="kind", columns={"patient": {"role": "group"}})
    assert "Class “a” of “table” has 2 distinct groups" in message


class TestBadMembers:
    """One bad file costs itself and is named; the rest is imported."""

    @staticmethod
    def huge(side: int = 30_000) -> bytes:
        """A PNG that says it is 30,000 × 30,000 pixels, and packs to almost nothing."""

        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        rows = zlib.compress(bytes(2**16))
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", rows)
            + chunk(b"IEND", b"")
        )

    @staticmethod
    def animated() -> bytes:
        out = io.BytesIO()
        frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "lime")]
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
        return out.getvalue()

    @pytest.mark.parametrize("pack", ["zip", "tar.gz", "folder"])
    def test_each_is_named_and_the_rest_imported(self, workspace, tmp_path, two_classes, make_picture, pack):
        jpeg = make_picture(1, 60, "JPEG")
        bad = {
            "cats/truncated.jpg": (jpeg[: len(jpeg) // 3], "damaged"),
            "cats/empty.png": (b"", "not an image"),
            "dogs/text.jpg": (b"hello", "not an image"),
            "dogs/huge.png": (self.huge(), "more than the 64,000,000 pixels allowed"),
            "dogs/table.xlsx": (b"PK", "not an image file"),
            "dogs/noending": (b"x", "not an image file"),
        }
        good = two_classes | {
            "cats/animated.gif": self.animated(),
            "dogs/jpeg.png": jpeg,
            "dogs/猫 قطة 🐈.png": make_picture(77),
            "dogs/with\nnewline.png": make_picture(78),
        }
        files = good | {name: data for name, (data, _) in bad.items()}
        source = tmp_path / ("photos" if pack == "folder" else f"photos.{pack}")
        if pack == "zip":
            with zipfile.ZipFile(source, "w") as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
        elif pack == "tar.gz":
            with tarfile.open(source, "w:gz") as tar:
                for name, data in files.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        else:
            for name, data in files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(data)
        made = import_data(source)
        assert set(load_samples(DataRef(dataset=made.dataset.id))["path"]) == set(good)
        told = {one.path: one.reason for one in made.skipped}
        assert told.keys() == bad.keys()
        for name, (_, reason) in bad.items():
            assert reason in told[name]

    def test_a_thousand_classes(self, workspace, tmp_path):
        path = tmp_path / "many.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for i in range(3000):
                pixels = np.random.default_rng(i).integers(0, 256, (4, 4, 3), dtype="uint8")
                out = io.BytesIO()
                Image.fromarray(pixels).save(out, "PPM")
                archive.writestr(f"class {i % 1000}/{i}.ppm", out.getvalue())
        made = import_data(path)
        assert len(made.dataset.classes) == 1000
        assert all(made.version.counts["test"].values()), "each is judged"

    def test_more_tiny_files_than_allowed(self, leftovers, tmp_path, monkeypatch):
        monkeypatch.setenv("GRAFT_MAX_MEMBERS", "2000")
        folder = tmp_path / "tiny" / "a"
        folder.mkdir(parents=True)
        for i in range(2001):
            (folder / f"{i}.png").touch()
        assert "2,001 files, more than the 2,000 allowed" in refusal(leftovers, tmp_path / "tiny")
