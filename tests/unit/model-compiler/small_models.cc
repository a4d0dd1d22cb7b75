#include "small_models.h"

#include <numeric>
#include <random>
#include <string>

#include "tflite/schema.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

constexpr std::int32_t kInt32 = 2;
constexpr std::int64_t kRelu = 1;

// Layers with random weights, each from the tensor before it.
class ModelWriter {
 public:
  explicit ModelWriter(std::vector<std::int32_t> input_shape) : shape_(std::move(input_shape)) {
    input_ = current_ = activation("input", shape_);
  }

  std::int32_t current() const { return current_; }

  void convolution(std::int32_t kernel, std::int32_t stride, std::int32_t channels) {
    const std::int32_t length = kernel * kernel * shape_[3];
    const std::int32_t weights = weight_tensor({channels, kernel, kernel, shape_[3]}, channels, 0, length);
    FlatFields options;
    options.scalar(slot::kConvPadding, 0, 1)
        .scalar(slot::kConvStrideWidth, stride, 4)
        .scalar(slot::kConvStrideHeight, stride, 4)
        .scalar(slot::kConvActivation, kRelu, 1);
    const std::int32_t input = current_;
    shape_ = {shape_[0], (shape_[1] + stride - 1) / stride, (shape_[2] + stride - 1) / stride, channels};
    current_ = activation("convolution", shape_);
    builder_.add_operator(builtin::kConv2d, 3, {input, weights, bias(channels)}, {current_}, options);
  }

  void depthwise(std::int32_t kernel, std::int32_t multiplier, std::int32_t dilation, bool same) {
    const std::int32_t channels = shape_[3] * multiplier;
    const std::int32_t weights = weight_tensor({1, kernel, kernel, channels}, channels, 3, kernel * kernel);
    FlatFields options;
    options.scalar(slot::kDepthwisePadding, same ? 0 : 1, 1)
        .scalar(slot::kDepthwiseStrideWidth, 1, 4)
        .scalar(slot::kDepthwiseStrideHeight, 1, 4)
        .scalar(slot::kDepthwiseMultiplier, multiplier, 4)
        .scalar(slot::kDepthwiseDilationWidth, dilation, 4)
        .scalar(slot::kDepthwiseDilationHeight, dilation, 4);
    const std::int32_t input = current_;
    const std::int32_t lost = same ? 0 : (kernel - 1) * dilation;
    shape_ = {shape_[0], shape_[1] - lost, shape_[2] - lost, channels};
    current_ = activation("depthwise", shape_);
    builder_.add_operator(builtin::kDepthwiseConv2d, 3, {input, weights, bias(channels)}, {current_},
                          options);
  }

  void add(std::int32_t other) {
    const std::int32_t input = current_;
    current_ = activation("sum", shape_);
    builder_.add_operator(builtin::kAdd, 2, {other, input}, {current_},
                          FlatFields().scalar(slot::kAddActivation, kRelu, 1));
  }

  void pool(std::int32_t code, std::int32_t filter, std::int32_t stride) {
    FlatFields options;
    options.scalar(slot::kPoolPadding, 0, 1)
        .scalar(slot::kPoolStrideWidth, stride, 4)
        .scalar(slot::kPoolStrideHeight, stride, 4)
        .scalar(slot::kPoolFilterWidth, filter, 4)
        .scalar(slot::kPoolFilterHeight, filter, 4);
    const std::int32_t input = current_;
    shape_ = {shape_[0], (shape_[1] + stride - 1) / stride, (shape_[2] + stride - 1) / stride, shape_[3]};
    current_ = activation("pool", shape_);
    builder_.add_operator(code, 2, {input}, {current_}, options);
  }

  void flatten() {
    const std::int32_t input = current_;
    shape_ = {1, std::accumulate(shape_.begin(), shape_.end(), 1, std::multiplies<>())};
    current_ = activation("flat", shape_);
    builder_.add_operator(builtin::kReshape, 1, {input}, {current_});
  }

  void fully_connected(std::int32_t outputs, bool per_channel) {
    const std::int32_t weights = weight_tensor({outputs, shape_[1]}, per_channel ? outputs : 1, 0, shape_[1]);
    const std::int32_t input = current_;
    shape_ = {1, outputs};
    current_ = activation("scores", shape_);
    builder_.add_operator(builtin::kFullyConnected, 4, {input, weights, bias(outputs)}, {current_},
                          FlatFields().scalar(slot::kFullyConnectedActivation, 0, 1));
  }

  void softmax() {
    const std::int32_t input = current_;
    current_ = builder_.tensor({"probabilities", shape_, 9, {1.0f / 256}, -128, 0});
    builder_.add_operator(builtin::kSoftmax, 2, {input}, {current_},
                          FlatFields().real(slot::kSoftmaxBeta, 1));
  }

  std::vector<std::uint8_t> file() {
    builder_.add_unused_code(114);  // QUANTIZE
    return builder_.file({input_}, {current_});
  }

 private:
  std::int32_t activation(const std::string& name, const std::vector<std::int32_t>& shape) {
    return builder_.tensor({name, shape, 9, {0.05f}, -3, 0});
  }

  std::int32_t weight_tensor(const std::vector<std::int32_t>& shape, std::int32_t scales,
                             std::int32_t dimension, std::int32_t length) {
    const auto count = std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<>());
    std::vector<std::int8_t> values(static_cast<std::size_t>(count));
    for (std::int8_t& value : values)
      value = static_cast<std::int8_t>(static_cast<int>(random_() % 255) - 127);
    TensorSpec spec{"weights", shape, 9, {}, 0, dimension};
    for (std::int32_t i = 0; i < scales; ++i) {
      spec.scales.push_back(0.02f / static_cast<float>(length) * (1.0f + 0.1f * static_cast<float>(i)));
    }
    return builder_.constant(spec, values);
  }

  std::int32_t bias(std::int32_t channels) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(channels));
    for (std::int32_t& value : values) value = static_cast<std::int32_t>(random_() % 2000) - 1000;
    return builder_.constant({"bias", {channels}, kInt32, {0.001f}, 0, 0}, values);
  }

  TfliteBuilder builder_;
  std::mt19937 random_{3};
  std::vector<std::int32_t> shape_;
  std::int32_t input_ = 0, current_ = 0;
};

}  // namespace

std::vector<std::uint8_t> small_residual_model() {
  ModelWriter writer({1, 8, 8, 3});
  writer.convolution(3, 2, 6);
  const std::int32_t branch = writer.current();
  writer.depthwise(3, 1, 1, true);
  writer.convolution(1, 1, 6);
  writer.add(branch);
  writer.pool(builtin::kMaxPool2d, 2, 1);
  writer.pool(builtin::kAveragePool2d, 3, 2);
  writer.flatten();
  writer.fully_connected(5, true);
  writer.softmax();
  return writer.file();
}

std::vector<std::uint8_t> small_dense_model() {
  ModelWriter writer({1, 16});
  writer.fully_connected(12, false);
  writer.fully_connected(16, false);
  return writer.file();
}

std::vector<std::uint8_t> small_dilated_model() {
  ModelWriter writer({2, 7, 6, 3});
  writer.depthwise(3, 2, 2, true);
  writer.depthwise(2, 1, 2, false);
  writer.convolution(2, 1, 3);
  return writer.file();
}

std::vector<std::uint8_t> small_tensor_model() {
  using Integers = std::vector<std::int32_t>;
  using Values = std::vector<std::int8_t>;
  constexpr std::int32_t kInt8 = 9, kFloat32 = 0;
  TfliteBuilder builder;
  const auto integers = [&builder](const Integers& values) {
    return builder.constant({"integers", {static_cast<std::int32_t>(values.size())}, kInt32, {}}, values);
  };
  const auto input = builder.tensor({"input", {1, 2, 3, 4}});
  const auto resized = builder.tensor({"resized", {1, 4, 3, 4}});
  builder.add_operator(builtin::kResizeNearestNeighbor, 2, {input, integers({4, 3})}, {resized});
  const auto factors = builder.constant({"factors", {4}}, Values{10, -20, 30, 127});
  const auto product = builder.tensor({"product", {1, 4, 3, 4}});
  builder.add_operator(builtin::kMul, 2, {resized, factors}, {product});
  const auto logistic = builder.tensor({"logistic", {1, 4, 3, 4}, kInt8, {1.0f / 256}, -128});
  builder.add_operator(builtin::kLogistic, 2, {product}, {logistic});
  const auto more = builder.constant({"more", {1, 4, 3, 2}, kInt8, {1.0f / 256}, -128}, Values(24, 9));
  const auto joined = builder.tensor({"joined", {1, 4, 3, 6}, kInt8, {1.0f / 256}, -128});
  builder.add_operator(builtin::kConcatenation, 2, {logistic, more}, {joined},
                       FlatFields().scalar(slot::kConcatenationAxis, 3, 4));
  const auto mean = builder.tensor({"mean", {1, 6}, kInt8, {1.0f / 256}, -128});
  builder.add_operator(builtin::kMean, 2, {joined, integers({1, 2})}, {mean});
  const auto best = builder.tensor({"best", {1}, kInt32, {}});
  builder.add_operator(builtin::kArgMax, 2, {mean, integers({1})}, {best});
  const auto real = builder.tensor({"real", {1, 6}, kFloat32, {}});
  builder.add_operator(builtin::kDequantize, 2, {mean}, {real});
  return builder.file({input}, {best, real});
}

}  // namespace sotto::model_compiler
