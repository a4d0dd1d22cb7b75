#!/usr/bin/env python3
"""Records what images the compiler makes of models/: record_images.py COMPILE_MODEL > images.txt

Only a change that means to change images runs it; the diff then shows which.
COMPILE_MODEL is that of tests/device, on a machine with AVX2.
A line is a model and, for each target, the first 16 digits of the digest that its image carries.
"""
import pathlib
import subprocess
import sys
import tempfile

MODELS = pathlib.Path(__file__).resolve().parent / "models"
TARGETS = ("portable", "cortex-m-dsp", "helium", "host")
DIGEST = slice(16, 24)  # in the header, see device-runtime/FORMAT.md


def digest(compiler: str, model: pathlib.Path, target: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder, "image")
        subprocess.run([compiler, model, image, target], check=True)
        return image.read_bytes()[DIGEST].hex()


def main() -> None:
    for model in sorted(MODELS.glob("*.tflite")):
        if not model.stem.startswith("refused_"):
            print(model.stem, *(digest(sys.argv[1], model, target) for target in TARGETS))


if __name__ == "__main__":
    main()
