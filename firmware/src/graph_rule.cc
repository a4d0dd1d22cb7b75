// What it costs a board to check the graph of a cohort (PROTOCOL.md section 6.13): prints for cohorts of
// every size, as a roster would announce them, whether the graph withstands and in how many instructions that
// was found.
#include <array>
#include <cstdint>

#include "board.h"
#include "console.h"
#include "instruction_counter.h"
#include "semihosting.h"
#include "sotto/base/check.h"
#include "sotto/secagg/parameters.h"

namespace sotto {

namespace {

struct Case {
  secagg::GraphParameters graph;
  float corrupt_fraction;
  bool withstands;
};

// The dearest of each size among those that withstand, then the same with a threshold that is one too low.
constexpr std::array kCases{
    Case{{33, 32, 19}, 0.1f, true},         Case{{250, 68, 48}, 0.1f, true},
    Case{{250, 136, 111}, 0.33f, true},     Case{{1000, 144, 107}, 0.1f, true},
    Case{{1000, 322, 262}, 0.33f, true},    Case{{10'000, 196, 146}, 0.1f, true},
    Case{{10'000, 518, 420}, 0.33f, true},  Case{{250, 68, 47}, 0.1f, false},
    Case{{10'000, 518, 419}, 0.33f, false},
};

}  // namespace
}  // namespace sotto

int main() {
  using namespace sotto;
  int wrong = 0;
  for (const Case& one : kCases) {
    const secagg::GraphRequest request{
        .participants = one.graph.participants, .corrupt_fraction = one.corrupt_fraction, .honest_min = 4};
    const std::uint32_t start = instruction_counter::now();
    const bool withstands = secagg::graph_withstands(one.graph, request);
    const std::uint32_t instructions = instruction_counter::between(start, instruction_counter::now());
    wrong += withstands != one.withstands;
    console::line("graph n ", std::uint32_t{one.graph.participants}, " k ",
                  std::uint32_t{one.graph.neighbours}, " t ", std::uint32_t{one.graph.threshold},
                  " withstands ", std::uint32_t{withstands}, " instructions ", instructions);
  }
  return wrong;
}
