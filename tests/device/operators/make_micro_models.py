#!/usr/bin/env python3
"""Writes the models of micro_cases.py and TensorFlow Lite Micro's answers to models/, see README.md.
make_micro_models.py [NAME...]
"""
import pathlib
import sys

from micro_cases import CASES
from micro_models import run_model

MODELS = pathlib.Path(__file__).resolve().parent / "models"


def main():
    for name in sys.argv[1:] or CASES:
        model = CASES[name]()
        inputs, outputs = run_model(model)
        for suffix, content in ((".tflite", model), (".inputs", inputs), (".outputs", outputs)):
            (MODELS / name).with_suffix(suffix).write_bytes(content)
        print(f"{name}: {len(model)} bytes, {len(set(outputs))} different bytes of output")


if __name__ == "__main__":
    main()
