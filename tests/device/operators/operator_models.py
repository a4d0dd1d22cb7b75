"""How a small TensorFlow function or Keras model becomes a full-int8 .tflite
whose answers the official interpreter gives.
"""
import dataclasses
from typing import Callable, Sequence

import flatbuffers
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tensorflow.lite.python import schema_py_generated as schema_fb

CALIBRATION_SAMPLES = 64
RUNS = 4


@dataclasses.dataclass(frozen=True)
class Case:
    """One operator, or one way a converter writes it.

    operators: the operators that must be in the model, in order. build: returns a converter for inputs of
    `shapes`, whose calibration values are normal with the standard deviation `spread`. A shape's first
    dimension may be None in `build`; the model still runs with batch 1. reference False: asked of the
    optimised kernel, because the reference one is absent (TILE, DEPTH_TO_SPACE, ELU)
    or reads memory it has not set (SUM).
    """
    operators: Sequence[str]
    build: Callable[[], tf.lite.TFLiteConverter]
    shapes: Sequence[Sequence[int]]
    spread: float = 2.0
    input_type: tf.DType = tf.int8
    output_type: tf.DType = tf.int8
    quantised: bool = True
    reference: bool = True
    rewrite: Callable[[schema_fb.ModelT], None] | None = None


def function(operators, body, *shapes, signature=None, **options) -> Case:
    """A tf.function of one float32 argument per shape;
    signature is the shape with None where it is left open."""
    signature = [tf.TensorSpec(signature or shape) for shape in shapes]

    def build():
        concrete = tf.function(body, input_signature=signature).get_concrete_function()
        return tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    return Case(operators.split(), build, shapes, **options)


def start() -> None:
    """The same weights and names whatever was built before."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(7)


def keras(operators, layers, shape, batch_size=1, **options) -> Case:
    """A Sequential model; layers() is called after seeding,
    so that weights repeat. batch_size None is what Keras users export."""
    def build():
        start()
        model = tf.keras.Sequential([tf.keras.Input(shape, batch_size=batch_size), *layers()])
        return tf.lite.TFLiteConverter.from_keras_model(model)
    return Case(operators.split(), build, [(1, *shape)], **options)


def functional(operators, body, shape, batch_size=None, **options) -> Case:
    """A Keras functional model of one input."""
    def build():
        start()
        first = tf.keras.Input(shape, batch_size=batch_size)
        return tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(first, body(first)))
    return Case(operators.split(), build, [(1, *shape)], **options)


def convert(case: Case) -> bytes:
    random = np.random.default_rng(20)

    def calibration():
        for _ in range(CALIBRATION_SAMPLES):
            yield [random.normal(scale=case.spread, size=shape).astype(np.float32) for shape in case.shapes]
    converter = case.build()
    if not case.quantised:
        return converter.convert()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = case.input_type
    converter.inference_output_type = case.output_type
    model = converter.convert()
    return rewritten(model, case.rewrite) if case.rewrite else model


def rewritten(model: bytes, rewrite: Callable[[schema_fb.ModelT], None]) -> bytes:
    """For operators that only earlier converters wrote."""
    content = schema_fb.ModelT.InitFromObj(schema_fb.Model.GetRootAs(bytearray(model)))
    rewrite(content)
    builder = flatbuffers.Builder(1024)
    builder.Finish(content.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def reshape_to_squeeze(model: schema_fb.ModelT) -> None:
    operator = model.subgraphs[0].operators[0]
    model.operatorCodes[operator.opcodeIndex].builtinCode = schema_fb.BuiltinOperator.SQUEEZE
    model.operatorCodes[operator.opcodeIndex].deprecatedBuiltinCode = schema_fb.BuiltinOperator.SQUEEZE
    operator.inputs = operator.inputs[:1]
    operator.builtinOptionsType = schema_fb.BuiltinOptions.SqueezeOptions
    operator.builtinOptions = schema_fb.SqueezeOptionsT(squeezeDims=[1])


def interpreter(model: bytes, reference: bool) -> Interpreter:
    kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = Interpreter(model_content=model, experimental_op_resolver_type=kind)
    made.allocate_tensors()
    return made


def input_values(detail: dict, run: int, random: np.random.Generator) -> np.ndarray:
    """Run 0 holds every int8 value as far as it fits, run 1 the extremes,
    the others noise of several widths."""
    shape, kind = detail["shape"], detail["dtype"]
    count = int(np.prod(shape))
    if run == 0:
        values = np.arange(count) % 256 - 128
    elif run == 1:
        values = random.choice([-128, 127], size=count)
    else:
        values = np.clip(np.round(random.normal(scale=12.0 * 4 ** (run - 2), size=count)), -128, 127)
    if kind == np.float32:
        return (values / 16).astype(np.float32).reshape(shape)
    return (values + (128 if kind == np.uint8 else 0)).astype(kind).reshape(shape)


def run_model(model: bytes, reference: bool) -> tuple[list[str], bytes, bytes]:
    """The model's operators, and of its runs all inputs and all outputs:
    raw, little-endian, one run behind the other."""
    network = interpreter(model, reference)
    # The interpreter keeps no operator list in its public interface.
    # pylint: disable=protected-access
    operators = [detail["op_name"] for detail in network._get_ops_details()]
    random = np.random.default_rng(21)
    inputs, outputs = b"", b""
    for run in range(RUNS):
        for detail in network.get_input_details():
            values = input_values(detail, run, random)
            network.set_tensor(detail["index"], values)
            inputs += values.tobytes()
        network.invoke()
        for detail in network.get_output_details():
            outputs += network.get_tensor(detail["index"]).tobytes()
    return operators, inputs, outputs
