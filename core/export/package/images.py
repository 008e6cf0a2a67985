"""The package of a network for images."""

from pathlib import Path

from core.data.images.writing import image_limits
from core.export.formats import Format
from core.export.job import Job
from core.export.package.writing import HERE, describe_model, write_package
from core.inference.predicting.pictures import find_rendering

SCRIPT = HERE / "predict_images.py"
# What the input of a network is, where its format does not say it otherwise.
WITH_BYTES = ("onnxruntime", "openvino")
README = """\
# {name}

A network that Graft trained to tell {n} classes of pictures apart: {classes}.

## Predict

```
pip install -r requirements.txt
python predict.py FILE_OR_FOLDER… --out predictions.csv
```

It needs $packages. `predict.py` takes pictures as they come from a camera or scanner and writes a line for each
picture: the class, its calibrated confidence, and the probability of every class, as the network gives it (`p:`) and
calibrated (`calibrated:`). `unlike` and `distance` stay empty: whether a picture is unlike those that the network
was trained on is told by comparing it with them, and they are not part of this folder.

## Use the file `{model}` by itself

Do this to a picture, then give it to the network. `preprocessing.json` says the same to programs.

1. Turn it upright by its EXIF orientation.
2. Lay transparency on {ground}. {grey}
3. Convert it to RGB, with values of 0 to 255.
4. Where its longer side has more than {side} pixels, scale it to {side}, bicubic, with its proportions.
5. Scale the whole picture to {size} × {size} pixels, bilinear and antialiased (Pillow's `resize`), without keeping
   its proportions.
6. Give it as `(1, {size}, {size}, 3)`, {dtype}, not divided by anything: the network scales the values itself.

It gives the probability of each class, in this order: {classes}. {calibration}
"""


def write_image_package(job: Job, wanted: Format, model: Path) -> None:
    """Write into the model's folder what makes it predict by itself."""
    rendering, limits = find_rendering(job.run), image_limits()
    size, dtype = job.network.input_shape[1], "uint8" if wanted.engine in WITH_BYTES else "float32"
    settings, calibration = describe_model(job, wanted.engine, model)
    classes = settings["classes"]
    settings |= {
        "input": {
            "size": size,
            "shape": [1, size, size, 3],
            "dtype": dtype,
            "colours": "RGB",
            "range": [0, 255],
            "orientation": "upright by EXIF",
            "resize": "bilinear, antialiased, without keeping proportions",
        },
        "limits": limits.model_dump(),
        "rendering": rendering.model_dump(),
    }
    known = rendering.low is not None and rendering.high is not None
    span = f"{rendering.low:g} to {rendering.high:g}" if known else "0 to 65,535 (floats 0 to 1)"
    readme = README.format(
        name=job.run.name,
        n=len(classes),
        classes=", ".join(classes),
        model=model.name,
        ground=rendering.ground or "white",
        grey=f"Stretch values of more than 8 bits from {span} to 0 to 255.",
        side=limits.side,
        size=size,
        dtype=dtype,
        calibration=calibration,
    )
    write_package(model.parent, SCRIPT, settings, readme)
