// What kernels of single operators refuse to run: each field at its limit and one beyond, in an operator that
// is right in every other respect.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "checked_operator.h"
#include "sotto/device_runtime/kernels/inverse_root.h"
#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"

namespace sotto::device {
namespace {

// An operator and its parameters, to be changed before they are checked.
template <typename Parameters>
struct Case {
  const sotto_kernel& kernel;
  Parameters p{};
  CheckedOperator op{};

  bool changed(const std::function<void(Case&)>& change) const {
    Case copy = *this;
    change(copy);
    return copy.op.is_sound(copy.kernel, copy.p);
  }
};

Case<SvdfParameters> svdf() {
  Case<SvdfParameters> c{sotto_portable_svdf};
  c.p = {2, 3, 4, 2, 5, kWeights, kWeights, kBiases, 1 << 30, 1 << 30, 0, 0, 0, 0, 0, 1, {}};
  c.op.set_operands({6, 4, 40});
  c.op.output_count = 2;
  return c;
}

TEST(SvdfCheck, OperandsHaveItsSizes) {
  EXPECT_TRUE(svdf().changed([](auto&) {}));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(svdf().changed([i](auto& c) { ++c.op.operands[i].bytes; })) << i;
    EXPECT_FALSE(svdf().changed([i](auto& c) { --c.op.operands[i].bytes; })) << i;
  }
  EXPECT_FALSE(svdf().changed([](auto& c) { c.op.output_count = 1; }));
  EXPECT_FALSE(svdf().changed([](auto& c) { c.op.input_count = 2; }));
}

TEST(SvdfCheck, AStateIsOfOneByteOrTwo) {
  EXPECT_FALSE(svdf().changed([](auto& c) { c.p.state_bytes = 0; }));
  EXPECT_FALSE(svdf().changed([](auto& c) { c.p.state_bytes = 2; }));
  EXPECT_TRUE(svdf().changed([](auto& c) {
    c.p.state_bytes = 2;
    c.op.operands[2].bytes = 80;
  }));
  EXPECT_FALSE(svdf().changed([](auto& c) { c.p.state_bytes = 4; }));
}

TEST(SvdfCheck, SizesAndShiftsAreInTheirRange) {
  for (std::uint32_t SvdfParameters::*size :
       {&SvdfParameters::batches, &SvdfParameters::input_depth, &SvdfParameters::filters,
        &SvdfParameters::rank, &SvdfParameters::memory}) {
    EXPECT_FALSE(svdf().changed([size](auto& c) { c.p.*size = 0; }));
    EXPECT_FALSE(svdf().changed([size](auto& c) { c.p.*size = UINT32_MAX; }));
  }
  EXPECT_FALSE(svdf().changed([](auto& c) { c.p.rank = 3; })) << "it divides the filters";
  for (std::int8_t SvdfParameters::*shift : {&SvdfParameters::feature_shift, &SvdfParameters::time_shift}) {
    EXPECT_TRUE(svdf().changed([shift](auto& c) { c.p.*shift = -31; }));
    EXPECT_FALSE(svdf().changed([shift](auto& c) { c.p.*shift = -32; }));
    EXPECT_TRUE(svdf().changed([shift](auto& c) { c.p.*shift = 30; }));
    EXPECT_FALSE(svdf().changed([shift](auto& c) { c.p.*shift = 31; }));
  }
}

TEST(SvdfCheck, ConstantsAreThere) {
  const auto fits = [](std::uint32_t SvdfParameters::*constant, std::uint32_t bytes) {
    return svdf().changed([=](auto& c) {
      c.p.feature_weights = c.p.time_weights = c.p.biases = 0;
      c.p.*constant = 1024;
      c.op.image_bytes = 1024 + bytes;
    });
  };
  EXPECT_TRUE(fits(&SvdfParameters::feature_weights, 12));
  EXPECT_FALSE(fits(&SvdfParameters::feature_weights, 11));
  EXPECT_TRUE(fits(&SvdfParameters::time_weights, 20));
  EXPECT_FALSE(fits(&SvdfParameters::time_weights, 19));
  EXPECT_TRUE(fits(&SvdfParameters::biases, 8));
  EXPECT_FALSE(fits(&SvdfParameters::biases, 7));
}

Case<LstmParameters> lstm() {
  Case<LstmParameters> c{sotto_portable_lstm};
  c.p.batches = 2;
  c.p.steps = 3;
  c.p.inputs = 4;
  c.p.units = 5;
  for (LstmGate& gate : c.p.gates)
    gate.input_weights = gate.recurrent_weights = gate.input_biases = gate.recurrent_biases = kWeights;
  c.op.set_operands({24, 30, 10, 20});
  c.op.output_count = 3;
  c.op.scratch_bytes = 5;
  return c;
}

TEST(LstmCheck, OperandsAndScratchHaveItsSizes) {
  EXPECT_TRUE(lstm().changed([](auto&) {}));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_FALSE(lstm().changed([i](auto& c) { ++c.op.operands[i].bytes; })) << i;
    EXPECT_FALSE(lstm().changed([i](auto& c) { --c.op.operands[i].bytes; })) << i;
  }
  EXPECT_FALSE(lstm().changed([](auto& c) { c.op.scratch_bytes = 4; }));
  EXPECT_FALSE(lstm().changed([](auto& c) { c.op.output_count = 2; }));
}

TEST(LstmCheck, SizesShiftsAndClipAreInTheirRange) {
  for (std::uint32_t LstmParameters::*size :
       {&LstmParameters::batches, &LstmParameters::steps, &LstmParameters::inputs, &LstmParameters::units}) {
    EXPECT_FALSE(lstm().changed([size](auto& c) { c.p.*size = 0; }));
    EXPECT_FALSE(lstm().changed([size](auto& c) { c.p.*size = 65536; }));
  }
  for (std::int8_t LstmParameters::*shift :
       {&LstmParameters::forget_shift, &LstmParameters::input_shift, &LstmParameters::hidden_shift}) {
    EXPECT_TRUE(lstm().changed([shift](auto& c) { c.p.*shift = -31; }));
    EXPECT_FALSE(lstm().changed([shift](auto& c) { c.p.*shift = -32; }));
    EXPECT_FALSE(lstm().changed([shift](auto& c) { c.p.*shift = 31; }));
  }
  const auto tanh_shift = [](std::uint8_t shift, std::uint8_t down) {
    return lstm().changed([=](auto& c) {
      c.p.tanh_shift = shift;
      c.p.tanh_shifts_down = down;
    });
  };
  EXPECT_TRUE(tanh_shift(12, 0));
  EXPECT_FALSE(tanh_shift(13, 0));
  EXPECT_TRUE(tanh_shift(15, 1));
  EXPECT_FALSE(tanh_shift(16, 1));
  EXPECT_TRUE(lstm().changed([](auto& c) { c.p.cell_clip = 32767; }));
  EXPECT_FALSE(lstm().changed([](auto& c) { c.p.cell_clip = 32768; }));
  EXPECT_FALSE(lstm().changed([](auto& c) { c.p.cell_clip = -1; }));
}

TEST(LstmCheck, EveryGateIsLookedAt) {
  for (std::size_t i = 0; i < kLstmGates; ++i) {
    EXPECT_FALSE(lstm().changed([i](auto& c) { c.p.gates[i].input_shift = -32; })) << i;
    EXPECT_FALSE(lstm().changed([i](auto& c) { c.p.gates[i].recurrent_shift = 31; })) << i;
    EXPECT_FALSE(lstm().changed([i](auto& c) { c.p.gates[i].input_weights = UINT32_MAX - 15; })) << i;
    EXPECT_FALSE(lstm().changed([i](auto& c) { c.p.gates[i].recurrent_weights = UINT32_MAX - 15; })) << i;
    EXPECT_FALSE(lstm().changed([i](auto& c) { c.p.gates[i].input_biases = UINT32_MAX - 15; })) << i;
    EXPECT_FALSE(lstm().changed([i](auto& c) { c.p.gates[i].recurrent_biases = UINT32_MAX - 15; })) << i;
  }
}

TEST(RequantizeCheck, WidthsAndShiftsAreThoseThatThereAre) {
  Case<RequantizeParameters> c{sotto_portable_requantize};
  c.p = {6, 1 << 30, 0, 0, 0, 2, 4, 0};
  c.op.set_operands({12, 24});
  EXPECT_TRUE(c.changed([](auto&) {}));
  EXPECT_FALSE(c.changed([](auto& o) { o.p.input_bytes = 3; }));
  EXPECT_FALSE(c.changed([](auto& o) { o.p.output_bytes = 8; }));
  EXPECT_FALSE(c.changed([](auto& o) { o.p.count = 5; }));
  EXPECT_FALSE(c.changed([](auto& o) { o.p.shift = 31; }));
  EXPECT_FALSE(c.changed([](auto& o) { o.p.shift = -32; }));
  EXPECT_FALSE(c.changed([](auto& o) { ++o.op.operands[1].bytes; }));
}

Case<ResizeBilinearParameters> resize_bilinear() {
  Case<ResizeBilinearParameters> c{sotto_portable_resize_bilinear};
  c.p = {1, 2, 3, 3, 2, 2, 1024, 2048};
  c.op.set_operands({18, 8});
  c.op.write<BilinearTap>(1024, {{0, 2, 1024}, {2, 2, 0}});
  c.op.write<BilinearTap>(2048, {{0, 1, 512}, {1, 2, 1}});
  return c;
}

TEST(ResizeBilinearCheck, TapsLieInTheInput) {
  EXPECT_TRUE(resize_bilinear().changed([](auto&) {}));
  for (const std::uint32_t table : {1024u, 2048u}) {
    EXPECT_FALSE(resize_bilinear().changed([=](auto& c) {
      c.op.template write<BilinearTap>(table, {{3, 0, 0}});
    }));
    EXPECT_FALSE(resize_bilinear().changed([=](auto& c) {
      c.op.template write<BilinearTap>(table, {{0, 3, 0}});
    }));
    EXPECT_FALSE(resize_bilinear().changed([=](auto& c) {
      c.op.template write<BilinearTap>(table, {{0, 0, 1025}});
    }));
  }
  EXPECT_FALSE(resize_bilinear().changed([](auto& c) { c.op.image_bytes = 2048 + 15; }));
  EXPECT_FALSE(resize_bilinear().changed([](auto& c) { ++c.op.operands[0].bytes; }));
  EXPECT_FALSE(resize_bilinear().changed([](auto& c) { ++c.op.operands[1].bytes; }));
  EXPECT_FALSE(resize_bilinear().changed([](auto& c) { c.p.channels = 0; }));
}

Case<BatchMatmulParameters> batch_matmul() {
  Case<BatchMatmulParameters> c{sotto_portable_batch_matmul};
  c.p.rows = 2;
  c.p.columns = 3;
  c.p.depth = 4;
  c.p.row_stride = 4;
  c.p.column_stride = 1;
  c.p.depth_strides[0] = 1;
  c.p.depth_strides[1] = 3;
  c.p.batch_rank = 1;
  c.p.batches[0] = {5, {8, 12}};
  c.op.set_operands({40, 60, 30});
  c.op.input_count = 2;
  return c;
}

TEST(BatchMatmulCheck, StridesStayInTheirOperands) {
  EXPECT_TRUE(batch_matmul().changed([](auto&) {}));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { --c.op.operands[0].bytes; }));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { --c.op.operands[1].bytes; }));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { --c.op.operands[2].bytes; }));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { ++c.op.operands[2].bytes; }));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { c.p.row_stride = -1; }));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { c.p.depth_strides[1] = 4; }));
  for (std::uint32_t BatchMatmulParameters::*size :
       {&BatchMatmulParameters::rows, &BatchMatmulParameters::columns, &BatchMatmulParameters::depth}) {
    EXPECT_FALSE(batch_matmul().changed([size](auto& c) { c.p.*size = 0; }));
  }
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { c.p.batch_rank = kBatchRankMax + 1; }));
  EXPECT_FALSE(batch_matmul().changed([](auto& c) { c.p.shift = 31; }));
}

Case<GatherParameters> gather() {
  Case<GatherParameters> c{sotto_portable_gather};
  c.p = {2, 3, 4, 5, 30, 2, {2, 3}, {15, 5}};
  c.op.set_operands({180, 64, 120});
  c.op.input_count = 2;
  return c;
}

TEST(GatherCheck, IndicesLeadToWhatIsThere) {
  EXPECT_TRUE(gather().changed([](auto&) {}));
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.limits[0] = 3; }));
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.steps[1] = 6; }));
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.limits[1] = 0; }));
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.limits[0] = c.p.steps[0] = UINT32_MAX; })) << "which wraps";
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.depth = 0; }));
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.depth = kImageRankMax + 1; }));
  EXPECT_FALSE(gather().changed([](auto& c) { c.p.bytes = 31; }));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(gather().changed([i](auto& c) { ++c.op.operands[i].bytes; })) << i;
    EXPECT_FALSE(gather().changed([i](auto& c) { --c.op.operands[i].bytes; })) << i;
  }
}

TEST(L2NormalizationCheck, RowsAreShortEnoughForTheirSum) {
  const auto sound = [](std::uint32_t depth, std::int32_t zero_point = 0) {
    Case<L2NormalizationParameters> c{sotto_portable_l2_normalization};
    c.p = {2, depth, zero_point};
    c.op.set_operands({2 * depth, 2 * depth});
    return c.changed([](auto&) {});
  };
  EXPECT_TRUE(sound(1));
  EXPECT_FALSE(sound(0));
  EXPECT_TRUE(sound((1 << 15) - 1));
  EXPECT_FALSE(sound(1 << 15));
  EXPECT_TRUE(sound(8, -128));
  EXPECT_FALSE(sound(8, -129));
  EXPECT_FALSE(sound(8, 128));
}

Case<ElementwiseParameters> pair(const sotto_kernel& kernel) {
  Case<ElementwiseParameters> c{kernel};
  c.p.rank = 1;
  c.p.axes[0] = {6, {1, 0}};
  c.p.activation_max = 127;
  c.op.set_operands({6, 1, 6});
  c.op.input_count = 2;
  return c;
}

TEST(PairwiseCheck, AxesStayInTheirOperands) {
  for (const sotto_kernel* kernel : {&sotto_portable_squared_difference, &sotto_portable_divide}) {
    EXPECT_TRUE(pair(*kernel).changed([](auto&) {}));
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_FALSE(pair(*kernel).changed([i](auto& c) { --c.op.operands[i].bytes; })) << i;
    EXPECT_FALSE(pair(*kernel).changed([](auto& c) { c.p.rank = 0; }));
    EXPECT_FALSE(pair(*kernel).changed([](auto& c) { c.p.rank = kImageRankMax + 1; }));
    EXPECT_FALSE(pair(*kernel).changed([](auto& c) { c.p.activation_min = 127, c.p.activation_max = 126; }));
  }
}

TEST(PairwiseCheck, ShiftsAreThoseThatTheKernelHasRoomFor) {
  const auto shifted = [](const sotto_kernel& kernel, int i, std::int8_t shift) {
    return pair(kernel).changed([=](auto& c) { c.p.shifts[i] = shift; });
  };
  EXPECT_FALSE(shifted(sotto_portable_squared_difference, 0, 1));
  EXPECT_FALSE(shifted(sotto_portable_squared_difference, 1, 1));
  EXPECT_TRUE(shifted(sotto_portable_squared_difference, 2, 30));
  EXPECT_FALSE(shifted(sotto_portable_squared_difference, 2, 31));
  EXPECT_TRUE(shifted(sotto_portable_divide, 2, 20));
  EXPECT_FALSE(shifted(sotto_portable_divide, 2, 21));
  EXPECT_FALSE(shifted(sotto_portable_divide, 2, -32));
}

Case<ConvParameters> transposed() {
  Case<ConvParameters> c{sotto_portable_transpose_conv_2d};
  c.p.batches = 1;
  c.p.input_height = c.p.input_width = 2;
  c.p.input_channels = 3;
  c.p.output_height = c.p.output_width = 4;
  c.p.output_channels = 5;
  c.p.kernel_height = c.p.kernel_width = 3;
  c.p.stride_height = c.p.stride_width = 2;
  c.p.dilation_height = c.p.dilation_width = c.p.depth_multiplier = 1;
  c.p.activation_max = 127;
  c.p.weights = kWeights;
  c.p.requantization = {kBiases, kMultipliers, kShifts};
  c.op.set_operands({12, 80});
  return c;
}

TEST(TransposeConvCheck, DimensionsAndStridesAreNotZero) {
  EXPECT_TRUE(transposed().changed([](auto&) {}));
  for (std::uint16_t ConvParameters::*field :
       {&ConvParameters::batches, &ConvParameters::input_height, &ConvParameters::input_width,
        &ConvParameters::input_channels, &ConvParameters::output_height, &ConvParameters::output_width,
        &ConvParameters::output_channels, &ConvParameters::kernel_height, &ConvParameters::kernel_width,
        &ConvParameters::stride_height, &ConvParameters::stride_width}) {
    EXPECT_FALSE(transposed().changed([field](auto& c) { c.p.*field = 0; }));
  }
  EXPECT_FALSE(transposed().changed([](auto& c) { ++c.op.operands[0].bytes; }));
  EXPECT_FALSE(transposed().changed([](auto& c) { ++c.op.operands[1].bytes; }));
}

Case<ConvParameters> grouped() {
  Case<ConvParameters> c = transposed();
  Case<ConvParameters> other{sotto_portable_grouped_conv_2d, c.p, c.op};
  other.p.input_channels = 4;
  other.p.output_height = other.p.output_width = 2;
  other.p.output_channels = 6;
  other.p.stride_height = other.p.stride_width = 1;
  other.p.padding_top = other.p.padding_left = 1;
  other.p.depth_multiplier = 2;
  other.op.set_operands({16, 24});
  return other;
}

TEST(GroupedConvCheck, GroupsDivideTheChannels) {
  EXPECT_TRUE(grouped().changed([](auto&) {}));
  EXPECT_FALSE(grouped().changed([](auto& c) { c.p.depth_multiplier = 0; }));
  EXPECT_FALSE(grouped().changed([](auto& c) { c.p.depth_multiplier = 3; })) << "of the input";
  EXPECT_FALSE(grouped().changed([](auto& c) { c.p.depth_multiplier = 4; })) << "of the output";
  EXPECT_FALSE(grouped().changed([](auto& c) { c.p.padding_top = 3; }));
}

TEST(InverseRoot, IsOneOverTheRoot) {
  for (const std::int32_t x : {1, 2, 3, 4, 5, 100, 65025, 1 << 20, (1 << 27) + 3, 1 << 29, INT32_MAX}) {
    const InverseRoot root = inverse_root(x);
    const double value = root.multiplier * std::pow(2.0, root.shift - 31);
    EXPECT_NEAR(value * std::sqrt(static_cast<double>(x)), 1, 2e-6) << x;
  }
  EXPECT_EQ(inverse_root(0).multiplier, inverse_root(1).multiplier);
}

}  // namespace
}  // namespace sotto::device
