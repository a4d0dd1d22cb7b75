"""Trains the small backbones of the head experiments and exports them as int8 .tflite files.

    train_backbones.py fsdd|har DATA_DIR OUTPUT_DIR [--seed N] [--only FOLD,FOLD] [--epochs N]

DATA_DIR is what `sotto dataset convert` writes. Each fold leaves people out: the backbone and its head learn
from everybody else, and so do the mean and deviation that its inputs are brought to. The people left out
become devices. OUTPUT_DIR gets a folder for each fold:

    model.tflite            int8 in and out; its head is its last fully connected layer
    fleet/<device>/         x.npy, y.npy: what `sotto simulate folder` and `sotto device run --data` read
    fleet/<device>/test/    of the same person and learned from by no device, where a device is a person
    fleet/test/             those of everybody left out

fsdd: a fold leaves one speaker out. His takes 5 to 49 are dealt to nine devices, five takes of each digit to
each; takes 0 to 4 are the test. har: a fold leaves every third subject out, and each of them is a device. The
first half of a subject's windows of an activity is learned from and the second is the test; the window
between them, which overlaps with both, is left away.
The same seed, processor and TensorFlow give the same files.
"""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # its sums depend on the processor's kind

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: E402

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TEST_TAKES, SPEAKER_DEVICES = 5, 9
SUBJECTS, SUBJECT_FOLDS = 30, 3
CALIBRATION_EXAMPLES = 500


class Person:
    """x [n][height][width][channels] float32, y [n] uint8, and the device that learns from each example:
    -1 is the test, -2 nobody."""

    def __init__(self, name, x, y, device):
        self.name, self.x, self.y, self.device = name, x.astype(np.float32), y.astype(np.uint8), device


def read_speakers(folder):
    people = []
    for name in SPEAKERS:
        takes = np.load(folder / f"{name}_k.npy").astype(int)
        device = np.where(takes < TEST_TAKES, -1, (takes - TEST_TAKES) % SPEAKER_DEVICES)
        people.append(Person(name, np.load(folder / f"{name}_x.npy").reshape(-1, 49, 10, 1) / 256,
                             np.load(folder / f"{name}_y.npy"), device))
    return people


def halves(y):
    """Learned from (0) or tested on (-1), in the order of each label's examples."""
    device = np.full(len(y), -1)
    for label in np.unique(y):
        (places,) = np.nonzero(y == label)
        middle = len(places) // 2
        device[places[:middle]] = 0
        device[places[middle]] = -2
    return device


def read_subjects(folder):
    scale = np.array([8192.0] * 3 + [4096.0] * 3 + [8192.0] * 3)
    people = []
    for number in range(1, SUBJECTS + 1):
        y = np.load(folder / f"s{number:02d}_y.npy")
        x = np.load(folder / f"s{number:02d}_x.npy").reshape(-1, 128, 1, 9) / scale
        people.append(Person(f"subject-{number:02d}", x, y, halves(y)))
    return people


def speech_network():
    layers = tf.keras.layers
    return tf.keras.Sequential([
        layers.Input((49, 10, 1), batch_size=None),
        layers.Conv2D(32, (10, 4), strides=(2, 2), padding="same", activation="relu"),
        layers.DepthwiseConv2D((3, 3), padding="same", activation="relu"),
        layers.Conv2D(64, (1, 1), activation="relu"),
        layers.AveragePooling2D((5, 5)),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10)])


def motion_network():
    layers = tf.keras.layers
    return tf.keras.Sequential([
        layers.Input((128, 1, 9), batch_size=None),
        layers.Conv2D(24, (9, 1), strides=(2, 1), padding="same", activation="relu"),
        layers.Conv2D(32, (5, 1), strides=(2, 1), padding="same", activation="relu"),
        layers.AveragePooling2D((8, 1)),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(6)])


EXPERIMENTS = {
    "fsdd": (read_speakers, speech_network, 15,
             lambda people: [[person] for person in people]),
    "har": (read_subjects, motion_network, 12,
            lambda people: [people[fold::SUBJECT_FOLDS] for fold in range(SUBJECT_FOLDS)]),
}


def train(network, x, y, seed, epochs):
    tf.keras.utils.set_random_seed(seed)
    model = network()
    model.compile(optimizer=tf.keras.optimizers.Adam(0.002),
                  loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return model, history.history["accuracy"][-1]


def to_tflite(model, x, seed):
    """int8 weights, activations, input and output; a batch of one, so that no shape is left to run time."""
    signature = tf.TensorSpec((1, *x.shape[1:]), tf.float32)
    function = tf.function(lambda values: model(values, training=False)).get_concrete_function(signature)
    frozen = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    chosen = np.random.default_rng(seed).choice(len(x), min(CALIBRATION_EXAMPLES, len(x)), replace=False)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[i:i + 1]] for i in chosen)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def write_examples(folder, x, y):
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "x.npy", np.ascontiguousarray(x.reshape(len(x), -1), dtype="<f4"))
    np.save(folder / "y.npy", y)


def write_fleet(folder, people, standardise):
    for person in people:
        x, is_test = standardise(person.x), person.device == -1
        devices = range(person.device.max() + 1)
        for device in devices:
            own = person.device == device
            name = person.name if len(devices) == 1 else f"{person.name}-{device + 1}"
            write_examples(folder / name, x[own], person.y[own])
            if len(devices) == 1:
                write_examples(folder / name / "test", x[is_test], person.y[is_test])
    write_examples(folder / "test",
                   np.concatenate([standardise(p.x)[p.device == -1] for p in people]),
                   np.concatenate([p.y[p.device == -1] for p in people]))


def run_fold(name, left_out, others, folder, seed, epochs):
    _, network, default_epochs, _ = EXPERIMENTS[name]
    x = np.concatenate([person.x for person in others])
    y = np.concatenate([person.y for person in others])
    axes = (0, 1, 3) if name == "fsdd" else (0, 1, 2)  # a mean for each coefficient, or each channel
    mean, deviation = x.mean(axes, keepdims=True), x.std(axes, keepdims=True)

    def standardise(values):
        return (values - mean) / deviation

    model, accuracy = train(network, standardise(x), y, seed, epochs or default_epochs)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(to_tflite(model, standardise(x), seed))
    write_fleet(folder / "fleet", left_out, standardise)
    print(f"{name}: {folder.name} left out, learned from {len(others)} others: {accuracy:.3f} of their "
          f"{len(y)} examples", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=sorted(EXPERIMENTS))
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="these folds, as george,theo or fold-2 [all of them]")
    parser.add_argument("--epochs", type=int, help="of the backbone")
    arguments = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    read, _, _, make_folds = EXPERIMENTS[arguments.experiment]
    people = read(arguments.data)
    folds = {left_out[0].name if len(left_out) == 1 else f"fold-{number}": left_out
             for number, left_out in enumerate(make_folds(people), 1)}
    chosen = arguments.only.split(",") if arguments.only else list(folds)
    if not set(chosen) <= set(folds):
        parser.error(f"--only {arguments.only}: the folds are {', '.join(folds)}")
    for name in chosen:
        others = [person for person in people if person not in folds[name]]
        run_fold(arguments.experiment, folds[name], others, arguments.output / name, arguments.seed,
                 arguments.epochs)


if __name__ == "__main__":
    main()
