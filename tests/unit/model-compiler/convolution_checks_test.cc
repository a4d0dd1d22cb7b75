// What each kernel refuses to convolve: every field at its limit and one beyond, in an operator that is right
// in every other respect, so that no other check refuses it first.
#include "sotto/device_runtime/kernels/parameter_checks.h"

#include <gtest/gtest.h>

#include <functional>

#include "checked_operator.h"

namespace sotto::device {
namespace {

// 2 x 7x5x3 to 2 x 4x3x6: every pair of fields differs.
ConvParameters sound_convolution(KernelKind kind) {
  ConvParameters p{};
  p.batches = 2;
  p.input_height = 7, p.input_width = 5, p.input_channels = 3;
  p.output_height = 4, p.output_width = 3, p.output_channels = 6;
  p.kernel_height = 3, p.kernel_width = 2;
  p.stride_height = 2, p.stride_width = 1;
  p.dilation_height = 1, p.dilation_width = 2;
  p.padding_top = 1, p.padding_left = 0;
  p.depth_multiplier = 1;
  p.activation_min = -100, p.activation_max = 100;
  p.weights = kWeights;
  p.requantization = {kBiases, kMultipliers, kShifts};
  if (kind == KernelKind::kDepthwiseConv2d) p.depth_multiplier = 2;
  if (kind == KernelKind::kPointwiseConv2d) {
    p.output_height = p.input_height, p.output_width = p.input_width;
    p.kernel_height = p.kernel_width = p.stride_height = p.stride_width = 1;
    p.padding_top = p.padding_left = 0;
    p.dilation_width = 1;
  }
  return p;
}

using ConvChange = std::function<void(ConvParameters&, CheckedOperator&)>;

class Convolution : public testing::TestWithParam<Tested> {
 protected:
  // With operands of the sizes that the parameters give, whatever they are.
  static bool is_sound(const ConvChange& change) {
    ConvParameters p = sound_convolution(GetParam().kernel->kind);
    CheckedOperator op;
    change(p, op);
    if (op.operands.empty()) {
      op.set_operands({std::uint64_t{p.batches} * p.input_height * p.input_width * p.input_channels,
                       std::uint64_t{p.batches} * p.output_height * p.output_width * p.output_channels});
    }
    return op.is_sound(*GetParam().kernel, p);
  }
  static bool is_sound(const std::function<void(ConvParameters&)>& change) {
    return is_sound([&](ConvParameters& p, CheckedOperator&) { change(p); });
  }
  static bool is_depthwise() { return GetParam().kernel->kind == KernelKind::kDepthwiseConv2d; }
  static bool is_pointwise() { return GetParam().kernel->kind == KernelKind::kPointwiseConv2d; }
};

TEST_P(Convolution, AsItIsMayRun) {
  EXPECT_TRUE(is_sound([](ConvParameters&) {}));
}

TEST_P(Convolution, NoDimensionIsZero) {
  for (std::uint16_t ConvParameters::*field :
       {&ConvParameters::batches, &ConvParameters::input_height, &ConvParameters::input_width,
        &ConvParameters::input_channels, &ConvParameters::output_height, &ConvParameters::output_width,
        &ConvParameters::output_channels, &ConvParameters::kernel_height, &ConvParameters::kernel_width,
        &ConvParameters::stride_height, &ConvParameters::stride_width, &ConvParameters::dilation_height,
        &ConvParameters::dilation_width}) {
    EXPECT_FALSE(is_sound([&](ConvParameters& p) {
      p.*field = 0;
      // What else would have to be 0 for another reason.
      p.output_height = std::min(p.output_height, p.input_height);
      p.output_width = std::min(p.output_width, p.input_width);
      if (is_depthwise())
        p.depth_multiplier = p.input_channels == 0 || p.output_channels == 0 ? 0 : p.depth_multiplier;
      if (is_depthwise())
        p.output_channels = static_cast<std::uint16_t>(p.input_channels * p.depth_multiplier);
      if (is_pointwise()) p.input_height = p.output_height, p.input_width = p.output_width;
    })) << (field == &ConvParameters::batches);
  }
}

TEST_P(Convolution, WindowsStartBeforeTheInputsEnd) {
  if (is_pointwise()) return;  // input and output are of one size
  // (output - 1) * stride < input + padding: 4 rows of stride 2 start at 6 at the latest, 3 columns of stride
  // 1 at 2.
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.input_height = 6; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.input_height = 5; }));
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.input_width = 3; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.input_width = 2; }));
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.stride_width = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.stride_width = 3; }));
}

TEST_P(Convolution, PaddingIsShorterThanAWindow) {
  if (is_pointwise()) return;  // has none
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.padding_top = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.padding_top = 3; }));
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.padding_left = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.padding_left = 3; }));
}

TEST_P(Convolution, DilatedKernelsReachOver16BitsAtMost) {
  if (is_pointwise()) return;  // a kernel of one
  const auto rows = [](std::uint16_t kernel, std::uint16_t dilation) {
    return [=](ConvParameters& p) { p.kernel_height = kernel, p.dilation_height = dilation; };
  };
  EXPECT_TRUE(is_sound(rows(2, 65535)));
  EXPECT_TRUE(is_sound(rows(4, 21845)));
  EXPECT_FALSE(is_sound(rows(3, 32768)));
  const auto columns = [](std::uint16_t kernel, std::uint16_t dilation) {
    return [=](ConvParameters& p) { p.kernel_width = kernel, p.dilation_width = dilation; };
  };
  EXPECT_TRUE(is_sound(columns(2, 65535)));
  EXPECT_FALSE(is_sound(columns(3, 32768)));
}

TEST_P(Convolution, TheActivationRangeIsNotEmpty) {
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.activation_min = p.activation_max; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.activation_min = 101; }));
}

TEST_P(Convolution, DescendingIsYesOrNo) {
  EXPECT_TRUE(is_sound([](ConvParameters& p) { p.descending = 1; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.descending = 2; }));
}

TEST_P(Convolution, HasOneInputAndOneOutput) {
  EXPECT_FALSE(is_sound([](ConvParameters&, CheckedOperator& op) { op.input_count = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters&, CheckedOperator& op) { op.output_count = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters&, CheckedOperator& op) { op.input_count = 0; }));
}

TEST_P(Convolution, OperandsHaveTheBytesOfTheirShapes) {
  const ConvParameters p = sound_convolution(GetParam().kernel->kind);
  const std::uint64_t input = std::uint64_t{p.batches} * p.input_height * p.input_width * p.input_channels;
  const std::uint64_t output =
      std::uint64_t{p.batches} * p.output_height * p.output_width * p.output_channels;
  const auto sized = [](std::uint64_t a, std::uint64_t b) {
    return is_sound([=](ConvParameters&, CheckedOperator& op) { op.set_operands({a, b}); });
  };
  EXPECT_TRUE(sized(input, output));
  EXPECT_FALSE(sized(input - 1, output));
  EXPECT_FALSE(sized(input + 1, output));
  EXPECT_FALSE(sized(input, output - 1));
  EXPECT_FALSE(sized(input, output + 1));
}

TEST_P(Convolution, SizesDoNotWrap) {
  const auto of_input_bytes = [](std::uint16_t batches, std::uint64_t bytes) {
    return is_sound([=](ConvParameters& p, CheckedOperator& op) {
      p.batches = batches;
      p.input_height = p.output_height = p.input_width = p.output_width = 1;
      p.kernel_height = p.kernel_width = 1;
      p.padding_top = 0;
      p.input_channels = p.output_channels = 32768;
      p.depth_multiplier = 1;
      op.set_operands({bytes, bytes});
    });
  };
  EXPECT_TRUE(of_input_bytes(2, 65536));
  EXPECT_FALSE(of_input_bytes(2, 0));
}

TEST_P(Convolution, ChannelsMakeTheDepthMultiplier) {
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.depth_multiplier = 3; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.depth_multiplier = 0; }));
  if (is_depthwise()) {
    EXPECT_FALSE(is_sound([](ConvParameters& p) { p.output_channels = 7; }));
  }
}

TEST_P(Convolution, DotProductsFitTheAccumulator) {
  if (is_pointwise()) return;  // 65535 channels at most
  const auto kernel = [](std::uint16_t height, std::uint16_t width, std::uint16_t channels) {
    return [=](ConvParameters& p) {
      p.kernel_height = height, p.kernel_width = width;
      p.dilation_height = p.dilation_width = 1;
      if (is_depthwise()) return;
      p.input_channels = channels;
    };
  };
  if (is_depthwise()) {
    EXPECT_TRUE(is_sound(kernel(256, 256, 0)));
    EXPECT_FALSE(is_sound(kernel(256, 257, 0)));
    EXPECT_FALSE(is_sound(kernel(257, 256, 0)));
  } else {
    EXPECT_TRUE(is_sound(kernel(2, 2, 16384)));
    EXPECT_FALSE(is_sound(kernel(2, 3, 10923)));
    EXPECT_FALSE(is_sound(kernel(3, 2, 10923)));
    EXPECT_FALSE(is_sound(kernel(2, 2, 16385)));
  }
}

TEST_P(Convolution, PointwiseIsNothingButAMatrixProduct) {
  if (!is_pointwise()) return;
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.kernel_height = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.kernel_width = 2; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.stride_height = 2, p.output_height = 4; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.stride_width = 2, p.output_width = 3; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.output_height = 6; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.output_width = 4; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.padding_top = 1; }));
  EXPECT_FALSE(is_sound([](ConvParameters& p) { p.padding_left = 1; }));
}

TEST_P(Convolution, ScratchIsWhatTheCompilerIsToldAndNotLess) {
  if (GetParam().plan->scratch_bytes == nullptr) return;
  const ConvParameters p = sound_convolution(GetParam().kernel->kind);
  const std::uint32_t needed = GetParam().plan->scratch_bytes(&p);
  EXPECT_GT(needed, 0u);
  EXPECT_TRUE(is_sound([=](ConvParameters&, CheckedOperator& op) { op.scratch_bytes = needed; }));
  EXPECT_FALSE(is_sound([=](ConvParameters&, CheckedOperator& op) { op.scratch_bytes = needed - 1; }));
}

using Constant = std::uint32_t& (*)(ConvParameters&);

TEST_P(Convolution, ConstantsLieInTheImageAndOnTheirAlignment) {
  const ConvParameters sound = sound_convolution(GetParam().kernel->kind);
  const std::size_t weights = std::size_t{sound.output_channels} * sound.kernel_height * sound.kernel_width *
                              (is_depthwise() ? 1 : sound.input_channels);
  const std::vector<std::int8_t> plain(weights);
  const std::size_t packed =
      GetParam().plan->pack != nullptr ? GetParam().plan->pack(&sound, plain).size() : weights;
  const std::uint32_t channels = filled(sound.output_channels, group_of(GetParam()));
  const struct {
    Constant constant;
    std::uint32_t bytes;
  } constants[] = {
      {[](ConvParameters& p) -> std::uint32_t& { return p.weights; }, static_cast<std::uint32_t>(packed)},
      {[](ConvParameters& p) -> std::uint32_t& { return p.requantization.biases; }, channels * 4},
      {[](ConvParameters& p) -> std::uint32_t& { return p.requantization.multipliers; }, channels * 4},
      {[](ConvParameters& p) -> std::uint32_t& { return p.requantization.shifts; }, channels},
  };
  for (const auto& [constant, bytes] : constants) {
    // All in a row, the one that is looked at last.
    const auto last = [&, constant = constant, bytes = bytes](std::uint32_t skew, std::uint32_t missing) {
      return is_sound([=](ConvParameters& p, CheckedOperator& op) {
        p.weights = p.requantization.biases = p.requantization.multipliers = p.requantization.shifts = 0;
        constant(p) = 4096 + skew;
        op.image_bytes = 4096 + skew + bytes - missing;
      });
    };
    EXPECT_TRUE(last(0, 0)) << bytes;
    EXPECT_FALSE(last(0, 1)) << bytes;
    EXPECT_TRUE(last(16, 0)) << bytes;
    EXPECT_FALSE(last(8, 0)) << bytes;
    // Behind the image: what is left of it wraps.
    EXPECT_FALSE(is_sound([=](ConvParameters& p, CheckedOperator& op) {
      p.weights = p.requantization.biases = p.requantization.multipliers = p.requantization.shifts = 0;
      constant(p) = 4112;
      op.image_bytes = 4096;
    })) << bytes;
  }
}

TEST_P(Convolution, ShiftsAreInReachOfTheArithmetic) {
  for (const std::uint32_t channel : {0u, 5u}) {
    const auto shifted = [channel](std::int8_t shift) {
      return is_sound([=](ConvParameters&, CheckedOperator& op) {
        reinterpret_cast<std::int8_t*>(op.image.data())[kShifts + channel] = shift;
      });
    };
    EXPECT_TRUE(shifted(-31));
    EXPECT_FALSE(shifted(-32));
    EXPECT_TRUE(shifted(30));
    EXPECT_FALSE(shifted(31));
  }
  EXPECT_TRUE(is_sound([](ConvParameters&, CheckedOperator& op) {
    reinterpret_cast<std::int8_t*>(op.image.data())[kShifts + 6] = 31;
  })) << "behind the last channel";
}

INSTANTIATE_TEST_SUITE_P(Kernels, Convolution,
                         testing::ValuesIn(kernels_of({KernelKind::kConv2d, KernelKind::kPointwiseConv2d,
                                                       KernelKind::kDepthwiseConv2d})),
                         name_of);

TEST(PortableDepthwise, ReadsItsInputFromTheArena) {
  const ConvParameters p = sound_convolution(KernelKind::kDepthwiseConv2d);
  CheckedOperator op;
  op.set_operands({2 * 7 * 5 * 3, 2 * 4 * 3 * 6});
  EXPECT_TRUE(op.is_sound(sotto_portable_depthwise_conv_2d, p));
  op.operands[0].place = Place::kImage;
  EXPECT_FALSE(op.is_sound(sotto_portable_depthwise_conv_2d, p));
}

}  // namespace
}  // namespace sotto::device
