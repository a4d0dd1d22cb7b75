// What each kernel refuses to run: every field at its limit and one beyond, in an operator that is right in
// every other respect, so that no other check refuses it first.
#include "sotto/device_runtime/kernels/parameter_checks.h"

#include <gtest/gtest.h>

#include <functional>

#include "checked_operator.h"

namespace sotto::device {
namespace {

class FullyConnected : public testing::TestWithParam<Tested> {
 protected:
  using Change = std::function<void(FullyConnectedParameters&, CheckedOperator&)>;

  static FullyConnectedParameters sound() {
    FullyConnectedParameters p{};
    p.rows = 2, p.input_depth = 7, p.output_depth = 5;
    p.activation_min = -100, p.activation_max = 100;
    p.per_channel = 1;
    p.weights = kWeights;
    p.requantization = {kBiases, kMultipliers, kShifts};
    return p;
  }
  static bool is_sound(const Change& change) {
    FullyConnectedParameters p = sound();
    CheckedOperator op;
    change(p, op);
    if (op.operands.empty()) {
      op.set_operands({std::uint64_t{p.rows} * p.input_depth, std::uint64_t{p.rows} * p.output_depth});
    }
    return op.is_sound(*GetParam().kernel, p);
  }
  static bool is_sound(const std::function<void(FullyConnectedParameters&)>& change) {
    return is_sound([&](FullyConnectedParameters& p, CheckedOperator&) { change(p); });
  }
};

TEST_P(FullyConnected, AsItIsMayRun) {
  EXPECT_TRUE(is_sound([](FullyConnectedParameters&) {}));
}

TEST_P(FullyConnected, NoDimensionIsZero) {
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p) { p.rows = 0; }));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p) { p.input_depth = 0; }));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p) { p.output_depth = 0; }));
}

TEST_P(FullyConnected, FlagsAndRanges) {
  EXPECT_TRUE(is_sound([](FullyConnectedParameters& p) { p.per_channel = 0; }));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p) { p.per_channel = 2; }));
  EXPECT_TRUE(is_sound([](FullyConnectedParameters& p) { p.activation_min = 100; }));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p) { p.activation_min = 101; }));
}

TEST_P(FullyConnected, DotProductsFitTheAccumulator) {
  EXPECT_TRUE(is_sound([](FullyConnectedParameters& p) { p.input_depth = 65536; }));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p) { p.input_depth = 65537; }));
}

TEST_P(FullyConnected, HasOneInputAndOneOutputOfItsShapes) {
  EXPECT_FALSE(is_sound([](FullyConnectedParameters&, CheckedOperator& op) { op.input_count = 2; }));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters&, CheckedOperator& op) { op.output_count = 2; }));
  const auto sized = [](std::uint64_t a, std::uint64_t b) {
    return is_sound([=](FullyConnectedParameters&, CheckedOperator& op) { op.set_operands({a, b}); });
  };
  EXPECT_TRUE(sized(14, 10));
  EXPECT_FALSE(sized(13, 10));
  EXPECT_FALSE(sized(15, 10));
  EXPECT_FALSE(sized(14, 9));
  EXPECT_FALSE(sized(14, 11));
  EXPECT_FALSE(is_sound([](FullyConnectedParameters& p, CheckedOperator& op) {
    p.rows = 1u << 30, p.input_depth = p.output_depth = 4;
    op.set_operands({0, 0});  // 2^32
  }));
}

TEST_P(FullyConnected, ConstantsLieInTheImage) {
  const FullyConnectedParameters p = sound();
  const std::vector<std::int8_t> plain(35);
  const auto packed = static_cast<std::uint32_t>(GetParam().plan->pack(&p, plain).size());
  const auto last = [](std::uint32_t FullyConnectedParameters::*constant, std::uint32_t bytes) {
    return is_sound([=](FullyConnectedParameters& changed, CheckedOperator& op) {
      changed.weights = 0;
      changed.requantization = {};
      changed.*constant = 4096;
      op.image_bytes = 4096 + bytes;
    });
  };
  EXPECT_TRUE(last(&FullyConnectedParameters::weights, packed));
  EXPECT_FALSE(last(&FullyConnectedParameters::weights, packed - 1));
  for (const std::uint8_t per_channel : {std::uint8_t{0}, std::uint8_t{1}}) {
    const std::uint32_t group = group_of(GetParam());
    const std::uint32_t scales = filled(per_channel != 0 ? 5 : 1, group);
    const struct {
      std::uint32_t ChannelRequantization::*constant;
      std::uint32_t bytes;
    } constants[] = {{&ChannelRequantization::biases, filled(5, group) * 4},
                     {&ChannelRequantization::multipliers, scales * 4},
                     {&ChannelRequantization::shifts, scales}};
    for (const auto& [constant, bytes] : constants) {
      const auto ends = [=, constant = constant](std::uint32_t count) {
        return is_sound([=](FullyConnectedParameters& changed, CheckedOperator& op) {
          changed.per_channel = per_channel;
          changed.weights = 0;
          changed.requantization = {};
          changed.requantization.*constant = 4096;
          op.image_bytes = 4096 + count;
        });
      };
      EXPECT_TRUE(ends(bytes)) << bytes << int{per_channel};
      EXPECT_FALSE(ends(bytes - 1)) << bytes << int{per_channel};
    }
  }
}

TEST_P(FullyConnected, EveryShiftThatIsUsedIsLookedAt) {
  const auto shifted = [](std::uint32_t channel, std::int8_t shift, std::uint8_t per_channel) {
    return is_sound([=](FullyConnectedParameters& p, CheckedOperator& op) {
      p.per_channel = per_channel;
      reinterpret_cast<std::int8_t*>(op.image.data())[kShifts + channel] = shift;
    });
  };
  EXPECT_FALSE(shifted(4, 31, 1));
  EXPECT_TRUE(shifted(4, 31, 0));
  EXPECT_FALSE(shifted(0, -32, 0));
}

TEST_P(FullyConnected, ScratchIsWhatTheCompilerIsToldAndNotLess) {
  if (GetParam().plan->scratch_bytes == nullptr) return;
  const FullyConnectedParameters p = sound();
  const std::uint32_t needed = GetParam().plan->scratch_bytes(&p);
  EXPECT_TRUE(is_sound([=](FullyConnectedParameters&, CheckedOperator& op) { op.scratch_bytes = needed; }));
  EXPECT_FALSE(
      is_sound([=](FullyConnectedParameters&, CheckedOperator& op) { op.scratch_bytes = needed - 1; }));
}

INSTANTIATE_TEST_SUITE_P(Kernels, FullyConnected,
                         testing::ValuesIn(kernels_of({KernelKind::kFullyConnected})), name_of);

class Add : public testing::TestWithParam<Tested> {
 protected:
  static bool is_sound(const std::function<void(AddParameters&, CheckedOperator&)>& change) {
    AddParameters p{};
    p.count = 9;
    p.left_shift = 20;
    p.activation_min = -100, p.activation_max = 100;
    CheckedOperator op;
    op.input_count = 2;
    op.set_operands({9, 9, 9});
    change(p, op);
    return op.is_sound(*GetParam().kernel, p);
  }
};

TEST_P(Add, OperandsHaveOneSize) {
  EXPECT_TRUE(is_sound([](AddParameters&, CheckedOperator&) {}));
  for (const std::uint32_t operand : {0u, 1u, 2u}) {
    EXPECT_FALSE(is_sound([=](AddParameters&, CheckedOperator& op) { ++op.operands[operand].bytes; }))
        << operand;
    EXPECT_FALSE(is_sound([=](AddParameters&, CheckedOperator& op) { --op.operands[operand].bytes; }))
        << operand;
  }
  EXPECT_FALSE(is_sound([](AddParameters&, CheckedOperator& op) { op.input_count = 1; }));
  EXPECT_FALSE(is_sound([](AddParameters&, CheckedOperator& op) {
    op.set_operands({9, 9, 9, 9});
    op.output_count = 2;
  }));
}

TEST_P(Add, ShiftsAreInReachOfTheArithmetic) {
  const auto left = [](std::int32_t shift) {
    return is_sound([=](AddParameters& p, CheckedOperator&) { p.left_shift = shift; });
  };
  EXPECT_TRUE(left(0));
  EXPECT_FALSE(left(-1));
  EXPECT_FALSE(left(21));
  for (const int which : {0, 1, 2}) {
    const auto right = [which](std::int8_t shift) {
      return is_sound([=](AddParameters& p, CheckedOperator&) {
        (which == 2 ? p.output_shift : p.input_shift[which]) = shift;
      });
    };
    EXPECT_TRUE(right(-31)) << which;
    EXPECT_FALSE(right(-32)) << which;
    EXPECT_TRUE(right(0)) << which;
    EXPECT_FALSE(right(1)) << which;
  }
}

TEST_P(Add, TheActivationRangeIsNotEmpty) {
  EXPECT_TRUE(is_sound([](AddParameters& p, CheckedOperator&) { p.activation_min = 100; }));
  EXPECT_FALSE(is_sound([](AddParameters& p, CheckedOperator&) { p.activation_min = 101; }));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Add, testing::ValuesIn(kernels_of({KernelKind::kAdd})), name_of);

class Pool : public testing::TestWithParam<Tested> {
 protected:
  using Change = std::function<void(PoolParameters&, CheckedOperator&)>;

  static bool is_sound(const Change& change) {
    PoolParameters p{};
    p.batches = 2;
    p.input_height = 7, p.input_width = 5, p.channels = 3;
    p.output_height = 4, p.output_width = 3;
    p.filter_height = 3, p.filter_width = 2;
    p.stride_height = 2, p.stride_width = 1;
    p.padding_top = 1, p.padding_left = 0;
    p.activation_min = -100, p.activation_max = 100;
    CheckedOperator op;
    change(p, op);
    if (op.operands.empty()) {
      op.set_operands({std::uint64_t{p.batches} * p.input_height * p.input_width * p.channels,
                       std::uint64_t{p.batches} * p.output_height * p.output_width * p.channels});
    }
    return op.is_sound(*GetParam().kernel, p);
  }
  static bool is_sound(const std::function<void(PoolParameters&)>& change) {
    return is_sound([&](PoolParameters& p, CheckedOperator&) { change(p); });
  }
};

TEST_P(Pool, AsItIsMayRun) {
  EXPECT_TRUE(is_sound([](PoolParameters&) {}));
}

TEST_P(Pool, NoDimensionIsZero) {
  for (std::uint16_t PoolParameters::*field :
       {&PoolParameters::batches, &PoolParameters::input_height, &PoolParameters::input_width,
        &PoolParameters::channels, &PoolParameters::output_height, &PoolParameters::output_width,
        &PoolParameters::filter_height, &PoolParameters::filter_width, &PoolParameters::stride_height,
        &PoolParameters::stride_width}) {
    EXPECT_FALSE(is_sound([&](PoolParameters& p) {
      p.*field = 0;
      p.output_height = std::min(p.output_height, p.input_height);
      p.output_width = std::min(p.output_width, p.input_width);
    }));
  }
}

TEST_P(Pool, EveryWindowCoversSomething) {
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.input_height = 6; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.input_height = 5; }));
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.input_width = 3; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.input_width = 2; }));
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.padding_top = 2; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.padding_top = 3; }));
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.padding_left = 1; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.padding_left = 2; }));
}

TEST_P(Pool, FiltersFitTheAccumulator) {
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.filter_height = p.filter_width = 256; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.filter_height = 257, p.filter_width = 256; }));
}

TEST_P(Pool, OperandsHaveTheBytesOfTheirShapes) {
  const auto sized = [](std::uint64_t a, std::uint64_t b) {
    return is_sound([=](PoolParameters&, CheckedOperator& op) { op.set_operands({a, b}); });
  };
  EXPECT_TRUE(sized(210, 72));
  EXPECT_FALSE(sized(209, 72));
  EXPECT_FALSE(sized(211, 72));
  EXPECT_FALSE(sized(210, 71));
  EXPECT_FALSE(sized(210, 73));
  EXPECT_FALSE(is_sound([](PoolParameters&, CheckedOperator& op) { op.input_count = 2; }));
  EXPECT_FALSE(is_sound([](PoolParameters&, CheckedOperator& op) { op.output_count = 2; }));
}

TEST_P(Pool, FlagsAndRanges) {
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.activation_min = 100; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.activation_min = 101; }));
  EXPECT_TRUE(is_sound([](PoolParameters& p) { p.descending = 1; }));
  EXPECT_FALSE(is_sound([](PoolParameters& p) { p.descending = 2; }));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Pool,
                         testing::ValuesIn(kernels_of({KernelKind::kAveragePool2d, KernelKind::kMaxPool2d})),
                         name_of);

bool softmax_is_accepted(const std::function<void(SoftmaxParameters&, CheckedOperator&)>& change) {
  SoftmaxParameters p{};
  p.rows = 3, p.depth = 5;
  p.input_multiplier = 1 << 30, p.input_left_shift = 20, p.difference_min = -100;
  CheckedOperator op;
  change(p, op);
  if (op.operands.empty())
    op.set_operands({std::uint64_t{p.rows} * p.depth, std::uint64_t{p.rows} * p.depth});
  return op.is_sound(sotto_portable_softmax, p);
}

TEST(Softmax, RowsFitItsFixedPoint) {
  const auto with = [](auto field, auto value) {
    return softmax_is_accepted([=](SoftmaxParameters& p, CheckedOperator&) {
      p.*field = static_cast<std::remove_reference_t<decltype(p.*field)>>(value);
    });
  };
  EXPECT_TRUE(with(&SoftmaxParameters::rows, 3));
  EXPECT_FALSE(with(&SoftmaxParameters::rows, 0));
  EXPECT_FALSE(with(&SoftmaxParameters::depth, 0));
  EXPECT_TRUE(with(&SoftmaxParameters::depth, 4095));
  EXPECT_FALSE(with(&SoftmaxParameters::depth, 4096));
  EXPECT_TRUE(with(&SoftmaxParameters::input_multiplier, 0));
  EXPECT_FALSE(with(&SoftmaxParameters::input_multiplier, -1));
  EXPECT_TRUE(with(&SoftmaxParameters::input_left_shift, 0));
  EXPECT_FALSE(with(&SoftmaxParameters::input_left_shift, -1));
  EXPECT_TRUE(with(&SoftmaxParameters::input_left_shift, 30));
  EXPECT_FALSE(with(&SoftmaxParameters::input_left_shift, 31));
  EXPECT_TRUE(with(&SoftmaxParameters::difference_min, 0));
  EXPECT_FALSE(with(&SoftmaxParameters::difference_min, 1));
}

TEST(Softmax, OperandsHaveItsSize) {
  const auto sized = [](std::uint64_t a, std::uint64_t b) {
    return softmax_is_accepted([=](SoftmaxParameters&, CheckedOperator& op) { op.set_operands({a, b}); });
  };
  EXPECT_TRUE(sized(15, 15));
  EXPECT_FALSE(sized(14, 14));
  EXPECT_FALSE(sized(16, 16));
  EXPECT_FALSE(sized(15, 14));
  EXPECT_FALSE(sized(15, 16));
  EXPECT_FALSE(softmax_is_accepted([](SoftmaxParameters&, CheckedOperator& op) { op.input_count = 2; }));
  EXPECT_FALSE(softmax_is_accepted([](SoftmaxParameters&, CheckedOperator& op) { op.output_count = 2; }));
}

}  // namespace
}  // namespace sotto::device
