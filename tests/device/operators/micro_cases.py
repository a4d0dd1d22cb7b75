"""The cases that TensorFlow Lite Micro answers: operators that remember, and those of which LiteRT's answers
differ or are none.
"""
import numpy as np

from micro_models import TYPES, Model


def svdf(state_kind=np.int8, rank=1, batches=1, inputs=12, units=5, memory=6, bias=True):
    model = Model(1)
    filters = units * rank
    state_scale, state_zero = (0.4, -20) if state_kind == np.int8 else (0.001, 0)
    first = model.input([batches, inputs], 0.06, -11)
    features = model.weights([filters, inputs], 0.009)
    times = model.weights([filters, memory], 0.015 if state_kind == np.int8 else 0.0004, kind=state_kind)
    time_scale = np.float32(0.015 if state_kind == np.int8 else 0.0004)
    biases = model.bias(units, np.float32(state_scale) * time_scale) if bias else -1
    state = model.tensor([batches, filters * memory], state_scale, state_zero, state_kind, variable=True)
    output = model.tensor([batches, units], 0.2, -5)
    model.operator("SVDF", [first, features, times, biases, state], [output], 3, "SVDFOptions", rank=rank,
                   fusedActivationFunction=0)
    return model.file([output])


def lstm(time_major=False, batches=1, steps=5, inputs=7, units=6, cell_scale=2.0 ** -11, clip=10.0,
         hidden_zero=4):
    model = Model(2)
    shape = [steps, batches] if time_major else [batches, steps]
    first = model.input([*shape, inputs], 0.02, -7)
    scales = [0.011, 0.009, 0.014, 0.008]
    weights = [model.weights([units, inputs], scale) for scale in scales]
    recurrent = [model.weights([units, units], scale * 1.3) for scale in scales]
    biases = [model.bias(units, np.float32(0.02) * np.float32(scale)) for scale in scales]
    hidden = model.tensor([batches, units], 0.0078, hidden_zero, variable=True)
    cell = model.tensor([batches, units], cell_scale, 0, np.int16, variable=True)
    output = model.tensor([*shape, units], 0.0078, hidden_zero)
    model.operator("UNIDIRECTIONAL_SEQUENCE_LSTM",
                   [first, *weights, *recurrent, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1],
                   [output], 1, "UnidirectionalSequenceLSTMOptions", timeMajor=time_major, cellClip=clip,
                   fusedActivationFunction=4)
    return model.file([output])


def read(model, name, shape, scale=0.05, zero=3):
    handle = model.tensor([], resource=True)
    model.operator("VAR_HANDLE", [], [handle], 1, "VarHandleOptions", container=b"", sharedName=name)
    value = model.tensor(shape, scale, zero)
    model.operator("READ_VARIABLE", [handle], [value])
    return handle, value


def initialise(model, values, scale=0.05, zero=3):
    """The subgraph that CALL_ONCE runs: constants by variable."""
    for name, data in values.items():
        handle = model.tensor([], resource=True)
        model.operator("VAR_HANDLE", [], [handle], 1, "VarHandleOptions", container=b"", sharedName=name)
        constant = model.tensor(np.shape(data), scale, zero, data=data)
        model.operator("ASSIGN_VARIABLE", [handle, constant], [])


def stream(first_values):
    """The last three frames, convolved: what streaming models are made of."""
    model = Model(3)
    model.operator("CALL_ONCE", [], [], 1, "CallOnceOptions", initSubgraphIndex=1)
    first = model.input([1, 1, 1, 4])
    handle, past = read(model, b"past", [1, 2, 1, 4])
    joined = model.tensor([1, 3, 1, 4], 0.05, 3)
    model.operator("CONCATENATION", [past, first], [joined], 2, "ConcatenationOptions", axis=1)
    newest = model.tensor([1, 2, 1, 4], 0.05, 3)
    model.operator("STRIDED_SLICE", [joined, model.integers([0, 1, 0, 0]), model.integers([1, 3, 1, 4]),
                                     model.integers([1, 1, 1, 1])], [newest], 1, "StridedSliceOptions")
    model.operator("ASSIGN_VARIABLE", [handle, newest], [])
    output = model.tensor([1, 1, 1, 4], 0.1, -2)
    model.operator("DEPTHWISE_CONV_2D",
                   [joined, model.weights([1, 3, 1, 4], [0.01, 0.02, 0.03, 0.011], 3),
                    model.bias(4, np.float32(0.05) * np.float32([0.01, 0.02, 0.03, 0.011]))], [output], 3,
                   "DepthwiseConv2DOptions", padding=1, strideW=1, strideH=1, depthMultiplier=1)
    model.end_subgraph([output])
    initialise(model, {b"past": first_values})
    return model.file()


def accumulator():
    """A state that is made of itself, read again after it was assigned; without a first value."""
    model = Model(4)
    first = model.input([1, 8])
    handle, before = read(model, b"sum", [1, 8])
    total = model.tensor([1, 8], 0.05, 3)
    model.operator("ADD", [before, first], [total], 2, "AddOptions", fusedActivationFunction=0)
    model.operator("ASSIGN_VARIABLE", [handle, total], [])
    after = model.tensor([1, 8], 0.05, 3)
    model.operator("READ_VARIABLE", [handle], [after])
    joined = model.tensor([1, 16], 0.05, 3)
    model.operator("CONCATENATION", [before, after], [joined], 2, "ConcatenationOptions", axis=1)
    return model.file([joined])


def swapped():
    """Two states that take each other's value, and the input one of them."""
    model = Model(5)
    model.operator("CALL_ONCE", [], [], 1, "CallOnceOptions", initSubgraphIndex=1)
    first = model.input([1, 4])
    one, a = read(model, b"one", [1, 4])
    two, b = read(model, b"two", [1, 4])
    joined = model.tensor([1, 8], 0.05, 3)
    model.operator("CONCATENATION", [a, b], [joined], 2, "ConcatenationOptions", axis=1)
    model.operator("ASSIGN_VARIABLE", [two, a], [])
    model.operator("ASSIGN_VARIABLE", [one, first], [])
    last = model.tensor([1, 12], 0.05, 3)
    model.operator("CONCATENATION", [joined, b], [last], 2, "ConcatenationOptions", axis=1)
    model.end_subgraph([last])
    initialise(model, {b"one": [[1, 2, 3, 4]], b"two": [[7, 7, 7, 7]]})
    return model.file()


def quantize(source, target, from_scale=0.05, from_zero=0, to_scale=0.11, to_zero=0):
    model = Model(6)
    first = model.input([1, 64, 8], from_scale, from_zero, source)
    output = model.tensor([1, 64, 8], to_scale, to_zero, target)
    model.operator("QUANTIZE", [first], [output])
    return model.file([output])


def softmax_to_int16(scale=0.1):
    model = Model(7)
    first = model.input([16, 19], scale, 5)
    output = model.tensor([16, 19], 1 / 65536, -32768, np.int16)
    model.operator("SOFTMAX", [first], [output], 2, "SoftmaxOptions", beta=1.0)
    return model.file([output])


def convolution(model, first, channels, kernel, stride=1, same=False, depthwise=False):
    """Of NHWC `first`, with ReLU."""
    inputs = model.graph.tensors[first].shape
    scales = np.float32([0.01 + 0.003 * i for i in range(channels)])
    weights = [1, kernel, kernel, channels] if depthwise else [channels, kernel, kernel, inputs[3]]
    extent = [inputs[1], inputs[2]] if same else [inputs[1] - kernel + 1, inputs[2] - kernel + 1]
    output = model.tensor([inputs[0], *[-(-size // stride) for size in extent], channels], 0.2, -9)
    fields = {"depthMultiplier": channels // inputs[3]} if depthwise else {}
    model.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
                   [first, model.weights(weights, scales, 3 if depthwise else 0),
                    model.bias(channels, np.float32(0.05) * scales)], [output], 3,
                   "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", padding=0 if same else 1,
                   strideW=stride, strideH=stride, fusedActivationFunction=1, **fields)
    return output


def padded(amounts, value=None, shape=(1, 6, 5, 3)):
    """A model that begins with a PAD; its output is for the next operator."""
    model = Model(8)
    first = model.input(list(shape))
    full = [[0, 0], *amounts, [0, 0]] if len(amounts) == 2 else amounts
    output = model.tensor([size + before + after for size, (before, after) in zip(shape, full)], 0.05, 3)
    operands = [first, model.integers(full)]
    if value is not None:
        operands.append(model.tensor([1], 0.05, 3, data=[value]))
    model.operator("PADV2" if value is not None else "PAD", operands, [output], 1,
                   "PadV2Options" if value is not None else "PadOptions")
    return model, output


def padded_convolution(amounts=((1, 1), (1, 1)), value=None, **options):
    model, first = padded(amounts, value)
    channels, kernel = options.pop("channels", 4), options.pop("kernel", 3)
    return model.file([convolution(model, first, channels, kernel, **options)])


def padded_pool(name, amounts, size, stride=1, same=False):
    model, first = padded(amounts)
    shape = model.graph.tensors[first].shape
    extent = shape[1:3] if same else [side - size + 1 for side in shape[1:3]]
    output = model.tensor([1, *[-(-side // stride) for side in extent], 3], 0.05, 3)
    model.operator(name, [first], [output], 2, "Pool2DOptions", padding=0 if same else 1, strideW=stride,
                   strideH=stride, filterWidth=size, filterHeight=size)
    return model.file([output])


def padded_twice_read():
    model, first = padded(((1, 1), (1, 1)))
    return model.file([convolution(model, first, 4, 3), convolution(model, first, 3, 3, depthwise=True)])


def resize_bilinear(size, shape=(1, 5, 4, 3), align=False, half=False):
    model = Model(9)
    first = model.input(list(shape))
    output = model.tensor([shape[0], *size, shape[3]], 0.05, 3)
    model.operator("RESIZE_BILINEAR", [first, model.integers(size)], [output], 3, "ResizeBilinearOptions",
                   alignCorners=align, halfPixelCenters=half)
    return model.file([output])


def transpose_conv(inputs=(1, 3, 4, 2), channels=3, kernel=3, stride=2, same=True, bias=True,
                   per_channel=True, extra=0):
    model = Model(10)
    first = model.input(list(inputs), 0.05, 3)
    grown = [size * stride if same else (size - 1) * stride + kernel + extra for size in inputs[1:3]]
    shape = [inputs[0], *grown, channels]
    scales = np.float32([0.01 + 0.003 * i for i in range(channels)] if per_channel else [0.012])
    operands = [model.integers(shape), model.weights([channels, kernel, kernel, inputs[3]], scales), first]
    if bias:
        operands.append(model.bias(channels, np.float32(0.05) * scales))
    output = model.tensor(shape, 0.2, -9)
    model.operator("TRANSPOSE_CONV", operands, [output], 3, "TransposeConvOptions", padding=0 if same else 1,
                   strideW=stride, strideH=stride)
    return model.file([output])


def grouped(groups=2, kernel=3, stride=1, same=True, dilation=1, shape=(1, 6, 5, 4), channels=6):
    model = Model(11)
    first = model.input(list(shape))
    scales = np.float32([0.01 + 0.003 * i for i in range(channels)])
    reach = (kernel - 1) * dilation
    extent = [size if same else size - reach for size in shape[1:3]]
    output = model.tensor([shape[0], *[-(-size // stride) for size in extent], channels], 0.15, -9)
    model.operator("CONV_2D", [first, model.weights([channels, kernel, kernel, shape[3] // groups], scales),
                               model.bias(channels, np.float32(0.05) * scales)], [output], 6, "Conv2DOptions",
                   padding=0 if same else 1, strideW=stride, strideH=stride, dilationWFactor=dilation,
                   dilationHFactor=dilation)
    return model.file([output])


def batch_matmul(a, b, transpose_a=False, transpose_b=False, constant=False):
    model = Model(12)
    first = model.input(list(a), 0.05, 3)
    second = model.weights(list(b), 0.03) if constant else model.input(list(b), 0.03, -5)
    batches = np.broadcast_shapes(a[:-2], b[:-2])
    shape = [*batches, a[-1] if transpose_a else a[-2], b[-2] if transpose_b else b[-1]]
    output = model.tensor(shape, 0.9, 2)
    model.operator("BATCH_MATMUL", [first, second], [output], 4, "BatchMatMulOptions", adjX=transpose_a,
                   adjY=transpose_b)
    return model.file([output])


def gather(shape, indices, axis=0, batches=0, name="GATHER"):
    model = Model(13)
    first = model.input(list(shape))
    if name == "GATHER_ND":
        result = [*np.shape(indices)[:-1], *shape[np.shape(indices)[-1]:]]
    elif batches:
        result = [*shape[:axis], *np.shape(indices)[batches:], *shape[axis + 1:]]
    else:
        result = np.take(np.zeros(shape), indices, axis).shape
    output = model.tensor(list(result), 0.05, 3)
    fields = {"axis": axis, "batchDims": batches} if name == "GATHER" else {}
    model.operator(name, [first, model.integers(indices)], [output], 2 if name == "GATHER" else 1,
                   "GatherOptions" if name == "GATHER" else "GatherNdOptions", **fields)
    return model.file([output])


def gather_computed():
    """Indices that the model itself finds: the greatest of each row."""
    model = Model(14)
    first = model.input([4, 6])
    best = model.tensor([4], kind=np.int32)
    model.operator("ARG_MAX", [first, model.integers([1])], [best], 2, "ArgMaxOptions",
                   outputType=TYPES[np.int32])
    table = model.tensor([6, 3], 0.05, 3, data=np.arange(18) - 9)
    output = model.tensor([4, 3], 0.05, 3)
    model.operator("GATHER", [table, best], [output], 2, "GatherOptions", axis=0)
    return model.file([output])


def l2_normalization(zero=3, shape=(5, 1, 16)):
    model = Model(15)
    first = model.input(list(shape), 0.05, zero)
    output = model.tensor(list(shape), 1 / 128, 0)
    model.operator("L2_NORMALIZATION", [first], [output], 2, "L2NormOptions")
    return model.file([output])


def pairwise(name, options, b=(1, 8, 8, 4), scales=(0.05, 0.03, 0.2), zeros=(3, -7, -20), constant=None):
    model = Model(16)
    shape = [1, 8, 8, 4]
    first = model.input(shape, scales[0], zeros[0])
    second = model.input(list(b), scales[1], zeros[1]) if constant is None else \
        model.tensor(np.shape(constant), scales[1], zeros[1], data=constant)
    output = model.tensor(shape, scales[2], zeros[2])
    model.operator(name, [first, second], [output], 2, options)
    return model.file([output])


def table(name, scale=0.05, zero=-128, to_scale=0.05, to_zero=-10):
    model = Model(17)
    first = model.input([1, 16, 16], scale, zero)
    output = model.tensor([1, 16, 16], to_scale, to_zero)
    model.operator(name, [first], [output], 2)
    return model.file([output])


def bridge(name, options=None, scale=0.05, zero=-128, to_scale=0.05, to_zero=-10, positive=False):
    """In float32 between DEQUANTIZE and QUANTIZE; what is infinite no two interpreters quantise alike."""
    model = Model(18)
    first = model.input([1, 16, 16], scale, zero)
    if positive:
        given, first = first, model.tensor([1, 16, 16], scale, zero)
        model.operator("MAXIMUM", [given, model.tensor([1], scale, zero, data=[zero + 1])], [first], 1,
                       "MaximumMinimumOptions")
    before = model.tensor([1, 16, 16], kind=np.float32)
    after = model.tensor([1, 16, 16], kind=np.float32)
    output = model.tensor([1, 16, 16], to_scale, to_zero)
    model.operator("DEQUANTIZE", [first], [before], 2)
    model.operator(name, [before], [after], 1, options)
    model.operator("QUANTIZE", [after], [output])
    return model.file([output])


def beginning():
    """A slice that begins where its input does."""
    model = Model(21)
    first = model.input([1, 4, 3, 5])
    output = model.tensor([1, 2, 3, 5], 0.05, 3)
    model.operator("STRIDED_SLICE", [first, model.integers([0, 0, 0, 0]), model.integers([1, 2, 3, 5]),
                                     model.integers([1, 1, 1, 1])], [output], 1, "StridedSliceOptions")
    return model.file([output])


def comparison(name, options, b=(1, 8, 8, 4)):
    model = Model(19)
    first = model.input([1, 8, 8, 4])
    second = model.input(list(b), 0.03, -7)
    output = model.tensor([1, 8, 8, 4], kind=np.bool_)
    model.operator(name, [first, second], [output], 2, options)
    return model.file([output])


def select():
    """The greater of two, one of them broadcast."""
    model = Model(20)
    first = model.input([1, 8, 8, 4])
    second = model.input([4])
    chosen = model.tensor([1, 8, 8, 4], kind=np.bool_)
    model.operator("GREATER", [first, second], [chosen], 2, "GreaterOptions")
    output = model.tensor([1, 8, 8, 4], 0.05, 3)
    model.operator("SELECT_V2", [chosen, first, second], [output], 1, "SelectV2Options")
    return model.file([output])


# Divisors and scales whose quotients need no shift of more than 31 bits, which would be undefined there.
DIVISORS = [[[[60, -90, 113, 100]]]]

CASES = {
    "svdf": svdf,
    "svdf_rank_2": lambda: svdf(rank=2, batches=2),
    "svdf_int16": lambda: svdf(np.int16, rank=2),
    "lstm": lstm,
    "lstm_time_major": lambda: lstm(time_major=True, batches=3),
    "lstm_batches": lambda: lstm(batches=2, cell_scale=2.0 ** -12, clip=0.0, hidden_zero=0),
    "lstm_clipped": lambda: lstm(cell_scale=2.0 ** -15, clip=0.7),
    "lstm_wide_cell": lambda: lstm(cell_scale=2.0 ** -9),
    "stream": lambda: stream([[[[1, -2, 3, 4]], [[5, 6, -7, 8]]]]),
    "stream_of_zeros": lambda: stream(np.full((1, 2, 1, 4), 3)),
    "stream_accumulator": accumulator,
    "stream_swapped": swapped,
    "quantize_int16_int8": lambda: quantize(np.int16, np.int8, 0.0008, 0, 0.11, -7),
    "quantize_int8_int16": lambda: quantize(np.int8, np.int16, 0.05, 9, 0.0007, 0),
    "quantize_int16_int32": lambda: quantize(np.int16, np.int32, 0.0008, 0, 0.00003, 0),
    "quantize_int32_int8": lambda: quantize(np.int32, np.int8, 3e-8, 0, 0.5, 5),
    "resize_bilinear": lambda: resize_bilinear([10, 8]),
    "resize_bilinear_align": lambda: resize_bilinear([9, 7], align=True),
    "resize_bilinear_half": lambda: resize_bilinear([7, 11], half=True),
    "resize_bilinear_down": lambda: resize_bilinear([3, 2], (2, 7, 9, 4), half=True),
    "resize_bilinear_one": lambda: resize_bilinear([1, 1], align=True),
    "transpose_conv": transpose_conv,
    "transpose_conv_valid": lambda: transpose_conv(same=False, extra=1),
    "transpose_conv_stride_1": lambda: transpose_conv(stride=1, kernel=4, bias=False),
    "transpose_conv_sparse": lambda: transpose_conv((2, 3, 3, 4), 2, 2, 3, same=True, per_channel=False),
    "grouped_conv": grouped,
    "grouped_conv_stride": lambda: grouped(groups=4, stride=2, channels=8),
    "grouped_conv_dilated": lambda: grouped(same=False, dilation=2, kernel=2),
    "batch_matmul": lambda: batch_matmul((1, 4, 6), (1, 6, 5)),
    "batch_matmul_transposed": lambda: batch_matmul((2, 6, 4), (2, 5, 6), True, True),
    "batch_matmul_broadcast": lambda: batch_matmul((2, 3, 4, 6), (3, 6, 2)),
    "batch_matmul_constant": lambda: batch_matmul((1, 4, 6), (6, 5), constant=True),
    "gather_rows": lambda: gather((6, 4), [5, 0, 0, 3]),
    "gather_axis": lambda: gather((2, 5, 3), [[4, 1], [0, 2]], axis=1),
    "gather_batches": lambda: gather((2, 5, 3), [[4, 1], [0, 2]], axis=1, batches=1),
    "gather_computed": gather_computed,
    "gather_nd": lambda: gather((3, 4, 2), [[2, 1], [0, 3], [1, 1]], name="GATHER_ND"),
    "gather_nd_elements": lambda: gather((3, 4), [[[2, 1]], [[0, 3]]], name="GATHER_ND"),
    "l2_normalization": l2_normalization,
    "l2_normalization_small": lambda: l2_normalization(-128, (3, 2)),
    "squared_difference": lambda: pairwise("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"),
    "squared_difference_channel": lambda: pairwise("SQUARED_DIFFERENCE", "SquaredDifferenceOptions",
                                                   (1, 1, 1, 4), (0.02, 0.05, 0.4)),
    "div": lambda: pairwise("DIV", "DivOptions", scales=(0.05, 0.0008, 0.4), constant=DIVISORS),
    "div_symmetric": lambda: pairwise("DIV", "DivOptions", scales=(0.9, 0.001, 2.5), zeros=(-3, 0, 4),
                                      constant=DIVISORS),
    "equal": lambda: comparison("EQUAL", "EqualOptions"),
    "not_equal": lambda: comparison("NOT_EQUAL", "NotEqualOptions", (1, 1, 1, 4)),
    "greater_equal": lambda: comparison("GREATER_EQUAL", "GreaterEqualOptions"),
    "less": lambda: comparison("LESS", "LessOptions"),
    "less_equal": lambda: comparison("LESS_EQUAL", "LessEqualOptions", (1, 8, 1, 1)),
    "select_greater": select,
    "slice_beginning": beginning,
    "rsqrt": lambda: table("RSQRT"),
    "rsqrt_wide": lambda: table("RSQRT", 2.0, -128, 0.003, -128),
    "bridge_sqrt": lambda: bridge("SQRT"),
    "bridge_exp": lambda: bridge("EXP", "ExpOptions", zero=100, to_scale=0.01, to_zero=-128),
    "bridge_log": lambda: bridge("LOG", positive=True),
    "bridge_rsqrt": lambda: bridge("RSQRT", positive=True, to_scale=0.02),
    "bridge_neg": lambda: bridge("NEG", "NegOptions", zero=7),
    "bridge_sin": lambda: bridge("SIN", zero=7, to_scale=1 / 128, to_zero=0),
    "bridge_square": lambda: bridge("SQUARE", "SquareOptions", zero=7, to_scale=0.3),
    "pad_conv": padded_convolution,
    "pad_conv_stride": lambda: padded_convolution(((0, 1), (0, 1)), stride=2),
    "pad_conv_one_side": lambda: padded_convolution(((2, 0), (0, 2)), kernel=3),
    "pad_conv_same": lambda: padded_convolution(((1, 0), (1, 1)), kernel=5, same=True, stride=2),
    "pad_conv_far": lambda: padded_convolution(((4, 1), (1, 4)), kernel=3),
    "pad_pointwise": lambda: padded_convolution(((0, 0), (0, 0)), kernel=1),
    "pad_pointwise_stride": lambda: padded_convolution(((0, 1), (0, 1)), kernel=1, stride=2),
    "pad_depthwise": lambda: padded_convolution(((1, 2), (2, 1)), channels=3, depthwise=True, stride=2),
    "pad_depthwise_multiplier": lambda: padded_convolution(((2, 0), (1, 1)), channels=6, depthwise=True),
    "pad_value": lambda: padded_convolution(value=3),
    "pad_other_value": lambda: padded_convolution(value=4),
    "pad_conv_channels": lambda: padded_convolution(((0, 0), (1, 1), (1, 1), (1, 0))),
    "pad_average_pool": lambda: padded_pool("AVERAGE_POOL_2D", ((1, 1), (2, 1)), 3, 2),
    "pad_max_pool": lambda: padded_pool("MAX_POOL_2D", ((1, 1), (1, 0)), 3, 2),
    "pad_same_pool": lambda: padded_pool("AVERAGE_POOL_2D", ((1, 1), (1, 1)), 3, 2, same=True),
    "pad_read_twice": padded_twice_read,
    "softmax_int16": softmax_to_int16,
    "softmax_int16_narrow": lambda: softmax_to_int16(0.004),
}
