#!/usr/bin/env python3
"""Makes a small int8 .tflite model that tells the direction of stripes, and pictures to try it on.

make_model.py MODEL.tflite [PICTURES.bin [LABELS.bin]]
The input is a grey picture of 16 x 16 pixels, the answer one of horizontal, vertical, rising, falling.
Nothing is trained: the first layer's filters are Sobel's, the rest adds up what they find. It has the
operators of a depthwise-separable network for keywords or people, in a size that runs anywhere.
"""
import argparse
import math
import pathlib
import random
import struct

import tflite_file as tflite

SIDE = 16
DIRECTIONS = ("horizontal", "vertical", "rising", "falling")
SOBEL = (
    ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    ((2, 1, 0), (1, 0, -1), (0, -1, -2)),
    ((0, 1, 2), (-1, 0, 1), (-2, -1, 0)),
)
BLUR = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
LARGEST_EDGE = 8.0  # of a Sobel filter over pixels in [-1, 1]
ACTIVATION = tflite.Quantization([LARGEST_EDGE / 255], -128)


class Layers:
    """Adds one layer after the other, each on the output of the last."""

    def __init__(self) -> None:
        self.model = tflite.Model("stripes")
        self.scale = 1 / 127
        self.output = self.input = self.model.tensor("picture", [1, SIDE, SIDE, 1], tflite.INT8,
                                                     tflite.Quantization([self.scale]))

    def constants(self, name: str, shape: list[int], weights: list[float], channels: int,
                  dimension: int) -> list[int]:
        """int8 weights with one scale, and biases of 0."""
        scale = max(abs(weight) for weight in weights) / 127
        quantised = struct.pack(f"{len(weights)}b", *(round(weight / scale) for weight in weights))
        count = 1 if dimension < 0 else channels
        weight_tensor = self.model.tensor(f"{name}/weights", shape, tflite.INT8,
                                          tflite.Quantization([scale] * count, 0, max(dimension, 0)),
                                          quantised)
        bias_tensor = self.model.tensor(f"{name}/biases", [channels], tflite.INT32,
                                        tflite.Quantization([scale * self.scale] * count),
                                        bytes(4 * channels))
        return [weight_tensor, bias_tensor]

    def add(self, name: str, code: int, constants: list[int], shape: list[int],
            quantization: tflite.Quantization, options_type: int, options: tflite.Table) -> None:
        output = self.model.tensor(name, shape, tflite.INT8, quantization)
        self.model.operator(code, [self.output, *constants], [output], options_type, options)
        self.output, self.scale = output, quantization.scales[0]

    def file(self) -> bytes:
        return self.model.file([self.input], [self.output])


def make_model() -> bytes:
    byte, int32 = tflite.byte, tflite.int32
    layers = Layers()
    # A filter and its negative for each direction: after RELU an edge is found whichever side is bright.
    edges = [sign * value for kernel in SOBEL for sign in (1, -1) for line in kernel for value in line]
    layers.add("edges", tflite.CONV_2D, layers.constants("edges", [8, 3, 3, 1], edges, 8, 0),
               [1, SIDE, SIDE, 8], ACTIVATION,
               tflite.CONV_2D_OPTIONS,
               tflite.Table({0: byte(tflite.SAME), 1: int32(1), 2: int32(1), 3: byte(tflite.RELU),
                             4: int32(1), 5: int32(1)}))
    blur = [value / 16 for line in BLUR for value in line for _ in range(8)]
    layers.add("blur", tflite.DEPTHWISE_CONV_2D, layers.constants("blur", [1, 3, 3, 8], blur, 8, 3),
               [1, 8, 8, 8], ACTIVATION, tflite.DEPTHWISE_CONV_2D_OPTIONS,
               tflite.Table({0: byte(tflite.SAME), 1: int32(2), 2: int32(2), 3: int32(1),
                             4: byte(tflite.RELU), 5: int32(1), 6: int32(1)}))
    pairs = [float(channel // 2 == direction) for direction in range(4) for channel in range(8)]
    layers.add("pairs", tflite.CONV_2D, layers.constants("pairs", [4, 1, 1, 8], pairs, 4, 0), [1, 8, 8, 4],
               ACTIVATION,
               tflite.CONV_2D_OPTIONS,
               tflite.Table({0: byte(tflite.VALID), 1: int32(1), 2: int32(1), 3: byte(tflite.RELU),
                             4: int32(1), 5: int32(1)}))
    layers.add("mean", tflite.AVERAGE_POOL_2D, [], [1, 1, 1, 4], ACTIVATION, tflite.POOL_2D_OPTIONS,
               tflite.Table({0: byte(tflite.VALID), 1: int32(8), 2: int32(8), 3: int32(8), 4: int32(8),
                             5: byte(tflite.NONE)}))
    shape = layers.model.tensor("flat/shape", [2], tflite.INT32, None, struct.pack("<2i", 1, 4))
    layers.add("flat", tflite.RESHAPE, [shape], [1, 4], ACTIVATION, tflite.RESHAPE_OPTIONS,
               tflite.Table({0: tflite.Vector("i", [1, 4])}))
    # Its own direction against the mean of the others.
    contrast = [6.0 if row == column else -2.0 for row in range(4) for column in range(4)]
    layers.add("scores", tflite.FULLY_CONNECTED, layers.constants("scores", [4, 4], contrast, 4, -1), [1, 4],
               tflite.Quantization([24 / 127]), tflite.FULLY_CONNECTED_OPTIONS,
               tflite.Table({0: byte(tflite.NONE)}))
    layers.add("answer", tflite.SOFTMAX, [], [1, 4], tflite.Quantization([1 / 256], -128),
               tflite.SOFTMAX_OPTIONS, tflite.Table({0: tflite.float32(1.0)}))
    return layers.file()


def make_picture(direction: int, draw: random.Random) -> bytes:
    """Stripes 5 to 8 pixels wide, anywhere, with noise."""
    wave = 2 * math.pi / draw.uniform(5, 8)
    phase = draw.uniform(0, 2 * math.pi)
    across = ((1, 0), (0, 1), (math.sqrt(0.5), math.sqrt(0.5)), (-math.sqrt(0.5), math.sqrt(0.5)))[direction]
    values = [0.7 * math.sin(wave * (across[0] * y + across[1] * x) + phase) + draw.gauss(0, 0.1)
              for y in range(SIDE) for x in range(SIDE)]
    return struct.pack(f"{len(values)}b", *(round(127 * max(-1.0, min(1.0, value))) for value in values))


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a small int8 .tflite model, "
                                                 "and pictures to try it on.")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path, nargs="?")
    parser.add_argument("labels", type=pathlib.Path, nargs="?")
    options = parser.parse_args()
    content = make_model()
    options.model.write_bytes(content)
    print(f"{options.model}: {len(content)} bytes")
    draw = random.Random(7)
    labels = [index % len(DIRECTIONS) for index in range(32)]
    if options.pictures:
        options.pictures.write_bytes(b"".join(make_picture(label, draw) for label in labels))
        print(f"{options.pictures}: {len(labels)} pictures of {SIDE * SIDE} bytes")
    if options.labels:
        options.labels.write_bytes(bytes(labels))


if __name__ == "__main__":
    main()
