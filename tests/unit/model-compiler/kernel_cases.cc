#include "kernel_cases.h"

#include <algorithm>
#include <array>

namespace sotto::device {
namespace {

class Random {
 public:
  explicit Random(std::uint32_t seed) : state_(seed * 0x9E3779B9u + 1) {}

  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  // In [min, max].
  std::int32_t in(std::int32_t min, std::int32_t max) {
    return min + static_cast<std::int32_t>(next() % static_cast<std::uint32_t>(max - min + 1));
  }
  bool one_in(std::int32_t n) { return in(1, n) == 1; }
  std::vector<std::int8_t> bytes(std::size_t count) {
    std::vector<std::int8_t> values(count);
    const bool extremes = one_in(8);
    for (auto& value : values)
      value = static_cast<std::int8_t>(extremes ? (one_in(2) ? -128 : 127) : in(-128, 127));
    return values;
  }

 private:
  std::uint32_t state_;
};

// A range that a fused activation gives: all of int8, mostly with zero point -128; or a part of it.
template <typename Parameters>
void choose_output_range(Random& random, Parameters& p) {
  p.activation_min = -128;
  p.activation_max = 127;
  p.output_zero_point = -128;
  if (random.one_in(2)) return;
  p.output_zero_point = static_cast<std::int8_t>(random.in(-128, 127));
  if (random.one_in(3)) return;
  p.activation_min = static_cast<std::int8_t>(random.in(-128, 0));
  p.activation_max = static_cast<std::int8_t>(random.in(0, 127));
}

std::int32_t log2_of(std::int64_t value) {
  std::int32_t log = 0;
  while ((std::int64_t{1} << log) < value) ++log;
  return log;
}

// Scales under which a sum of `terms` products about fills int8.
reference::Constants choose_constants(Random& random, std::size_t weights, std::size_t channels,
                                      std::size_t scales, std::int64_t terms) {
  reference::Constants constants;
  constants.weights = random.bytes(weights);
  for (auto& weight : constants.weights) weight = std::max<std::int8_t>(weight, -127);
  const std::int32_t amplitude = 8000 + static_cast<std::int32_t>(std::min<std::int64_t>(terms, 4096)) * 200;
  for (std::size_t i = 0; i < channels; ++i) constants.biases.push_back(random.in(-amplitude, amplitude));
  const std::int32_t usual = -log2_of(terms) / 2 - 6;
  // Then some shifts are 0 or to the left, or out of all proportion.
  const bool outlandish = random.one_in(4);
  for (std::size_t i = 0; i < scales; ++i) {
    constants.multipliers.push_back(
        random.one_in(50) ? 0 : (1 << 30) + static_cast<std::int32_t>(random.next() >> 2));
    const std::int32_t shift = outlandish && random.one_in(4) ? random.in(-31, 2) : usual + random.in(-2, 2);
    constants.shifts.push_back(static_cast<std::int8_t>(shift));
  }
  return constants;
}

struct Axis {
  std::uint16_t input, output, kernel, stride, dilation, padding;
};

Axis choose_axis(Random& random, std::int32_t kernel_max) {
  Axis axis{};
  axis.input = static_cast<std::uint16_t>(random.in(1, 9));
  axis.kernel = static_cast<std::uint16_t>(random.one_in(3) ? std::min<std::int32_t>(3, kernel_max)
                                                            : random.in(1, kernel_max));
  axis.stride = static_cast<std::uint16_t>(random.one_in(2) ? 1 : random.in(1, 3));
  axis.dilation = static_cast<std::uint16_t>(random.one_in(4) ? random.in(1, 3) : 1);
  const std::int32_t reach = (axis.kernel - 1) * axis.dilation;
  axis.padding = static_cast<std::uint16_t>(random.one_in(2) ? reach / 2 : random.in(0, reach));
  const std::int32_t output_max = (axis.input + axis.padding - 1) / axis.stride + 1;
  axis.output = static_cast<std::uint16_t>(std::max<std::int32_t>(
      1, random.one_in(2) ? (axis.input + axis.stride - 1) / axis.stride : random.in(1, output_max)));
  axis.output = static_cast<std::uint16_t>(std::min<std::int32_t>(axis.output, output_max));
  return axis;
}

ConvParameters choose_convolution(Random& random, KernelKind kind) {
  ConvParameters p{};
  const bool pointwise = kind == KernelKind::kPointwiseConv2d;
  Axis rows = choose_axis(random, pointwise ? 1 : 5);
  Axis columns = choose_axis(random, pointwise ? 1 : 5);
  if (pointwise) {
    rows = {rows.input, rows.input, 1, 1, 1, 0};
    columns = {columns.input, columns.input, 1, 1, 1, 0};
  }
  p.batches = static_cast<std::uint16_t>(random.one_in(4) ? 2 : 1);
  p.input_height = rows.input, p.output_height = rows.output, p.kernel_height = rows.kernel;
  p.stride_height = rows.stride, p.dilation_height = rows.dilation, p.padding_top = rows.padding;
  p.input_width = columns.input, p.output_width = columns.output, p.kernel_width = columns.kernel;
  p.stride_width = columns.stride, p.dilation_width = columns.dilation, p.padding_left = columns.padding;
  p.input_channels = static_cast<std::uint16_t>(random.one_in(2) ? random.in(1, 70) : random.in(1, 8));
  p.output_channels = static_cast<std::uint16_t>(random.one_in(2) ? random.in(1, 70) : random.in(1, 8));
  p.depth_multiplier = 1;
  if (kind == KernelKind::kDepthwiseConv2d) {
    p.depth_multiplier = static_cast<std::uint16_t>(random.one_in(5) ? random.in(2, 5) : 1);
    p.output_channels = static_cast<std::uint16_t>(p.input_channels * p.depth_multiplier);
  }
  p.input_zero_point = static_cast<std::int8_t>(random.in(-128, 127));
  p.descending = random.one_in(3) ? 1 : 0;
  choose_output_range(random, p);
  return p;
}

// For one axis and output position: the first and last input positions its window touches,
// clipped; none when empty.
struct Reach {
  std::int64_t first, last;
};

// The least distance of the input above the output (ascending), or the greatest (descending), at which
// writing output pixel q destroys no window behind q. What the compiler plans for kernels without lag.
std::int64_t safe_distance(const ConvParameters& p) {
  const std::int64_t pixels = std::int64_t{p.output_height} * p.output_width;
  const std::int64_t count = p.batches * pixels;
  const auto clip = [](std::int64_t value, std::int64_t limit) {
    return std::clamp<std::int64_t>(value, 0, limit);
  };
  const auto window = [&](std::int64_t q) {
    const std::int64_t batch = q / pixels, y = q % pixels / p.output_width, x = q % p.output_width;
    const std::int64_t top = clip(y * p.stride_height - p.padding_top, p.input_height - 1);
    const std::int64_t bottom = clip(
        y * p.stride_height - p.padding_top + (p.kernel_height - 1) * p.dilation_height, p.input_height - 1);
    const std::int64_t left = clip(x * p.stride_width - p.padding_left, p.input_width - 1);
    const std::int64_t right = clip(
        x * p.stride_width - p.padding_left + (p.kernel_width - 1) * p.dilation_width, p.input_width - 1);
    const std::int64_t base = batch * p.input_height;
    return Reach{((base + top) * p.input_width + left) * p.input_channels,
                 ((base + bottom) * p.input_width + right + 1) * p.input_channels};
  };
  std::int64_t distance = 0;
  if (p.descending == 0) {
    std::int64_t needed = std::int64_t{p.batches} * p.input_height * p.input_width * p.input_channels;
    distance = INT32_MIN;
    for (std::int64_t q = count - 1; q >= 0; --q) {
      distance = std::max(distance, (q + 1) * p.output_channels - needed);
      needed = std::min(needed, window(q).first);
    }
    return (distance + 3) & ~std::int64_t{3};
  }
  std::int64_t needed = 0;
  distance = INT32_MAX;
  for (std::int64_t q = 0; q < count; ++q) {
    distance = std::min(distance, q * p.output_channels - needed);
    needed = std::max(needed, window(q).last);
  }
  return distance & ~std::int64_t{3};
}

std::string describe(const ConvParameters& p) {
  std::string text = "batches " + std::to_string(p.batches);
  const auto put = [&text](const char* name, int a, int b) {
    text += std::string(", ") + name + " " + std::to_string(a) + " " + std::to_string(b);
  };
  put("input", p.input_height, p.input_width);
  put("output", p.output_height, p.output_width);
  put("channels", p.input_channels, p.output_channels);
  put("kernel", p.kernel_height, p.kernel_width);
  put("stride", p.stride_height, p.stride_width);
  put("dilation", p.dilation_height, p.dilation_width);
  put("padding", p.padding_top, p.padding_left);
  put("zero points", p.input_zero_point, p.output_zero_point);
  put("activation", p.activation_min, p.activation_max);
  return text + (p.descending != 0 ? ", descending" : "");
}

using model_compiler::KernelPlan;
using Visit = std::function<void(const KernelCase&)>;

std::string run_and_compare(const sotto_kernel& kernel, const KernelCase& kernel_case) {
  if (kernel_case.placed.operands.empty()) return kernel_case.what;
  const auto output = run(kernel, kernel_case.placed);
  if (!output) return kernel_case.what + ": refused, or written outside";
  for (std::size_t i = 0; i < kernel_case.expected.size(); ++i) {
    if ((*output)[i] != kernel_case.expected[i]) {
      return kernel_case.what + ": output " + std::to_string(i) + " is " + std::to_string((*output)[i]) +
             ", not " + std::to_string(kernel_case.expected[i]);
    }
  }
  return {};
}

void visit_convolution(const KernelPlan& plan, Random& random, const Visit& visit) {
  ConvParameters p = choose_convolution(random, plan.kind);
  const bool depthwise = plan.kind == KernelKind::kDepthwiseConv2d;
  const std::size_t taps = std::size_t{p.kernel_height} * p.kernel_width;
  const std::size_t terms = taps * (depthwise ? 1 : p.input_channels);
  const reference::Constants constants =
      choose_constants(random, terms * p.output_channels, p.output_channels, p.output_channels,
                       static_cast<std::int64_t>(terms));
  const std::vector<std::int8_t> input =
      random.bytes(std::size_t{p.batches} * p.input_height * p.input_width * p.input_channels);
  const auto expected =
      depthwise ? reference::depthwise_conv_2d(p, constants, input) : reference::conv_2d(p, constants, input);
  KernelRig rig(plan);
  rig.add_constants(p, constants);
  const std::array<std::span<const std::int8_t>, 1> inputs{input};
  const auto bytes = static_cast<std::uint32_t>(expected.size());
  visit({describe(p), rig.place(p, inputs, bytes), expected});
  if (plan.lag_pixels == 0 && (p.descending == 0 || plan.descends)) {
    visit({describe(p) + ", over its input", rig.place(p, inputs, bytes, safe_distance(p)), expected});
  }
}

void visit_fully_connected(const KernelPlan& plan, Random& random, const Visit& visit) {
  FullyConnectedParameters p{};
  p.rows = static_cast<std::uint32_t>(random.one_in(3) ? random.in(2, 3) : 1);
  p.input_depth = static_cast<std::uint32_t>(random.in(1, 150));
  p.output_depth = static_cast<std::uint32_t>(random.in(1, 70));
  p.input_zero_point = static_cast<std::int8_t>(random.in(-128, 127));
  p.per_channel = random.one_in(2) ? 1 : 0;
  choose_output_range(random, p);
  const reference::Constants constants =
      choose_constants(random, std::size_t{p.input_depth} * p.output_depth, p.output_depth,
                       p.per_channel != 0 ? p.output_depth : 1, p.input_depth);
  const std::vector<std::int8_t> input = random.bytes(std::size_t{p.rows} * p.input_depth);
  const auto expected = reference::fully_connected(p, constants, input);
  KernelRig rig(plan);
  rig.add_constants(p, constants);
  const std::array<std::span<const std::int8_t>, 1> inputs{input};
  visit({"rows " + std::to_string(p.rows) + ", depth " + std::to_string(p.input_depth) + ", outputs " +
             std::to_string(p.output_depth) + (p.per_channel != 0 ? ", per channel" : ""),
         rig.place(p, inputs, static_cast<std::uint32_t>(expected.size())), expected});
}

void visit_add(const KernelPlan& plan, Random& random, const Visit& visit) {
  AddParameters p{};
  p.count = static_cast<std::uint32_t>(random.in(1, 300));
  p.left_shift = 20;
  for (int i = 0; i < 2; ++i) {
    p.input_multiplier[i] = (1 << 30) + static_cast<std::int32_t>(random.next() >> 2);
    p.input_shift[i] = static_cast<std::int8_t>(random.one_in(2) ? 0 : random.in(-6, 0));
    p.input_zero_point[i] = static_cast<std::int8_t>(random.in(-128, 127));
  }
  p.output_multiplier = (1 << 30) + static_cast<std::int32_t>(random.next() >> 2);
  p.output_shift = static_cast<std::int8_t>(random.in(-22, -16));
  choose_output_range(random, p);
  const std::vector<std::int8_t> a = random.bytes(p.count), b = random.bytes(p.count);
  const auto expected = reference::add(p, a, b);
  KernelRig rig(plan);
  const std::array<std::span<const std::int8_t>, 2> inputs{a, b};
  const std::string what = "count " + std::to_string(p.count);
  visit({what, rig.place(p, inputs, p.count), expected});
  visit({what + ", in place", rig.place(p, inputs, p.count, 0), expected});
}

void visit_pool(const KernelPlan& plan, Random& random, const Visit& visit) {
  const Axis rows = choose_axis(random, 5);
  const Axis columns = choose_axis(random, 5);
  PoolParameters p{};
  p.batches = static_cast<std::uint16_t>(random.one_in(4) ? 2 : 1);
  p.channels = static_cast<std::uint16_t>(random.in(1, 70));
  p.input_height = rows.input, p.filter_height = rows.kernel, p.stride_height = rows.stride;
  p.input_width = columns.input, p.filter_width = columns.kernel, p.stride_width = columns.stride;
  p.padding_top = static_cast<std::uint16_t>(random.in(0, rows.kernel - 1));
  p.padding_left = static_cast<std::uint16_t>(random.in(0, columns.kernel - 1));
  p.output_height =
      static_cast<std::uint16_t>(random.in(1, (rows.input + p.padding_top - 1) / rows.stride + 1));
  p.output_width =
      static_cast<std::uint16_t>(random.in(1, (columns.input + p.padding_left - 1) / columns.stride + 1));
  p.activation_min = static_cast<std::int8_t>(random.one_in(2) ? -128 : random.in(-128, 0));
  p.activation_max = static_cast<std::int8_t>(random.one_in(2) ? 127 : random.in(0, 127));
  const std::vector<std::int8_t> input =
      random.bytes(std::size_t{p.batches} * p.input_height * p.input_width * p.channels);
  const auto expected = plan.kind == KernelKind::kMaxPool2d ? reference::max_pool_2d(p, input)
                                                            : reference::average_pool_2d(p, input);
  KernelRig rig(plan);
  const std::array<std::span<const std::int8_t>, 1> inputs{input};
  visit({"filter " + std::to_string(p.filter_height) + " " + std::to_string(p.filter_width) + ", channels " +
             std::to_string(p.channels),
         rig.place(p, inputs, static_cast<std::uint32_t>(expected.size())), expected});
}

void visit_one(const KernelPlan& plan, Random& random, const Visit& visit) {
  switch (plan.kind) {
    case KernelKind::kConv2d:
    case KernelKind::kPointwiseConv2d:
    case KernelKind::kDepthwiseConv2d:
      return visit_convolution(plan, random, visit);
    case KernelKind::kFullyConnected:
      return visit_fully_connected(plan, random, visit);
    case KernelKind::kAdd:
      return visit_add(plan, random, visit);
    case KernelKind::kAveragePool2d:
    case KernelKind::kMaxPool2d:
      return visit_pool(plan, random, visit);
    default:
      visit({"no cases for this kind", {}, {}});
  }
}

}  // namespace

void for_each_case(const KernelPlan& plan, std::uint32_t seed, std::uint32_t count, const Visit& visit) {
  for (std::uint32_t i = 0; i < count; ++i) {
    Random random(seed + i);
    visit_one(plan, random, visit);
  }
}

std::string find_difference(const sotto_kernel& kernel, const KernelPlan& plan, std::uint32_t seed,
                            std::uint32_t count) {
  std::string difference;
  for (std::uint32_t i = 0; i < count && difference.empty(); ++i) {
    for_each_case(plan, seed + i, 1, [&](const KernelCase& kernel_case) {
      if (difference.empty()) difference = run_and_compare(kernel, kernel_case);
    });
    if (!difference.empty())
      difference = std::string(plan.symbol) + ", seed " + std::to_string(seed + i) + ": " + difference;
  }
  return difference;
}

}  // namespace sotto::device
