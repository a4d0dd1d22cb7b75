"""Small .tflite models written field by field, and the answers of TensorFlow Lite Micro's reference kernels
for them.
"""
import dataclasses

import flatbuffers
import numpy as np
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

RUNS = 4
ARENA_BYTES = 1 << 20
TYPES = {np.float32: schema.TensorType.FLOAT32, np.int32: schema.TensorType.INT32,
         np.uint8: schema.TensorType.UINT8, np.int64: schema.TensorType.INT64,
         np.bool_: schema.TensorType.BOOL, np.int16: schema.TensorType.INT16,
         np.int8: schema.TensorType.INT8}


@dataclasses.dataclass
class Subgraph:
    tensors: list = dataclasses.field(default_factory=list)
    operators: list = dataclasses.field(default_factory=list)
    inputs: list = dataclasses.field(default_factory=list)
    outputs: list = dataclasses.field(default_factory=list)


class Model:
    """One subgraph after the other; tensors are numbers."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)
        self.buffers = [schema.BufferT()]
        self.codes = []
        self.subgraphs = [Subgraph()]

    @property
    def graph(self):
        return self.subgraphs[-1]

    def tensor(self, shape, scale=None, zero=0, kind=np.int8, data=None, variable=False, resource=False,
               dimension=0):
        """scale: one, or one for each index of `dimension`."""
        made = schema.TensorT()
        made.shape = list(shape)
        made.type = schema.TensorType.RESOURCE if resource else TYPES[kind]
        made.name = f"t{len(self.graph.tensors)}".encode()
        made.isVariable = variable
        made.buffer = 0
        if data is not None:
            content = schema.BufferT()
            content.data = np.frombuffer(np.ascontiguousarray(data, dtype=kind).tobytes(), dtype=np.uint8)
            self.buffers.append(content)
            made.buffer = len(self.buffers) - 1
        if scale is not None:
            quantization = schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.float32(scale))
            quantization.zeroPoint = np.full(len(quantization.scale), zero, dtype=np.int64)
            quantization.quantizedDimension = dimension
            made.quantization = quantization
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, shape, scale=0.05, zero=3, kind=np.int8):
        made = self.tensor(shape, scale, zero, kind)
        self.graph.inputs.append(made)
        return made

    def weights(self, shape, scale=0.01, dimension=0, kind=np.int8):
        limit = np.iinfo(kind).max
        return self.tensor(shape, scale, 0, kind, self.random.integers(-limit, limit + 1, size=shape),
                           dimension=dimension)

    def bias(self, count, scale):
        return self.tensor([count], scale, 0, np.int32, self.random.integers(-2000, 2000, size=count))

    def integers(self, values):
        return self.tensor(np.shape(values), kind=np.int32, data=values)

    def operator(self, name, inputs, outputs, version=1, options=None, **fields):
        """options: the name of its table, whose fields are `fields`."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self.codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.codes) - 1
        made.inputs = list(inputs)
        made.outputs = list(outputs)
        if options:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, options + "T")()
            for field, value in fields.items():
                setattr(made.builtinOptions, field, value)
        self.graph.operators.append(made)

    def end_subgraph(self, outputs):
        self.graph.outputs = list(outputs)
        self.subgraphs.append(Subgraph())

    def file(self, outputs=None):
        if outputs is not None:
            self.graph.outputs = list(outputs)
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes = self.codes
        model.buffers = self.buffers
        model.subgraphs = []
        for graph in self.subgraphs:
            made = schema.SubGraphT()
            made.tensors = graph.tensors
            made.operators = graph.operators
            made.inputs = graph.inputs
            made.outputs = graph.outputs
            model.subgraphs.append(made)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def input_values(shape, kind, run, random):
    """Run 0 goes through the type's values, run 1 through its extremes, the others are noise."""
    count = int(np.prod(shape))
    if kind == np.float32:
        return random.normal(scale=2.0, size=shape).astype(np.float32)
    limits = np.iinfo(kind)
    if run == 0:
        step = 1 if np.dtype(kind).itemsize == 1 else 257
        values = (np.arange(count) * step) % (limits.max - limits.min + 1) + limits.min
    elif run == 1:
        values = random.choice([limits.min, limits.max], size=count)
    else:
        values = np.clip(np.round(random.normal(scale=(limits.max / 10) * run, size=count)), limits.min,
                         limits.max)
    return values.astype(kind).reshape(shape)


def run_model(model, runs=RUNS):
    """Of all runs all inputs and all outputs, raw and little-endian; what the model remembers runs on."""
    network = runtime.Interpreter.from_bytes(
        model, intrepreter_config=runtime.InterpreterConfig.kAllocationRecording, arena_size=ARENA_BYTES)
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(model))).subgraphs[0]
    random = np.random.default_rng(21)
    inputs, outputs = b"", b""
    for run in range(runs):
        for i in range(len(graph.inputs)):
            detail = network.get_input_details(i)
            values = input_values(detail["shape"], detail["dtype"], run, random)
            network.set_input(values, i)
            inputs += values.tobytes()
        network.invoke()
        for i in range(len(graph.outputs)):
            outputs += network.get_output(i).tobytes()
    return inputs, outputs
