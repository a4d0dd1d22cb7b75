"""`sotto model export`: what a task learned as .tflite files, which the official interpreter runs.

What that gave is in exported_models.json, by the SHA-256 of the file: LiteRT with its reference kernels, as
in tests/device/operators/requirements.txt. With that package and SOTTO_BINARY set,
`test_export.py --record` asks it again.
"""

import hashlib
import json
import math
import pathlib
import random
import struct
import sys
import tempfile
import unittest
import zlib

from sotto_process import Coordinator, SystemTest, run, run_ok, write_task

RECORD = pathlib.Path(__file__).with_name("exported_models.json")
# What converters made: features and outputs of each head.
MODELS = pathlib.Path(__file__).resolve().parents[1] / "device" / "operators" / "models"
HEADS = {"flatten_dynamic": (36, 4), "dense_no_bias": (16, 5), "series_classifier": (32, 3)}
MODEL = MODELS / "flatten_dynamic.tflite"
FORMS = ("float32", "biases")  # int8 differs only in what it rounds while it learns
RUNS = 4


def head_parameters(name="flatten_dynamic"):
    """Weights, then biases; all of them exact in float32."""
    features, outputs = HEADS[name]
    draws = random.Random(11)
    return [draws.randrange(-400, 400) / 1024 for _ in range(features * outputs)] + \
        [draws.randrange(-900, 900) / 512 for _ in range(outputs)]


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def npy(values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(values)},), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + floats(values)


def inputs(name):
    """Runs of the model that are kept beside it."""
    runs = (MODELS / f"{name}.inputs").read_bytes()
    size = len(runs) // RUNS
    return [runs[at:at + size] for at in range(0, len(runs), size)]


def export_heads(folder, name):
    """One file for each form."""
    parameters = folder / "head.f32"
    parameters.write_bytes(floats(head_parameters(name)))
    files = {}
    for form in FORMS:
        files[form] = folder / f"{name}-{form}.tflite"
        run_ok("model", "export", "--parameters", parameters, "--into", MODELS / f"{name}.tflite",
               "--head-form", form, "--output", files[form])
    return files


def export_tasks(folder):
    """The built-in models, as a coordinator has them at first; each with its parameters."""
    files = {}
    with Coordinator(folder / "coordinator") as one:
        for name, model in (("softmax", {}), ("dense", {"hidden": [7, 5]})):
            settings = {"architecture": name, "features": 4, "classes": 3, "seed": 5, "labels": ""} | model
            task = write_task(folder, name=name, **settings)
            one.admin("task", "create", "--file", task)
            files[name] = folder / f"{name}.tflite"
            one.admin("model", "export", name, "--format", "tflite", "--output", files[name])
            one.admin("model", "export", name, "--output", folder / f"{name}.f32")
    return files


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recorded_digest(name):
    return json.loads(RECORD.read_text())[name]["sha256"]


class Heads(SystemTest):
    def test_have_the_bytes_that_the_official_interpreter_gives(self):
        recorded = json.loads(RECORD.read_text())
        for name in HEADS:
            for form, file in export_heads(self.folder, name).items():
                with self.subTest(name=name, form=form):
                    self.assertEqual(digest(file), recorded[f"{name}-{form}"]["sha256"])
                    self.check_outputs(file, inputs(name), recorded[f"{name}-{form}"]["outputs"])

    def check_outputs(self, file, values, outputs):
        given, made = self.folder / "in.bin", self.folder / "out.bin"
        for value, expected in zip(values, outputs, strict=True):
            given.write_bytes(value)
            run_ok("image", "run", file, "--input", given, "--output", made)
            self.assertEqual(made.read_bytes().hex(), expected)

    def test_come_from_npy_files_too(self):
        array, output = self.folder / "head.npy", self.folder / "output.tflite"
        array.write_bytes(npy(head_parameters()))
        run_ok("model", "export", "--parameters", array, "--into", MODEL, "--output", output)
        self.assertEqual(digest(output), recorded_digest("flatten_dynamic-float32"))

    def test_what_does_not_fit_is_refused_with_a_sentence(self):
        text, few = self.folder / "text", self.folder / "few.f32"
        text.write_text("no parameters")
        few.write_bytes(floats([1, 2, 3]))
        good = self.folder / "good.f32"
        good.write_bytes(floats(head_parameters()))
        image = self.folder / "model.sotto"
        run_ok("image", "compile", MODEL, "-o", image)
        output = self.folder / "output"
        for arguments, words in (
                (("--parameters", text, "--into", MODEL), ("13 bytes", "float32")),
                (("--parameters", few, "--into", MODEL), ("148 parameters", "3 were given")),
                (("--parameters", good, "--into", image), ("no .tflite file", "the image was made of")),
                (("--parameters", good, "--format", "tflite"), ("whose they are", "--into")),
                (("--into", MODEL), ("name what to export",)),
                (("activity", "--parameters", good), ("name what to export",))):
            with self.subTest(words=words):
                self.assert_refused(run("model", "export", *arguments, "--output", output), 2, *words)
                self.assertFalse(output.exists())


class Tasks(SystemTest):
    def test_built_in_models_become_the_files_that_the_official_interpreter_ran(self):
        for name, file in export_tasks(self.folder).items():
            self.assertEqual(digest(file), recorded_digest(name), name)

    def test_of_a_head_are_written_into_its_own_file_only(self):
        other = MODELS / "dense_no_bias.tflite"
        trainer = f"head-{zlib.crc32(MODEL.read_bytes()):08x}"
        start = self.folder / "start.npy"
        start.write_bytes(npy(head_parameters()))
        with Coordinator(self.folder / "coordinator") as one:
            one.admin("task", "create", "--file", write_task(self.folder, name="softmax"))
            task = write_task(self.folder, name="head", architecture="custom", features=36, classes=4,
                              parameters=len(head_parameters()), labels="")
            task.write_text(task.read_text().replace('name = ""', f'name = "{trainer}"', 1))
            one.admin("task", "create", "--file", task, "--initial", start)
            output = self.folder / "task.tflite"
            one.admin("model", "export", "head", "--into", MODEL, "--output", output)
            self.assertEqual(digest(output), recorded_digest("flatten_dynamic-float32"))
            folder = ("--data-dir", self.folder / "coordinator", "--output", output)
            for arguments, words in (
                    (("head", "--into", other), (f"trains '{trainer}'", "that its devices have")),
                    (("head", "--format", "tflite"), ("is custom", "--into")),
                    (("softmax", "--into", MODEL), ("a model of its own", "--format tflite"))):
                with self.subTest(words=words):
                    self.assert_refused(run("model", "export", *arguments, *folder), 2, *words)


def official(path, values, kind):
    """What the official interpreter makes of each of the inputs."""
    import numpy
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    model = Interpreter(model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    model.allocate_tensors()
    outputs = []
    for value in values:
        detail = model.get_input_details()[0]
        model.set_tensor(detail["index"], numpy.frombuffer(value, dtype=kind).reshape(detail["shape"]))
        model.invoke()
        outputs.append(model.get_tensor(model.get_output_details()[0]["index"]).tobytes())
    return outputs


def probabilities(widths, parameters, values):
    """The built-in models as PROTOCOL.md section 3 has them."""
    for layer, (rows, columns) in enumerate(zip(widths, widths[1:])):
        weights, parameters = parameters[:rows * columns], parameters[rows * columns:]
        bias, parameters = parameters[:columns], parameters[columns:]
        values = [bias[j] + sum(values[i] * weights[i * columns + j] for i in range(rows))
                  for j in range(columns)]
        if layer + 2 < len(widths):
            values = [max(value, 0) for value in values]
    exponentials = [math.exp(value - max(values)) for value in values]
    return [value / sum(exponentials) for value in exponentials]


def record():
    recorded = {}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        for name in HEADS:
            for form, file in export_heads(folder, name).items():
                outputs = [output.hex() for output in official(file, inputs(name), "int8")]
                recorded[file.stem] = {"sha256": digest(file), "outputs": outputs}
        widths = {"softmax": (4, 3), "dense": (4, 7, 5, 3)}
        for task, file in export_tasks(folder).items():
            kept = (folder / f"{task}.f32").read_bytes()
            parameters = struct.unpack(f"<{len(kept) // 4}f", kept)
            draws = random.Random(3)
            for _ in range(50):
                values = [draws.randrange(-999, 999) / 256 for _ in range(4)]
                (output,) = official(file, [floats(values)], "float32")
                expected = probabilities(widths[task], parameters, values)
                for found, wanted in zip(struct.unpack("<3f", output), expected, strict=True):
                    assert abs(found - wanted) < 1e-5, (task, found, wanted)
            recorded[task] = {"sha256": digest(file)}
    RECORD.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    record() if "--record" in sys.argv else unittest.main()
