"""Writes .tflite files: the part of TensorFlow Lite's schema (version 3) that int8 models need,
and the FlatBuffer around it.

A FlatBuffer table is a Table here: a dictionary from a field's number in the schema to its value. Children
lie behind their parents, so that every offset in the file is positive.
"""
import dataclasses
import struct

BUFFER_ALIGNMENT = 16

# BuiltinOperator, TensorType, Padding, ActivationFunctionType and the numbers of BuiltinOptions,
# as the schema has them.
AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, RESHAPE, SOFTMAX = 1, 3, 4, 9, 22, 25
INT32, INT8 = 2, 9
SAME, VALID = 0, 1
NONE, RELU = 0, 1
CONV_2D_OPTIONS, DEPTHWISE_CONV_2D_OPTIONS, POOL_2D_OPTIONS = 1, 2, 5
FULLY_CONNECTED_OPTIONS, SOFTMAX_OPTIONS = 8, 9
RESHAPE_OPTIONS = 17
VERSIONS = {AVERAGE_POOL_2D: 2, CONV_2D: 3, DEPTHWISE_CONV_2D: 3, FULLY_CONNECTED: 4, RESHAPE: 1, SOFTMAX: 2}


@dataclasses.dataclass(frozen=True)
class Scalar:
    format: str  # struct's letter
    value: float


def byte(value: int) -> Scalar:
    return Scalar("b", value)


def int32(value: int) -> Scalar:
    return Scalar("i", value)


def float32(value: float) -> Scalar:
    return Scalar("f", value)


@dataclasses.dataclass(frozen=True)
class Vector:
    """A vector of scalars; `format` is struct's letter, `alignment` that of the first element."""
    format: str
    values: bytes | list
    alignment: int = 4


@dataclasses.dataclass(frozen=True)
class Tables:
    """A vector of tables."""
    tables: list


class Table(dict):
    """Field number -> Scalar, Vector, Tables, Table or str."""


class Writer:
    def __init__(self) -> None:
        self.out = bytearray()

    def align(self, alignment: int, ahead: int = 0) -> None:
        """Pads so that what follows `ahead` bytes lies on the alignment."""
        while (len(self.out) + ahead) % alignment:
            self.out.append(0)

    def point(self, place: int) -> None:
        """The offset at `place` leads to here."""
        struct.pack_into("<I", self.out, place, len(self.out) - place)

    def write_table(self, table: Table, place: int) -> None:
        """Writes the table, after its list of field offsets, and makes `place` lead to it."""
        sizes = [struct.calcsize(table[i].format) if isinstance(table.get(i), Scalar) else 4 if i in table
                 else 0
                 for i in range(max(table, default=-1) + 1)]
        offsets, end = [], 4
        for size in sizes:
            end += -end % size if size else 0
            offsets.append(end if size else 0)
            end += size
        vtable = struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), end, *offsets)
        self.align(4)
        self.align(4, len(vtable))
        start_of_vtable = len(self.out)
        self.out += vtable
        self.point(place)
        start = len(self.out)
        self.out += struct.pack("<i", start - start_of_vtable) + bytes(end - 4)
        children = []
        for number, offset in enumerate(offsets):
            if number not in table:
                continue
            if isinstance(table[number], Scalar):
                struct.pack_into("<" + table[number].format, self.out, start + offset, table[number].value)
            else:
                children.append((table[number], start + offset))
        for child, child_place in children:
            self.write_child(child, child_place)

    def write_child(self, child, place: int) -> None:
        if isinstance(child, Table):
            self.write_table(child, place)
        elif isinstance(child, str):
            self.align(4)
            self.point(place)
            text = child.encode()
            self.out += struct.pack("<I", len(text)) + text + b"\0"
        elif isinstance(child, Tables):
            self.align(4)
            self.point(place)
            first = len(self.out) + 4
            self.out += struct.pack("<I", len(child.tables)) + bytes(4 * len(child.tables))
            for index, table in enumerate(child.tables):
                self.write_table(table, first + 4 * index)
        else:
            self.align(4)
            self.align(child.alignment, 4)
            self.point(place)
            self.out += struct.pack(f"<I{len(child.values)}{child.format}", len(child.values), *child.values)

    def write_file(self, root: Table) -> bytes:
        self.out = bytearray(4) + b"TFL3"
        self.write_table(root, 0)
        return bytes(self.out)


@dataclasses.dataclass(frozen=True)
class Quantization:
    """real = scale * (q - zero_point); one scale for each index of `dimension` when there are several."""
    scales: list[float]
    zero_point: int = 0
    dimension: int = 0


class Model:
    """One subgraph, built tensor by tensor and operator by operator."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.buffers = [Table()]  # buffer 0 is the empty one, by convention
        self.tensors: list[Table] = []
        self.codes: list[int] = []
        self.operators: list[Table] = []

    def tensor(self, name: str, shape: list[int], kind: int, quantization: Quantization | None = None,
               data: bytes | None = None) -> int:
        """Adds a tensor, a constant if it has data, and returns its index."""
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(Table({0: Vector("B", data, BUFFER_ALIGNMENT)}))
        fields = Table({0: Vector("i", shape), 1: byte(kind), 2: int32(buffer), 3: name})
        if quantization is not None:
            zero_points = [quantization.zero_point] * len(quantization.scales)
            fields[4] = Table({2: Vector("f", quantization.scales), 3: Vector("q", zero_points, 8),
                               6: int32(quantization.dimension)})
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def operator(self, code: int, inputs: list[int], outputs: list[int], options_type: int,
                 options: Table) -> None:
        if code not in self.codes:
            self.codes.append(code)
        self.operators.append(Table({0: int32(self.codes.index(code)), 1: Vector("i", inputs),
                                     2: Vector("i", outputs), 3: byte(options_type), 4: options}))

    def file(self, inputs: list[int], outputs: list[int]) -> bytes:
        codes = [Table({0: byte(code), 2: int32(VERSIONS[code]), 3: int32(code)}) for code in self.codes]
        subgraph = Table({0: Tables(self.tensors), 1: Vector("i", inputs), 2: Vector("i", outputs),
                          3: Tables(self.operators), 4: self.name})
        return Writer().write_file(Table({0: int32(3), 1: Tables(codes), 2: Tables([subgraph]), 3: self.name,
                                          4: Tables(self.buffers)}))
