// With the arguments seed=SEED and device=DEVICE: what `sotto simulate --seed SEED` draws for that device.
// With lanes=PREFIX, too, the update of each round, unmasked, goes to a file of the host.
#include <array>
#include <optional>

#include "check_draws.h"
#include "replayed_draws.h"
#include "semihosting.h"

namespace sotto::board {
namespace {

class TestDraws final : public ReplayedDraws {
 public:
  TestDraws(std::uint32_t seed, std::uint32_t device, const char* lanes)
      : ReplayedDraws(seed, device), lanes_(lanes) {}
  void learned(RoundId round, Bytes lanes) override {
    if (lanes_ == nullptr) return;
    semihosting::File file(path_of(round).data(), semihosting::Mode::kWrite);
    SOTTO_CHECK(file.write(lanes));
  }

 private:
  static constexpr std::size_t kPrefixMax = 100;

  // PREFIX-ROUND
  [[nodiscard]] std::array<char, kPrefixMax + 32> path_of(RoundId round) const {
    std::array<char, kPrefixMax + 32> path{};
    std::size_t at = 0;
    for (; lanes_[at] != 0; ++at) {
      SOTTO_CHECK(at < kPrefixMax);
      path[at] = lanes_[at];
    }
    path[at++] = '-';
    std::uint64_t scale = 1;
    while (round.value / scale >= 10) scale *= 10;
    for (; scale != 0; scale /= 10) path[at++] = static_cast<char>('0' + round.value / scale % 10);
    return path;
  }

  const char* const lanes_;
};

std::optional<TestDraws> draws;

}  // namespace

Draws* check_draws(const Arguments& arguments) {
  if (arguments.text("seed") == nullptr) return nullptr;
  return &draws.emplace(arguments.number("seed", 0), arguments.number("device", 0), arguments.text("lanes"));
}

}  // namespace sotto::board
