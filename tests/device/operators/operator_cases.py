"""The cases: every operator beyond those of the MLPerf Tiny models,
in the forms that today's converters write.
"""
import numpy as np
import tensorflow as tf

from operator_models import function, functional, keras, reshape_to_squeeze

L = tf.keras.layers
ALL_VALUES = (1, 16, 16, 1)  # room for each of the 256 int8 values
IMAGE = (1, 6, 5, 4)
CHANNEL = (1, 1, 1, 4)


def alpha():
    return tf.keras.initializers.RandomUniform(-0.5, 0.5, seed=3)


def bias():
    return tf.keras.initializers.RandomUniform(-1.0, 1.0, seed=4)


def nearest(size, **flags):
    return lambda x: tf.raw_ops.ResizeNearestNeighbor(images=x, size=size, **flags)


ACTIVATIONS = {
    "relu": function("RELU", tf.nn.relu, ALL_VALUES),
    "relu6": function("RELU6", tf.nn.relu6, ALL_VALUES, spread=3.0),
    "relu_n1_to_1": function("RELU_N1_TO_1", lambda x: tf.clip_by_value(x, -1.0, 1.0), ALL_VALUES),
    "relu_0_to_1": function("MINIMUM RELU", lambda x: tf.clip_by_value(x, 0.0, 1.0), ALL_VALUES),
    "leaky_relu": function("LEAKY_RELU", lambda x: tf.nn.leaky_relu(x, 0.3), ALL_VALUES),
    "leaky_relu_steep": function("LEAKY_RELU", lambda x: tf.nn.leaky_relu(x, 1.7), ALL_VALUES),
    "prelu_channel": keras("PRELU", lambda: [L.PReLU(alpha_initializer=alpha(), shared_axes=[1, 2])],
                           IMAGE[1:]),
    "prelu_element": keras("PRELU", lambda: [L.PReLU(alpha_initializer=alpha())], IMAGE[1:]),
    "logistic": function("LOGISTIC", tf.sigmoid, ALL_VALUES),
    "logistic_wide": function("LOGISTIC", tf.sigmoid, ALL_VALUES, spread=9.0),
    "tanh": function("TANH", tf.tanh, ALL_VALUES),
    "tanh_narrow": function("TANH", tf.tanh, ALL_VALUES, spread=0.2),
    "hard_swish": keras("HARD_SWISH", lambda: [L.Activation("hard_swish")], ALL_VALUES[1:]),
    "hard_swish_narrow": keras("HARD_SWISH", lambda: [L.Activation("hard_swish")], ALL_VALUES[1:],
                               spread=0.3),
    "hard_swish_wide": keras("HARD_SWISH", lambda: [L.Activation("hard_swish")], ALL_VALUES[1:], spread=60.0),
    "hard_sigmoid": keras("ADD MUL", lambda: [L.Activation("hard_sigmoid")], ALL_VALUES[1:]),
    "swish": keras("LOGISTIC MUL", lambda: [L.Activation("swish")], ALL_VALUES[1:]),
    "elu": function("DEQUANTIZE ELU QUANTIZE", tf.nn.elu, ALL_VALUES, reference=False),
    "elu_wide": function("DEQUANTIZE ELU QUANTIZE", tf.nn.elu, ALL_VALUES, spread=8.0, reference=False),
    "gelu": function("GELU", lambda x: tf.nn.gelu(x, approximate=False), ALL_VALUES),
    "gelu_approximate": function("GELU", lambda x: tf.nn.gelu(x, approximate=True), ALL_VALUES),
    "abs": function("ABS", tf.abs, ALL_VALUES),
    "batch_normalization": keras("MUL ADD", lambda: [L.BatchNormalization(
        gamma_initializer=alpha(), beta_initializer=bias(), moving_variance_initializer="ones")], IMAGE[1:]),
}

ELEMENTWISE = {
    "add_channel": function("ADD", lambda x, y: x + y, IMAGE, CHANNEL),
    "add_constant": function("ADD", lambda x: x + np.float32([0.5, -1.0, 2.0, 3.0]), IMAGE),
    "add_scalar": function("ADD", lambda x: x + 1.5, IMAGE),
    "add_relu6": function("ADD", lambda x, y: tf.nn.relu6(x + y), IMAGE, IMAGE),
    "add_both_ways": function("ADD", lambda x, y: x + y, (1, 6, 1, 4), (1, 1, 5, 1)),
    "add_rank": function("ADD", lambda x, y: x + y, IMAGE, (5, 4)),
    "sub": function("SUB", lambda x, y: x - y, IMAGE, IMAGE),
    "sub_channel": function("SUB", lambda x, y: x - y, IMAGE, CHANNEL),
    "sub_from_constant": function("SUB", lambda x: np.float32([0.5, -1.0, 2.0, 3.0]) - x, IMAGE),
    "sub_relu": function("SUB", lambda x, y: tf.nn.relu(x - y), IMAGE, IMAGE),
    "mul": function("MUL", lambda x, y: x * y, IMAGE, IMAGE),
    "mul_channel": function("MUL", lambda x, y: x * y, CHANNEL, IMAGE),
    "mul_scalar": function("MUL", lambda x: x * 0.37, IMAGE),
    "mul_relu6": function("MUL", lambda x, y: tf.nn.relu6(x * y), IMAGE, IMAGE),
    "mul_both_ways": function("MUL", lambda x, y: x * y, (1, 6, 1, 4), (1, 1, 5, 1)),
    "maximum": function("MAXIMUM", tf.maximum, IMAGE, IMAGE),
    "maximum_channel": function("MAXIMUM", tf.maximum, IMAGE, CHANNEL),
    "minimum": function("MINIMUM", tf.minimum, IMAGE, IMAGE),
    "minimum_constant": function("MINIMUM", lambda x: tf.minimum(x, 1.25), IMAGE),
}

COPIES = {
    "concatenation_channels": function("CONCATENATION", lambda x, y: tf.concat([x, y], -1), IMAGE,
                                       (1, 6, 5, 3)),
    "concatenation_rows": function("CONCATENATION", lambda x, y, z: tf.concat([x, y, z], 1), IMAGE,
                                   (1, 2, 5, 4), IMAGE),
    "concatenation_constant": function("CONCATENATION",
                                       lambda x: tf.concat([x, np.full((1, 6, 5, 1), 0.5, np.float32)], 3),
                                       IMAGE),
    "concatenation_scales": function("RELU MUL CONCATENATION", lambda x,
                                     y: tf.concat([tf.nn.relu(x), y * 3.0], -1), IMAGE, IMAGE),
    "pack": function("PACK", lambda x, y: tf.stack([x, y], 2), (1, 6, 5), (1, 6, 5)),
    "unpack": function("UNPACK", lambda x: tuple(tf.unstack(x, axis=2)), (1, 6, 3)),
    "expand_dims": function("EXPAND_DIMS", lambda x: tf.expand_dims(x, 2), (1, 6, 5), signature=(None, 6, 5)),
    "squeeze": function("SQUEEZE", lambda x: tf.squeeze(x, [1]), (1, 1, 6, 5), rewrite=reshape_to_squeeze),
    "reshape": function("RESHAPE", lambda x: tf.reshape(x, (1, 10, 12)), IMAGE),
    "transpose_matrix": function("TRANSPOSE", lambda x: tf.transpose(x), (6, 5)),
    "transpose_channels_first": function("TRANSPOSE", lambda x: tf.transpose(x, [0, 3, 1, 2]), IMAGE),
    "transpose_rows": function("TRANSPOSE", lambda x: tf.transpose(x, [0, 2, 1, 3]), IMAGE),
    "transpose_all": function("TRANSPOSE", lambda x: tf.transpose(x, [3, 1, 0, 2]), (2, 3, 4, 5)),
    "transpose_five": function("TRANSPOSE", lambda x: tf.transpose(x, [0, 4, 2, 1, 3]), (1, 2, 3, 4, 5)),
    "permute": keras("TRANSPOSE", lambda: [L.Permute((2, 1))], (6, 5), batch_size=None),
    "slice": function("SLICE", lambda x: tf.slice(x, [0, 1, 0, 2], [1, 4, -1, 2]), IMAGE),
    "strided_slice": function("STRIDED_SLICE", lambda x: x[:, 1:5:2, ::-1, 1:], IMAGE),
    "strided_slice_shrink": function("STRIDED_SLICE", lambda x: x[:, -1, 1:, ::3], IMAGE),
    "strided_slice_axes": function("RESHAPE STRIDED_SLICE", lambda x: x[..., tf.newaxis, 2:], IMAGE),
    "strided_slice_backwards": function("STRIDED_SLICE", lambda x: x[:, 4:0:-2, 3::-1], IMAGE),
    "cropping": keras("STRIDED_SLICE", lambda: [L.Cropping2D(((1, 2), (0, 1)))], IMAGE[1:]),
    "split": function("SPLIT", lambda x: tuple(tf.split(x, 2, 3)), IMAGE),
    "split_rows": function("SPLIT ADD", lambda x: sum(tf.split(x, 2, 1)), IMAGE),
    "split_v": function("SPLIT_V", lambda x: tuple(tf.split(x, [1, 3, 2], 1)), IMAGE),
    "pad": function("PAD", lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 3], [0, 0]]), IMAGE),
    "pad_channels": function("PAD", lambda x: tf.pad(x, [[0, 0], [0, 0], [2, 0], [1, 2]]), IMAGE),
    "pad_series": function("PAD", lambda x: tf.pad(x, [[0, 0], [4, 0], [0, 0]]), (1, 6, 5)),
    "pad_v2": function("PADV2", lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 3], [0, 0]], constant_values=1.25),
                       IMAGE),
    "tile": function("TILE", lambda x: tf.tile(x, [1, 2, 1, 3]), IMAGE, reference=False),
    "space_to_batch": function("SPACE_TO_BATCH_ND", lambda x: tf.space_to_batch(x, [2, 3], [[1, 1], [0, 1]]),
                               IMAGE),
    "space_to_batch_series": function("SPACE_TO_BATCH_ND", lambda x: tf.space_to_batch(x, [2], [[1, 1]]),
                                      (2, 6, 5)),
    "batch_to_space": function("BATCH_TO_SPACE_ND", lambda x: tf.batch_to_space(x, [2, 3], [[1, 0], [0, 2]]),
                               (6, 4, 3, 2)),
    "space_to_depth": function("SPACE_TO_DEPTH", lambda x: tf.nn.space_to_depth(x, 2), (1, 6, 4, 3)),
    "depth_to_space": function("DEPTH_TO_SPACE", lambda x: tf.nn.depth_to_space(x, 2), (1, 3, 2, 8),
                               reference=False),
    "resize_nearest_double": function("RESIZE_NEAREST_NEIGHBOR", nearest((12, 10)), IMAGE),
    "resize_nearest": function("RESIZE_NEAREST_NEIGHBOR", nearest((11, 3)), IMAGE),
    "resize_nearest_corners": function("RESIZE_NEAREST_NEIGHBOR", nearest((9, 13), align_corners=True),
                                       IMAGE),
    "resize_nearest_centers": function("RESIZE_NEAREST_NEIGHBOR", nearest((4, 8), half_pixel_centers=True),
                                       IMAGE),
}

REDUCTIONS = {
    "mean_spatial": function("MEAN", lambda x: tf.reduce_mean(x, [1, 2]), IMAGE),
    "mean_spatial_kept": function("MEAN", lambda x: tf.reduce_mean(x, [1, 2], keepdims=True), IMAGE),
    "mean_channels": function("MEAN", lambda x: tf.reduce_mean(x, -1), IMAGE),
    "mean_rows": function("MEAN", lambda x: tf.reduce_mean(x, 1), IMAGE),
    "mean_outer": function("MEAN", lambda x: tf.reduce_mean(x, [0, 2]), (3, 6, 5, 4)),
    "mean_all": function("MEAN", lambda x: tf.reduce_mean(x, keepdims=True), IMAGE),
    "global_average_pooling": keras("MEAN", lambda: [L.GlobalAveragePooling2D()], (7, 9, 4), batch_size=None),
    "global_average_series": keras("MEAN", lambda: [L.GlobalAveragePooling1D()], (11, 4), batch_size=None),
    "sum_spatial": function("SUM", lambda x: tf.reduce_sum(x, [1, 2]), IMAGE, reference=False),
    "sum_channels": function("SUM", lambda x: tf.reduce_sum(x, -1, keepdims=True), IMAGE, reference=False),
    "reduce_max": function("REDUCE_MAX", lambda x: tf.reduce_max(x, [1, 2]), IMAGE),
    "reduce_max_channels": function("REDUCE_MAX", lambda x: tf.reduce_max(x, 3), IMAGE),
    "reduce_min": function("REDUCE_MIN", lambda x: tf.reduce_min(x, [1, 3]), IMAGE),
    "global_max_pooling": keras("REDUCE_MAX", lambda: [L.GlobalMaxPooling2D()], IMAGE[1:], batch_size=None),
    "arg_max": function("ARG_MAX", lambda x: tf.argmax(x, -1, output_type=tf.int32), (1, 40),
                        output_type=tf.float32),
    "arg_max_long": function("ARG_MAX", lambda x: tf.argmax(x, -1), (1, 40), output_type=tf.float32),
    "arg_max_rows": function("ARG_MAX", lambda x: tf.argmax(x, 1, output_type=tf.int32), IMAGE,
                             output_type=tf.float32),
    "arg_min": function("ARG_MIN", lambda x: tf.argmin(x, 2, output_type=tf.int32), IMAGE,
                        output_type=tf.float32),
    "max_pool_valid": keras("MAX_POOL_2D", lambda: [L.MaxPooling2D((3, 2), 2)], (9, 8, 5)),
    "max_pool_same": keras("MAX_POOL_2D", lambda: [L.MaxPooling2D(3, 2, "same")], (8, 7, 5)),
    "max_pool_series": keras("EXPAND_DIMS MAX_POOL_2D RESHAPE", lambda: [L.MaxPooling1D(2)], (9, 5),
                             batch_size=None),
    "average_pool_same": keras("AVERAGE_POOL_2D", lambda: [L.AveragePooling2D(3, 2, "same")], (8, 7, 5)),
    "average_pool_relu": function("AVERAGE_POOL_2D",
                                  lambda x: tf.nn.relu(tf.nn.avg_pool2d(x, 2, 1, "VALID")), IMAGE),
}

CONVOLUTIONS = {
    "conv_same_odd": keras("CONV_2D", lambda: [L.Conv2D(5, (3, 5), padding="same", bias_initializer=bias())],
                           (7, 9, 3)),
    "conv_valid_strides": keras("CONV_2D", lambda: [L.Conv2D(5, (4, 3), (3, 2), bias_initializer=bias())],
                                (10, 9, 2)),
    "conv_same_strides": keras("CONV_2D", lambda: [L.Conv2D(6, 3, 2, "same", bias_initializer=bias())],
                               (8, 7, 3)),
    "conv_relu6": keras("CONV_2D", lambda: [L.Conv2D(6, 3, activation="relu6", bias_initializer=bias())],
                        (6, 6, 3)),
    "conv_relu_n1_to_1": function("CONV_2D", lambda x: tf.clip_by_value(tf.nn.conv2d(
        x, np.float32(np.linspace(-1, 1, 2 * 2 * 4 * 3).reshape(2, 2, 4, 3)), 1, "SAME"), -1.0, 1.0), IMAGE),
    "conv_dilated": function("CONV_2D", lambda x: tf.nn.conv2d(
        x, np.float32(np.sin(np.arange(3 * 2 * 4 * 3)).reshape(3, 2, 4, 3)), 1, "SAME", dilations=[2, 3]),
                             (1, 9, 8, 4)),
    "conv_dilated_keras": keras("SPACE_TO_BATCH_ND CONV_2D BATCH_TO_SPACE_ND ADD", lambda: [L.Conv2D(
        3, 3, dilation_rate=2, bias_initializer=bias())], (9, 8, 4), batch_size=None),
    "conv_pointwise_strides": keras("CONV_2D", lambda: [L.Conv2D(7, 1, 2, bias_initializer=bias())],
                                    (7, 6, 5)),
    "conv_padded": keras("CONV_2D", lambda: [L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(
        4, 3, 2, bias_initializer=bias())], (8, 8, 3)),
    "conv_series": keras("EXPAND_DIMS CONV_2D RESHAPE",
                         lambda: [L.Conv1D(4, 5, 2, "same", activation="relu")], (15, 3), batch_size=None),
    "conv_series_causal": keras("PAD EXPAND_DIMS CONV_2D RESHAPE",
                                lambda: [L.Conv1D(4, 3, padding="causal")], (10, 3), batch_size=None),
    "depthwise_multiplier": keras("DEPTHWISE_CONV_2D", lambda: [L.DepthwiseConv2D(
        3, depth_multiplier=2, padding="same", bias_initializer=bias())], (6, 7, 3)),
    "depthwise_single_channel": keras("DEPTHWISE_CONV_2D", lambda: [L.DepthwiseConv2D(
        (5, 3), 2, depth_multiplier=8, padding="same", bias_initializer=bias())], (11, 8, 1)),
    "depthwise_odd": keras("DEPTHWISE_CONV_2D", lambda: [L.DepthwiseConv2D(
        (5, 2), 2, activation="relu6", bias_initializer=bias())], (11, 8, 5)),
    "depthwise_dilated": function("DEPTHWISE_CONV_2D", lambda x: tf.nn.depthwise_conv2d(
        x, np.float32(np.sin(np.arange(3 * 3 * 4 * 2)).reshape(3, 3, 4, 2)), [1, 1, 1, 1], "SAME",
        dilations=[2, 2]), (1, 9, 8, 4)),
    "depthwise_series": keras("EXPAND_DIMS DEPTHWISE_CONV_2D RESHAPE", lambda: [L.DepthwiseConv1D(3)], (9, 5),
                              batch_size=None),
    "separable": keras("DEPTHWISE_CONV_2D CONV_2D",
                       lambda: [L.SeparableConv2D(6, 3, bias_initializer=bias())], (6, 6, 4)),
}

DENSE = {
    "dense_relu6": keras("FULLY_CONNECTED", lambda: [L.Dense(9, "relu6", bias_initializer=bias())], (21,)),
    "dense_no_bias": keras("FULLY_CONNECTED", lambda: [L.Dense(5, use_bias=False)], (16,)),
    "dense_spatial": keras("FULLY_CONNECTED", lambda: [L.Dense(6, bias_initializer=bias())], (3, 4, 5)),
    "dense_rows": function("FULLY_CONNECTED",
                           lambda x: tf.matmul(x, np.float32(np.cos(np.arange(35)).reshape(5, 7))), (6, 5)),
    "dense_series_dynamic": keras(
        "SHAPE GATHER REDUCE_PROD GATHER REDUCE_PROD PACK CONCATENATION RESHAPE FULLY_CONNECTED RESHAPE ADD",
        lambda: [L.Dense(4, bias_initializer=bias())], (6, 5), batch_size=None),
    "flatten_dynamic": keras("CONV_2D SHAPE STRIDED_SLICE PACK RESHAPE FULLY_CONNECTED", lambda: [
        L.Conv2D(3, 3, bias_initializer=bias()), L.Flatten(), L.Dense(4, bias_initializer=bias())], (6, 5, 2),
        batch_size=None),
    "reshape_dynamic": keras("SHAPE STRIDED_SLICE PACK RESHAPE", lambda: [L.Reshape((15, -1))], (5, 6),
                             batch_size=None),
    "up_sampling_dynamic": keras("SHAPE EXPAND_DIMS TILE STRIDED_SLICE CONCATENATION RESHAPE " * 2,
                                 lambda: [L.UpSampling2D((2, 3))], (4, 3, 2), batch_size=None,
                                 reference=False),
    "float_boundary": keras("QUANTIZE FULLY_CONNECTED DEQUANTIZE",
                            lambda: [L.Dense(9, "relu", bias_initializer=bias())], (21,),
                            input_type=tf.float32, output_type=tf.float32),
    "uint8_boundary": keras("QUANTIZE FULLY_CONNECTED QUANTIZE",
                            lambda: [L.Dense(9, bias_initializer=bias())], (21,),
                            input_type=tf.uint8, output_type=tf.uint8),
}


def inverted_residual(x):
    y = L.Conv2D(12, 1, use_bias=False)(x)
    y = L.Activation("hard_swish")(L.BatchNormalization()(y))
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
    y = L.Activation("hard_swish")(L.BatchNormalization()(y))
    squeeze = L.GlobalAveragePooling2D(keepdims=True)(y)
    squeeze = L.Conv2D(12, 1, activation="hard_sigmoid")(L.Conv2D(3, 1, activation="relu")(squeeze))
    y = L.Conv2D(4, 1, use_bias=False)(L.Multiply()([y, squeeze]))
    return L.Add()([x, L.BatchNormalization()(y)])


def series_classifier(x):
    y = L.MaxPooling1D(2)(L.Conv1D(6, 5, activation="relu")(x))
    y = L.Concatenate()([L.Conv1D(4, 3, padding="same", activation="tanh")(y), y])
    y = L.Conv1D(4, 3, padding="same", dilation_rate=2)(y)
    return L.Dense(3)(L.Flatten()(L.LeakyReLU(negative_slope=0.2)(y)))


def autoencoder(x):
    y = L.Conv2D(6, 3, 2, "same", activation="relu")(x)
    y = L.UpSampling2D(2)(y)
    return L.Conv2D(1, 3, padding="same", activation="sigmoid")(y)


NETWORKS = {
    "inverted_residual": functional("CONV_2D HARD_SWISH DEPTHWISE_CONV_2D HARD_SWISH MEAN CONV_2D CONV_2D "
                                    "MUL MUL CONV_2D ADD", inverted_residual, (6, 6, 4)),
    "series_classifier": functional("EXPAND_DIMS CONV_2D RESHAPE EXPAND_DIMS MAX_POOL_2D RESHAPE "
                                    "EXPAND_DIMS CONV_2D TANH QUANTIZE RESHAPE "
                                    "CONCATENATION SPACE_TO_BATCH_ND EXPAND_DIMS CONV_2D RESHAPE "
                                    "BATCH_TO_SPACE_ND LEAKY_RELU "
                                    "SHAPE STRIDED_SLICE PACK RESHAPE FULLY_CONNECTED", series_classifier,
                                    (20, 3)),
    "autoencoder": functional("CONV_2D" + " EXPAND_DIMS TILE SHAPE STRIDED_SLICE CONCATENATION RESHAPE" * 2
                              + " CONV_2D LOGISTIC", autoencoder, (8, 6, 1), reference=False),
    "grouped_convolution": keras("CONV_2D", lambda: [L.Conv2D(6, 3, groups=2)], (6, 6, 4)),
    "layer_normalization": keras("MEAN DEQUANTIZE NEG QUANTIZE SQUARED_DIFFERENCE MEAN ADD RSQRT MUL MUL "
                                 "MUL ADD",
                                 lambda: [L.LayerNormalization()], (6, 5)),
    "transposed_convolution": keras("TRANSPOSE_CONV", lambda: [L.Conv2DTranspose(2, 3, 2)], (4, 4, 3)),
}

# What must not compile, and is no fault of the file.
REFUSED = {
    "refused_float": keras("FULLY_CONNECTED", lambda: [L.Dense(3)], (8,), quantised=False),
    "refused_width": function("RELU", tf.nn.relu, (1, 6, 4), signature=(1, None, 4)),
}

CASES = {**ACTIVATIONS, **ELEMENTWISE, **COPIES, **REDUCTIONS, **CONVOLUTIONS, **DENSE, **NETWORKS}
