// Single weights lie where the compiler packs whole matrices to.
#include "sotto/device_runtime/kernels/weight_places.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

using device::FullyConnectedParameters;
using device::KernelKind;
using device::WeightPlaces;

TEST(WeightPlaces, AreWhereTheCompilerPacksThem) {
  for (const Target target : {Target::kPortable, Target::kCortexMDsp, Target::kHelium, Target::kHost}) {
    const auto* plan = find_kernel_plan(target, KernelKind::kFullyConnected);
    for (const auto& [rows, columns] : {std::pair{1u, 1u}, {12u, 64u}, {5u, 33u}, {17u, 15u}, {4u, 16u}}) {
      FullyConnectedParameters p{};
      p.rows = 1;
      p.output_depth = rows;
      p.input_depth = columns;
      std::vector<std::int8_t> weights(std::size_t{rows} * columns);
      for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = static_cast<std::int8_t>(i * 7 % 251 - 125);
      const auto packed = plan->pack(&p, weights);
      const WeightPlaces places(plan->layout, rows, columns);
      ASSERT_EQ(places.bytes(), packed.size());
      std::vector<std::int8_t> placed(packed.size());
      std::set<std::uint32_t> used;
      for (std::uint32_t row = 0; row < rows; ++row) {
        for (std::uint32_t column = 0; column < columns; ++column) {
          placed[places.at(row, column)] = weights[std::size_t{row} * columns + column];
          used.insert(places.at(row, column));
        }
      }
      EXPECT_EQ(used.size(), weights.size());
      EXPECT_EQ(placed, packed) << plan->symbol << " " << rows << " " << columns;
    }
  }
}

}  // namespace
}  // namespace sotto::model_compiler
