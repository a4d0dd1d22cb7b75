// What lowering refuses: one operator that is right, and one thing of it changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "lower/lowering.h"
#include "sotto/model_compiler/model_compiler.h"
#include "tflite/reader.h"
#include "tflite/schema.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

using testing::HasSubstr;

constexpr std::int32_t kInt8 = 9, kInt16 = 7, kInt32 = 2, kUint8 = 3, kFloat32 = 0;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One operator of two to four tensors; tests change what they like before it is compiled.
struct OneOperator {
  std::int32_t code = 0, version = 1;
  TensorSpec input{"input", {1, 4}};
  TensorSpec output{"output", {1, 4}};
  FlatFields options;
  // Further inputs: constants unless `data` is empty.
  struct More {
    TensorSpec spec;
    std::vector<std::uint8_t> data;
  };
  std::vector<More> more;

  [[nodiscard]] std::vector<std::uint8_t> file() const {
    TfliteBuilder builder;
    const auto in = builder.tensor(input);
    std::vector<std::int32_t> inputs = {in};
    std::vector<std::int32_t> model_inputs = {in};
    for (const More& one : more) {
      inputs.push_back(one.data.empty() ? builder.tensor(one.spec) : builder.constant(one.spec, one.data));
      if (one.data.empty()) model_inputs.push_back(inputs.back());
    }
    const auto out = builder.tensor(output);
    builder.add_operator(code, version, inputs, {out}, options);
    return builder.file(model_inputs, {out});
  }
  // Empty when it compiles.
  [[nodiscard]] std::string refusal() const {
    const auto compiled = compile(file(), {});
    return compiled ? "" : compiled.error().message();
  }
  // How close its output may come to its input.
  [[nodiscard]] Overlap overlap() const {
    const std::vector<std::uint8_t> bytes = file();
    const auto graph = read_tflite(bytes);
    EXPECT_TRUE(graph) << graph.status().message();
    ImageBuilder image;
    const auto lowered = lower(*graph, Target::kPortable, image);
    EXPECT_TRUE(lowered) << lowered.status().message();
    return lowered->at(0).overlaps.at(0);
  }
};

template <typename T>
std::vector<std::uint8_t> bytes_of(const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return {bytes, bytes + values.size() * sizeof(T)};
}

OneOperator::More integers(const std::vector<std::int32_t>& values) {
  return {{"integers", {static_cast<std::int32_t>(values.size())}, kInt32, {}}, bytes_of(values)};
}

using Change = std::function<void(OneOperator&)>;

std::string changed(OneOperator op, const Change& change) {
  change(op);
  return op.refusal();
}

// 1x5x5x2 to 1x3x3x4: 3x3, stride 2, SAME.
OneOperator convolution() {
  OneOperator op;
  op.code = builtin::kConv2d;
  op.version = 3;
  op.input.shape = {1, 5, 5, 2};
  op.output.shape = {1, 3, 3, 4};
  op.options.scalar(slot::kConvPadding, 0, 1)
      .scalar(slot::kConvStrideWidth, 2, 4)
      .scalar(slot::kConvStrideHeight, 2, 4);
  op.more = {{{"weights", {4, 3, 3, 2}, kInt8, {0.01f}}, std::vector<std::uint8_t>(72)},
             {{"bias", {4}, kInt32, {}}, std::vector<std::uint8_t>(16)}};
  return op;
}

std::string convolution_refusal(const Change& change) { return changed(convolution(), change); }

TEST(LowerConvolution, AsItIsCompiles) { EXPECT_EQ(convolution().refusal(), ""); }

TEST(LowerConvolution, WeightsAreConstantSymmetricInt8) {
  EXPECT_THAT(convolution_refusal([](OneOperator& op) { op.more[0].spec.type = kUint8; }),
              HasSubstr("weights of type UINT8"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) { op.more[0].data.clear(); }),
              HasSubstr("weights that are computed"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) { op.more[0].spec.zero_point = 1; }),
              HasSubstr("a zero point other than 0"));
}

TEST(LowerConvolution, WeightsHaveOneScaleOrOneForEachChannel) {
  const auto scaled = [](std::vector<float> scales, std::int32_t dimension = 0) {
    return convolution_refusal([=](OneOperator& op) {
      op.more[0].spec.scales = scales;
      op.more[0].spec.dimension = dimension;
    });
  };
  EXPECT_EQ(scaled({1, 2, 3, 4}), "");
  EXPECT_EQ(scaled({1}, 3), "") << "a single scale is no channel's";
  EXPECT_EQ(scaled({0, 0, 0, 1}), "");
  EXPECT_THAT(scaled({}), HasSubstr("neither one nor one per output channel"));
  EXPECT_THAT(scaled({1, 2, 3}), HasSubstr("3 scales for dimension 0 of 4"));
  EXPECT_THAT(scaled({1, 2, 3, 4, 5}), HasSubstr("5 scales for dimension 0 of 4"));
  EXPECT_THAT(scaled({1, 2, 3, 4}, 1), HasSubstr("4 scales for dimension 1 of 3"));
  EXPECT_THAT(scaled({1, 2, 3}, 1), HasSubstr("neither one nor one per output channel"));
  EXPECT_THAT(scaled({1, 2, 3, -1}), HasSubstr("scale 3 is no number from 0 on"));
  EXPECT_THAT(scaled({kNan}), HasSubstr("scale 0 is no number from 0 on"));
  EXPECT_THAT(scaled({kInfinity}), HasSubstr("scale 0 is no number from 0 on"));
  EXPECT_THAT(scaled({1e12f}), HasSubstr("too large for the output's"));
}

TEST(LowerConvolution, ABiasIsOnTheScaleOfItsProducts) {
  const auto scaled = [](std::vector<float> scales, std::vector<float> weights = {0.01f}) {
    return convolution_refusal([=](OneOperator& op) {
      op.more[0].spec.scales = weights;
      op.more[1].spec.scales = scales;
    });
  };
  // Input and output have scale 0.05: products 0.0005, and 0.001 is the bound of the difference.
  EXPECT_EQ(scaled({0.0005f}), "");
  EXPECT_EQ(scaled({0.00149f}), "");
  EXPECT_THAT(scaled({0.00151f}),
              HasSubstr("its scale 0 is 0.00151; the scales of input and weights make 0.0005"));
  EXPECT_EQ(scaled({0.0005f, 0.001f, 0.0015f, 0.002f}, {0.01f, 0.02f, 0.03f, 0.04f}), "");
  EXPECT_THAT(scaled({0.0005f, 0.001f, 0.0015f, 0.2f}, {0.01f, 0.02f, 0.03f, 0.04f}),
              HasSubstr("its scale 3"));
  EXPECT_THAT(scaled({0.0005f, 0.0005f, 0.0005f, 0.0005f}), HasSubstr("it has 4 scales; the weights have 1"));
}

TEST(LowerConvolution, ActivationsHaveOneSoundScaleAndZeroPoint) {
  for (TensorSpec OneOperator::*tensor : {&OneOperator::input, &OneOperator::output}) {
    const auto with = [tensor](const std::function<void(TensorSpec&)>& change) {
      return convolution_refusal([&](OneOperator& op) { change(op.*tensor); });
    };
    EXPECT_THAT(with([](TensorSpec& t) { t.type = kInt16; }), HasSubstr("its type is INT16"));
    EXPECT_THAT(with([](TensorSpec& t) { t.scales = {}; }), HasSubstr("it has 0 scales"));
    EXPECT_THAT(with([](TensorSpec& t) { t.scales = {1, 1}; }), HasSubstr("it has 2 scales"));
    EXPECT_THAT(with([](TensorSpec& t) { t.more_zero_points = {0}; }), HasSubstr("2 zero points"));
    EXPECT_THAT(with([](TensorSpec& t) { t.scales = {0}; }), HasSubstr("no positive number"));
    EXPECT_THAT(with([](TensorSpec& t) { t.scales = {-1}; }), HasSubstr("no number from 0 on"));
    EXPECT_THAT(with([](TensorSpec& t) { t.scales = {kInfinity}; }), HasSubstr("no number from 0 on"));
    EXPECT_EQ(with([](TensorSpec& t) { t.zero_point = -128; }), "");
    EXPECT_THAT(with([](TensorSpec& t) { t.zero_point = -129; }), HasSubstr("which is no value of INT8"));
    EXPECT_EQ(with([](TensorSpec& t) { t.zero_point = 127; }), "");
    EXPECT_THAT(with([](TensorSpec& t) { t.zero_point = 128; }), HasSubstr("which is no value of INT8"));
  }
}

TEST(LowerConvolution, ABiasIsOneConstantInt32PerChannel) {
  EXPECT_EQ(convolution_refusal([](OneOperator& op) { op.more.pop_back(); }), "");
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.more[1] = integers({1, 2, 3});
              }),
              HasSubstr("one value per output channel"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.more[1] = integers({1, 2, 3, 4, 5});
              }),
              HasSubstr("one value per output channel"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.more[1] = {{"bias", {4}, kFloat32, {}}, std::vector<std::uint8_t>(16)};
              }),
              HasSubstr("a bias must be constant INT32"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) { op.more[1].data.clear(); }),
              HasSubstr("a bias must be constant INT32"));
}

TEST(LowerConvolution, ShapesAreThoseOfTheWindow) {
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.output.shape = {1, 2, 3, 4};
              }),
              HasSubstr("its output would be 3 long; the file says 2"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.output.shape = {1, 3, 4, 4};
              }),
              HasSubstr("width: its output would be 3 long; the file says 4"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.output.shape = {2, 3, 3, 4};
              }),
              HasSubstr("its batch is not the input's"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.input.shape = {5, 5, 2};
              }),
              HasSubstr("four dimensions"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.output.shape = {1, 3, 12};
              }),
              HasSubstr("four dimensions"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.input.shape = {1, 5, 5, 3};
              }),
              HasSubstr("its channels are not those of input and output"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.output.shape = {1, 3, 3, 5};
              }),
              HasSubstr("its channels are not those of input and output"));
  EXPECT_THAT(convolution_refusal([](OneOperator& op) {
                op.more[0].spec.shape = {4, 9, 2};
              }),
              HasSubstr("weights must have four dimensions"));
}

TEST(LowerConvolution, ValidWindowsLieInside) {
  const auto valid = [](std::int32_t output, std::int32_t dilation) {
    return convolution_refusal([=](OneOperator& op) {
      op.output.shape = {1, output, output, 4};
      op.options.scalar(slot::kConvPadding, 1, 1)
          .scalar(slot::kConvDilationHeight, dilation, 4)
          .scalar(slot::kConvDilationWidth, dilation, 4);
    });
  };
  EXPECT_EQ(valid(2, 1), "");
  EXPECT_THAT(valid(3, 1), HasSubstr("its output would be 2 long"));
  EXPECT_EQ(valid(1, 2), "");
  EXPECT_THAT(valid(1, 3), HasSubstr("its output would be 0 long"));
}

TEST(LowerConvolution, OptionsHaveLimits) {
  const auto option = [](std::uint32_t slot, std::int64_t value, std::uint32_t bytes = 4) {
    return convolution_refusal([=](OneOperator& op) { op.options.scalar(slot, value, bytes); });
  };
  for (const std::uint32_t slot : {slot::kConvStrideHeight, slot::kConvStrideWidth, slot::kConvDilationHeight,
                                   slot::kConvDilationWidth}) {
    EXPECT_THAT(option(slot, 0), HasSubstr("not between 1 and 65535"));
    EXPECT_THAT(option(slot, -1), HasSubstr("not between 1 and 65535"));
    EXPECT_THAT(option(slot, 65536), HasSubstr("not between 1 and 65535"));
  }
  EXPECT_EQ(option(slot::kConvDilationWidth, 32767), "");
  EXPECT_THAT(option(slot::kConvDilationWidth, 32768), HasSubstr("longer than 65535"));
  EXPECT_THAT(option(slot::kConvPadding, 2, 1), HasSubstr("neither SAME nor VALID"));
  EXPECT_EQ(option(slot::kConvActivation, 3, 1), "");
  EXPECT_THAT(option(slot::kConvActivation, 4, 1), HasSubstr("fused activation is not supported"));
}

TEST(LowerConvolution, AStrideOf65535IsOne) {
  EXPECT_EQ(convolution_refusal([](OneOperator& op) {
              op.options.scalar(slot::kConvStrideHeight, 65535, 4);
              op.output.shape = {1, 1, 3, 4};
            }),
            "");
}

TEST(LowerConvolution, DotProductsHave65536TermsAtMost) {
  const auto with = [](std::int32_t channels) {
    return convolution_refusal([=](OneOperator& op) {
      op.input.shape = {1, 1, 1, channels};
      op.output.shape = {1, 1, 1, 4};
      op.more[0].spec.shape = {4, 1, 2, channels};
      op.more[0].data.resize(static_cast<std::size_t>(8 * channels));
    });
  };
  EXPECT_EQ(with(32768), "");
  EXPECT_THAT(with(32769), HasSubstr("more than 65536 weights"));
}

// 1x4x4x2 to 1x4x4x4, multiplier 2.
OneOperator depthwise() {
  OneOperator op;
  op.code = builtin::kDepthwiseConv2d;
  op.version = 3;
  op.input.shape = {1, 4, 4, 2};
  op.output.shape = {1, 4, 4, 4};
  op.options.scalar(slot::kDepthwiseStrideWidth, 1, 4).scalar(slot::kDepthwiseStrideHeight, 1, 4);
  op.more = {{{"weights", {1, 3, 3, 4}, kInt8, {0.01f}}, std::vector<std::uint8_t>(36)}};
  return op;
}

TEST(LowerDepthwise, ChannelsAreAMultipleOfTheInputs) {
  EXPECT_EQ(depthwise().refusal(), "");
  EXPECT_NE(changed(depthwise(), [](OneOperator& op) { op.input.shape = {1, 4, 4, 3}; }), "");
  EXPECT_NE(changed(depthwise(), [](OneOperator& op) { op.output.shape = {1, 4, 4, 6}; }), "");
  EXPECT_NE(changed(depthwise(),
                    [](OneOperator& op) {
                      op.more[0].spec.shape = {2, 3, 3, 4};
                      op.more[0].data.resize(72);
                    }),
            "");
  EXPECT_NE(changed(depthwise(), [](OneOperator& op) { op.more[0].spec.shape = {1, 9, 4}; }), "");
  EXPECT_EQ(changed(depthwise(),
                    [](OneOperator& op) {
                      op.more[0].spec.scales = {1, 2, 3, 4};
                      op.more[0].spec.dimension = 3;
                    }),
            "");
  EXPECT_NE(changed(depthwise(), [](OneOperator& op) { op.more[0].spec.scales = {1, 2, 3, 4}; }), "");
}

// [2][3] times [4][3].
OneOperator dense() {
  OneOperator op;
  op.code = builtin::kFullyConnected;
  op.version = 4;
  op.input.shape = {2, 3};
  op.output.shape = {2, 4};
  op.more = {{{"weights", {4, 3}, kInt8, {0.01f}}, std::vector<std::uint8_t>(12)}};
  return op;
}

TEST(LowerFullyConnected, SizesFitTogether) {
  EXPECT_EQ(dense().refusal(), "");
  EXPECT_THAT(changed(dense(),
                      [](OneOperator& op) {
                        op.input.shape = {2, 4};
                      }),
              HasSubstr("no multiple of the weights' columns"));
  EXPECT_THAT(changed(dense(),
                      [](OneOperator& op) {
                        op.output.shape = {2, 5};
                      }),
              HasSubstr("not rows of the input times rows of the weights"));
  EXPECT_THAT(changed(dense(), [](OneOperator& op) { op.more[0].spec.shape = {12}; }),
              HasSubstr("weights must have two dimensions"));
  EXPECT_THAT(
      changed(dense(), [](OneOperator& op) { op.options.scalar(slot::kFullyConnectedWeightsFormat, 1, 1); }),
      HasSubstr("shuffled weights"));
  EXPECT_THAT(
      changed(dense(), [](OneOperator& op) { op.options.scalar(slot::kFullyConnectedActivation, 4, 1); }),
      HasSubstr("fused activation is not supported"));
}

TEST(LowerFullyConnected, DotProductsHave65536TermsAtMost) {
  const auto with = [](std::int32_t columns) {
    return changed(dense(), [=](OneOperator& op) {
      op.input.shape = {1, columns};
      op.output.shape = {1, 4};
      op.more[0].spec.shape = {4, columns};
      op.more[0].data.resize(static_cast<std::size_t>(4 * columns));
    });
  };
  EXPECT_EQ(with(65536), "");
  EXPECT_THAT(with(65537), HasSubstr("more than 65536 weights"));
}

OneOperator pool() {
  OneOperator op;
  op.code = builtin::kMaxPool2d;
  op.version = 2;
  op.input.shape = op.output.shape = {1, 4, 4, 2};
  op.options.scalar(slot::kPoolStrideWidth, 1, 4)
      .scalar(slot::kPoolStrideHeight, 1, 4)
      .scalar(slot::kPoolFilterWidth, 2, 4)
      .scalar(slot::kPoolFilterHeight, 3, 4);
  return op;
}

TEST(LowerPool, InputAndOutputMeanTheSame) {
  EXPECT_EQ(pool().refusal(), "");
  EXPECT_THAT(changed(pool(), [](OneOperator& op) { op.output.scales = {0.04f}; }),
              HasSubstr("its scale and zero point must be the input's"));
  EXPECT_THAT(changed(pool(), [](OneOperator& op) { op.output.zero_point = 1; }),
              HasSubstr("its scale and zero point must be the input's"));
  EXPECT_THAT(changed(pool(),
                      [](OneOperator& op) {
                        op.output.shape = {1, 4, 4, 3};
                      }),
              HasSubstr("its channels are not the input's"));
}

TEST(LowerPool, FiltersHaveASize) {
  const auto filter = [](std::int64_t height, std::int64_t width) {
    return changed(pool(), [=](OneOperator& op) {
      op.options.scalar(slot::kPoolFilterHeight, height, 4).scalar(slot::kPoolFilterWidth, width, 4);
    });
  };
  EXPECT_THAT(filter(0, 2), HasSubstr("smaller than 1"));
  EXPECT_THAT(filter(2, 0), HasSubstr("smaller than 1"));
  EXPECT_EQ(filter(1, 1), "");
  EXPECT_EQ(filter(256, 256), "");
  EXPECT_THAT(filter(256, 257), HasSubstr("more than 65536 taps"));
  EXPECT_THAT(changed(pool(), [](OneOperator& op) { op.options.scalar(slot::kPoolActivation, 4, 1); }),
              HasSubstr("fused activation is not supported"));
}

OneOperator sum() {
  OneOperator op;
  op.code = builtin::kAdd;
  op.version = 2;
  op.more = {{{"other", {1, 4}}, {}}};
  return op;
}

TEST(LowerAdd, ScalesAreInReachOfTheArithmetic) {
  EXPECT_EQ(sum().refusal(), "");
  const auto scaled = [](float a, float b, float out) {
    return changed(sum(), [=](OneOperator& op) {
      op.input.scales = {a};
      op.more[0].spec.scales = {b};
      op.output.scales = {out};
    });
  };
  EXPECT_EQ(scaled(1e-4f, 1, 1), "");
  EXPECT_THAT(scaled(1, 1, 1e-7f), HasSubstr("too far apart")) << "a multiplier above one";
  EXPECT_THAT(changed(sum(), [](OneOperator& op) { op.options.scalar(slot::kAddActivation, 4, 1); }),
              HasSubstr("fused activation is not supported"));
}

TEST(LowerAdd, BroadcastsAndConstantsAreElementwise) {
  EXPECT_EQ(changed(sum(), [](OneOperator& op) { op.more[0].spec.shape = {4}; }), "");
  EXPECT_EQ(changed(sum(), [](OneOperator& op) { op.more[0].data = {1, 2, 3, 4}; }), "");
  EXPECT_NE(changed(sum(), [](OneOperator& op) { op.more[0].spec.shape = {3}; }), "");
  EXPECT_NE(changed(sum(), [](OneOperator& op) { op.output.shape = {1, 5}; }), "");
  EXPECT_THAT(changed(sum(), [](OneOperator& op) { op.more[0].spec.type = kInt16; }),
              HasSubstr("its type is INT16"));
}

TEST(LowerBroadcast, WhatComparesRawValuesNeedsOneQuantisation) {
  const auto scaled = [](std::int32_t code, float other) {
    return changed(sum(), [=](OneOperator& op) {
      op.code = code;
      op.version = 1;
      op.more[0].spec.scales = {other};
    });
  };
  for (const std::int32_t code : {std::int32_t{builtin::kMaximum}, std::int32_t{builtin::kMinimum}}) {
    EXPECT_EQ(scaled(code, 0.05f), "");
    EXPECT_THAT(scaled(code, 0.04f), HasSubstr("must be the input's"));
  }
  for (const std::int32_t code : {std::int32_t{builtin::kMul}, std::int32_t{builtin::kSub}})
    EXPECT_EQ(scaled(code, 0.04f), "");
  EXPECT_THAT(scaled(builtin::kMul, 1e29f), HasSubstr("too far apart"));
}

OneOperator softmax() {
  OneOperator op;
  op.code = builtin::kSoftmax;
  op.version = 2;
  op.output.scales = {1.0f / 256};
  op.output.zero_point = -128;
  op.options.real(slot::kSoftmaxBeta, 1);
  return op;
}

TEST(LowerSoftmax, TheOutputIsFixed) {
  EXPECT_EQ(softmax().refusal(), "");
  EXPECT_THAT(changed(softmax(), [](OneOperator& op) { op.output.scales = {1.0f / 255}; }),
              HasSubstr("scale 1/256 and zero point -128"));
  EXPECT_THAT(changed(softmax(), [](OneOperator& op) { op.output.zero_point = -127; }),
              HasSubstr("scale 1/256 and zero point -128"));
  EXPECT_THAT(changed(softmax(), [](OneOperator& op) { op.output.shape = {4}; }),
              HasSubstr("its shape is not the input's"));
  EXPECT_THAT(changed(softmax(), [](OneOperator& op) { op.input.shape = op.output.shape = {}; }),
              HasSubstr("its shape is not the input's"));
}

TEST(LowerSoftmax, RowsAndScalesHaveLimits) {
  const auto depth = [](std::int32_t values) {
    return changed(softmax(), [=](OneOperator& op) { op.input.shape = op.output.shape = {2, values}; });
  };
  EXPECT_EQ(depth(4095), "");
  EXPECT_THAT(depth(4096), HasSubstr("more than 4095 values"));
  const auto beta = [](float value) {
    return changed(softmax(), [=](OneOperator& op) { op.options.real(slot::kSoftmaxBeta, value); });
  };
  EXPECT_THAT(beta(0), HasSubstr("too small for SOFTMAX"));
  EXPECT_THAT(beta(1e-9f), HasSubstr("too small for SOFTMAX"));
  EXPECT_THAT(beta(kNan), HasSubstr("too small for SOFTMAX"));
  EXPECT_THAT(beta(1e9f), HasSubstr("too large for SOFTMAX"));
}

TEST(LowerReshape, KeepsElementsAndType) {
  OneOperator reshape;
  reshape.code = builtin::kReshape;
  reshape.output.shape = {2, 2};
  EXPECT_EQ(reshape.refusal(), "");
  EXPECT_THAT(changed(reshape, [](OneOperator& op) { op.output.shape = {5}; }),
              HasSubstr("does not hold the elements"));
  EXPECT_THAT(changed(reshape, [](OneOperator& op) { op.output.type = kUint8; }),
              HasSubstr("does not hold the elements"));
  constexpr std::int32_t kInt4 = 17;
  EXPECT_THAT(changed(reshape, [](OneOperator& op) { op.input.type = op.output.type = kInt4; }),
              HasSubstr("does not hold the elements"));
}

OneOperator of_one(std::int32_t code) {
  OneOperator op;
  op.code = code;
  return op;
}

TEST(LowerLookup, ScalesAreInReachOfTheTable) {
  EXPECT_EQ(of_one(builtin::kRelu).refusal(), "");
  const auto scaled = [](std::int32_t code, float input, float output) {
    return changed(of_one(code), [=](OneOperator& op) {
      op.input.scales = {input};
      op.output.scales = {output};
    });
  };
  EXPECT_THAT(scaled(builtin::kRelu, 1, 1e-12f), HasSubstr("too far from the input's"));
  EXPECT_THAT(scaled(builtin::kRelu, 1e-12f, 1), HasSubstr("too far from the input's"));
  EXPECT_THAT(scaled(builtin::kRelu, 1e-31f, 1e-31f), HasSubstr("no number between 1e-30 and 1e30"));
  EXPECT_THAT(scaled(builtin::kRelu, 1e31f, 1e31f), HasSubstr("no number between 1e-30 and 1e30"));
  EXPECT_EQ(scaled(builtin::kHardSwish, 126, 1), "");
  EXPECT_THAT(scaled(builtin::kHardSwish, 127, 1), HasSubstr("too small for its input's"));
}

TEST(LowerLookup, TensorsAreInt8AndOfOneShape) {
  EXPECT_THAT(changed(of_one(builtin::kRelu),
                      [](OneOperator& op) {
                        op.output.shape = {1, 5};
                      }),
              HasSubstr("its shape is not what the operator gives"));
  EXPECT_THAT(changed(of_one(builtin::kRelu), [](OneOperator& op) { op.input.type = kUint8; }),
              HasSubstr("its type is UINT8"));
  EXPECT_EQ(changed(of_one(builtin::kQuantize), [](OneOperator& op) { op.input.type = kUint8; }), "");
  EXPECT_THAT(changed(of_one(builtin::kRelu),
                      [](OneOperator& op) {
                        op.input.scales = {1, 1};
                      }),
              HasSubstr("it has 2 scales"));
  EXPECT_THAT(changed(of_one(builtin::kRelu), [](OneOperator& op) { op.input.more_zero_points = {0}; }),
              HasSubstr("2 zero points"));
}

TEST(LowerLookup, ZeroPointsAreValuesOfTheirType) {
  const auto zero_point = [](std::int32_t type, std::int64_t value) {
    return changed(of_one(builtin::kQuantize), [=](OneOperator& op) {
      op.input.type = type;
      op.input.zero_point = value;
    });
  };
  EXPECT_EQ(zero_point(kInt8, -128), "");
  EXPECT_THAT(zero_point(kInt8, -129), HasSubstr("which is no value of"));
  EXPECT_EQ(zero_point(kInt8, 127), "");
  EXPECT_THAT(zero_point(kInt8, 128), HasSubstr("which is no value of"));
  EXPECT_EQ(zero_point(kUint8, 0), "");
  EXPECT_THAT(zero_point(kUint8, -1), HasSubstr("which is no value of"));
  EXPECT_EQ(zero_point(kUint8, 255), "");
  EXPECT_THAT(zero_point(kUint8, 256), HasSubstr("which is no value of"));
}

TEST(LowerLookup, LeakySlopesCanBeScaled) {
  const auto slope = [](float alpha) {
    return changed(of_one(builtin::kLeakyRelu),
                   [=](OneOperator& op) { op.options.real(slot::kLeakyReluAlpha, alpha); });
  };
  EXPECT_EQ(slope(0.1f), "");
  EXPECT_THAT(slope(kNan), HasSubstr("slope cannot be scaled"));
  EXPECT_THAT(slope(kInfinity), HasSubstr("slope cannot be scaled"));
  EXPECT_THAT(slope(1e12f), HasSubstr("slope cannot be scaled"));
}

TEST(LowerConversion, IsBetweenFloat32And8Bits) {
  const auto between = [](std::int32_t code, std::int32_t input, std::int32_t output) {
    return changed(of_one(code), [=](OneOperator& op) {
      op.input.type = input;
      op.output.type = output;
    });
  };
  EXPECT_EQ(between(builtin::kQuantize, kFloat32, kInt8), "");
  EXPECT_EQ(between(builtin::kQuantize, kFloat32, kUint8), "");
  EXPECT_THAT(between(builtin::kQuantize, kFloat32, kInt16), HasSubstr("its type is INT16"));
  EXPECT_EQ(between(builtin::kDequantize, kUint8, kFloat32), "");
  EXPECT_THAT(between(builtin::kDequantize, kInt8, kInt8),
              HasSubstr("its type is INT8; FLOAT32 is expected"));
  EXPECT_THAT(between(builtin::kDequantize, kInt16, kFloat32), HasSubstr("its type is INT16"));
}

TEST(LowerConversion, FloatsKeepTheirDistanceFromTheBytesThatTheyAreMadeOf) {
  const auto overlap = [](std::int32_t code, std::int32_t input, std::int32_t output) {
    OneOperator op = of_one(code);
    op.input = {"input", {1, 10}, input};
    op.output = {"output", {1, 10}, output};
    return op.overlap();
  };
  const Overlap widened = overlap(builtin::kDequantize, kInt8, kFloat32);
  EXPECT_EQ(widened.ascending, 27);
  EXPECT_FALSE(widened.descending);
  const Overlap narrowed = overlap(builtin::kQuantize, kFloat32, kInt8);
  EXPECT_EQ(narrowed.ascending, -3);
  EXPECT_FALSE(narrowed.descending);
  EXPECT_EQ(overlap(builtin::kRelu, kInt8, kInt8).ascending, 0);
}

TEST(LowerReduction, SumsHaveRoom) {
  const auto mean = [](std::vector<std::int32_t> shape, const std::vector<std::int32_t>& axes,
                       std::vector<std::int32_t> output) {
    OneOperator op = of_one(builtin::kMean);
    op.input.shape = std::move(shape);
    op.output.shape = std::move(output);
    op.more = {integers(axes)};
    return op.refusal();
  };
  EXPECT_EQ(mean({1, 4, 3}, {1}, {1, 3}), "");
  EXPECT_EQ(mean({1, 4, 3}, {1, 1, -2}, {1, 3}), "") << "named three times";
  EXPECT_EQ(mean({1 << 23, 1}, {0}, {1}), "");
  EXPECT_THAT(mean({(1 << 23) + 1, 1}, {0}, {1}), HasSubstr("too many dimensions or elements"));
  EXPECT_THAT(mean({1, 4, 3}, {3}, {1, 3}), HasSubstr("dimension 3 does not exist"));
  EXPECT_THAT(mean({1, 4, 3}, {1}, {1, 1, 3}), HasSubstr("its shape is not what the operator gives"));
}

TEST(LowerReduction, RawValuesNeedOneQuantisation) {
  for (const std::int32_t code : {std::int32_t{builtin::kReduceMax}, std::int32_t{builtin::kReduceMin}}) {
    OneOperator op = of_one(code);
    op.output.shape = {1};
    op.more = {integers({1})};
    EXPECT_EQ(op.refusal(), "");
    op.output.scales = {0.04f};
    EXPECT_THAT(op.refusal(), HasSubstr("must be the input's"));
  }
}

TEST(LowerArgMax, IndicesAreIntegers) {
  OneOperator op = of_one(builtin::kArgMax);
  op.output = {"index", {1}, kInt32, {}};
  op.more = {integers({1})};
  EXPECT_EQ(op.refusal(), "");
  EXPECT_EQ(changed(op, [](OneOperator& o) { o.more = {integers({-1})}; }), "");
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.output.type = kInt16; }), HasSubstr("INT32 or INT64"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.input.type = kUint8; }), HasSubstr("of INT8"));
  EXPECT_THAT(changed(op,
                      [](OneOperator& o) {
                        o.more = {integers({0, 1})};
                      }),
              HasSubstr("not one dimension"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more = {integers({2})}; }), HasSubstr("does not exist"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more[0].data.clear(); }),
              HasSubstr("computed while the model runs"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more[0].spec.type = kFloat32; }),
              HasSubstr("INT32 or INT64 is expected"));
}

TEST(LowerRearrangement, PaddingIsOnTheOutputsScale) {
  OneOperator op = of_one(builtin::kPadV2);
  op.output.shape = {1, 6};
  op.more = {integers({0, 0, 1, 1}), {{"value", {1}}, {7}}};
  op.more[0].spec.shape = {2, 2};
  EXPECT_EQ(op.refusal(), "");
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more[1].spec.scales = {0.04f}; }),
              HasSubstr("must be the input's"));
  EXPECT_THAT(changed(op,
                      [](OneOperator& o) {
                        o.more[1].spec.shape = {2};
                        o.more[1].data = {7, 7};
                      }),
              HasSubstr("must be an 8-bit constant"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more[1].data.clear(); }),
              HasSubstr("must be an 8-bit constant"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.output.scales = {0.04f}; }),
              HasSubstr("must be the input's"));
}

TEST(LowerRearrangement, JoinedTensorsMeanTheSame) {
  OneOperator op = of_one(builtin::kConcatenation);
  op.output.shape = {1, 8};
  op.more = {{{"other", {1, 4}}, {}}};
  op.options.scalar(slot::kConcatenationAxis, 1, 4);
  EXPECT_EQ(op.refusal(), "");
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more[0].spec.scales = {0.04f}; }),
              HasSubstr("must be the input's"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.more[0].spec.type = kUint8; }),
              HasSubstr("its type is not the input's"));
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.options.scalar(slot::kConcatenationActivation, 1, 1); }),
              HasSubstr("fused activation is not supported"));
}

// 2x3x4, of which all is taken.
OneOperator strided_slice(const std::vector<std::int32_t>& begins, const std::vector<std::int32_t>& ends,
                          const std::vector<std::int32_t>& output) {
  OneOperator op = of_one(builtin::kStridedSlice);
  op.input.shape = {2, 3, 4};
  op.output.shape = output;
  op.more = {integers(begins), integers(ends), integers(std::vector<std::int32_t>(begins.size(), 1))};
  return op;
}

TEST(LowerStridedSlice, NewAxesNameNoDimension) {
  OneOperator in_front = strided_slice({0, 0, 0, 1}, {0, 2, 3, 3}, {1, 2, 3, 2});
  in_front.options.scalar(slot::kSliceNewAxisMask, 1, 4);
  EXPECT_EQ(in_front.refusal(), "");
  OneOperator inside = strided_slice({0, 7, 0, 1}, {2, 7, 3, 3}, {2, 1, 3, 2});
  inside.options.scalar(slot::kSliceNewAxisMask, 2, 4);
  EXPECT_EQ(inside.refusal(), "");
  OneOperator two = strided_slice({0, 0, 0, 0, 1}, {0, 0, 2, 3, 3}, {1, 1, 2, 3, 2});
  two.options.scalar(slot::kSliceNewAxisMask, 3, 4);
  EXPECT_EQ(two.refusal(), "");
  EXPECT_THAT(strided_slice({0, 0, 0, 1}, {1, 2, 3, 3}, {1, 2, 3, 2}).refusal(),
              HasSubstr("more dimensions than its input has"));
}

TEST(LowerStridedSlice, AnEllipsisTakesTheDimensionsThatNothingElseNames) {
  const auto with = [](const std::vector<std::int32_t>& begins, const std::vector<std::int32_t>& ends,
                       const std::vector<std::int32_t>& output, std::int64_t ellipsis,
                       std::int64_t new_axis = 0) {
    OneOperator op = strided_slice(begins, ends, output);
    op.options.scalar(slot::kSliceEllipsisMask, ellipsis, 4).scalar(slot::kSliceNewAxisMask, new_axis, 4);
    return op.refusal();
  };
  EXPECT_EQ(with({0, 1}, {0, 3}, {2, 3, 2}, 1), "");
  EXPECT_EQ(with({1, 0}, {2, 0}, {1, 3, 4}, 2), "");
  EXPECT_EQ(with({1, 0, 1}, {2, 0, 3}, {1, 3, 2}, 2), "");
  EXPECT_EQ(with({0, 0, 0, 1}, {2, 3, 0, 3}, {2, 3, 2}, 4), "") << "none is left for it";
  EXPECT_EQ(with({0, 0, 1}, {0, 0, 3}, {1, 2, 3, 2}, 2, 1), "") << "behind a new axis";
  EXPECT_EQ(with({0, 0, 1}, {0, 0, 3}, {2, 3, 1, 2}, 1, 2), "") << "before a new axis";
  EXPECT_THAT(with({0, 0, 1}, {0, 0, 3}, {2, 3, 2}, 3), HasSubstr("it has two ellipses"));
}

TEST(LowerStridedSlice, MasksOpenEndsAndDropDimensions) {
  const auto with = [](std::uint32_t mask, const std::vector<std::int32_t>& output) {
    OneOperator op = strided_slice({1, 1, 1}, {2, 2, 2}, output);
    op.options.scalar(mask, 2, 4);
    return op.refusal();
  };
  EXPECT_EQ(with(slot::kSliceBeginMask, {1, 2, 1}), "");
  EXPECT_EQ(with(slot::kSliceEndMask, {1, 2, 1}), "");
  EXPECT_EQ(with(slot::kSliceShrinkAxisMask, {1, 1}), "");
  OneOperator behind = strided_slice({0, 3, 0}, {1, 4, 1}, {1, 1});
  behind.options.scalar(slot::kSliceShrinkAxisMask, 2, 4);
  EXPECT_THAT(behind.refusal(), HasSubstr("it selects nothing along a dimension"));
}

TEST(LowerResize, SizesAndTypes) {
  OneOperator op = of_one(builtin::kResizeNearestNeighbor);
  op.input.shape = {1, 2, 2, 3};
  op.output.shape = {1, 4, 5, 3};
  op.more = {integers({4, 5})};
  EXPECT_EQ(op.refusal(), "");
  EXPECT_THAT(changed(op, [](OneOperator& o) { o.output.scales = {0.04f}; }),
              HasSubstr("must be the input's"));
  EXPECT_THAT(changed(op,
                      [](OneOperator& o) {
                        o.more = {integers({4, 0})};
                      }),
              HasSubstr("a dimension of 0"));
  EXPECT_THAT(changed(op,
                      [](OneOperator& o) {
                        o.input.shape = {1, 65536, 1, 1};
                        o.output.shape = {1, 4, 5, 1};
                      }),
              HasSubstr("larger than 65535 pixels"));
}

}  // namespace
}  // namespace sotto::model_compiler
