// PROTOCOL.md section 6.4.
#include "sotto/secagg/graph.h"

#include <algorithm>
#include <utility>

#include "secagg/ascending.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::secagg {
namespace {

// u32 draws from a ChaCha20 stream, fetched some at a time.
class Draws {
 public:
  explicit Draws(const crypto::Digest& seed) {
    // The graph is public; only the type of a stream's key is secret.
    crypto::SecretBytes<crypto::kPrgKeyBytes> key;
    std::copy(seed.begin(), seed.end(), key.reveal_mutable().begin());
    stream_.rekey(key);
  }

  // Uniform in [0, bound), without bias: draws in the last, incomplete multiple of `bound` are rejected.
  std::uint32_t below(std::uint32_t bound) {
    const std::uint64_t usable = (std::uint64_t{1} << 32) / bound * bound;
    for (;;) {
      const std::uint32_t draw = next();
      if (draw < usable) return draw % bound;
    }
  }

 private:
  std::uint32_t next() {
    if (offset_ == buffer_.size()) {
      stream_.read(buffer_);
      offset_ = 0;
    }
    const std::uint32_t draw = load_le<std::uint32_t>(buffer_.data() + offset_);
    offset_ += sizeof draw;
    return draw;
  }

  crypto::Keystream stream_{crypto::Prg::kChaCha20};
  std::array<std::uint8_t, 256> buffer_;
  std::size_t offset_ = buffer_.size();
};

}  // namespace

void permute(const crypto::Digest& seed, std::span<std::uint16_t> order) {
  SOTTO_CHECK(order.size() <= limits::kParticipantsMax);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint16_t>(i);
  Draws draws(seed);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[draws.below(static_cast<std::uint32_t>(i))]);
  }
}

void neighbours_of(ParticipantIndex self, std::span<const std::uint16_t> order,
                   std::span<std::uint16_t> neighbours) {
  const std::size_t participants = order.size();
  const std::size_t count = neighbours.size();
  SOTTO_CHECK(self.value < participants);
  if (count == participants - 1) {
    for (std::size_t i = 0; i < count; ++i)
      neighbours[i] = static_cast<std::uint16_t>(i < self.value ? i : i + 1);
    return;
  }
  SOTTO_CHECK(count % 2 == 0 && count < participants);
  const auto place = std::find(order.begin(), order.end(), self.value);
  SOTTO_CHECK(place != order.end());
  const auto position = static_cast<std::size_t>(place - order.begin());
  for (std::size_t step = 1; step <= count / 2; ++step) {
    neighbours[2 * step - 2] = order[(position + step) % participants];
    neighbours[2 * step - 1] = order[(position + participants - step) % participants];
  }
  sort_ascending(neighbours);
}

std::span<const std::uint16_t> neighbours_in_place(ParticipantIndex self, std::size_t neighbours,
                                                   std::span<std::uint16_t> order) {
  const auto place = std::find(order.begin(), order.end(), self.value);
  SOTTO_CHECK(neighbours < order.size() && place != order.end());
  // Own number first, then half of the neighbours, everybody else, and the other half.
  std::rotate(order.begin(), place, order.end());
  const auto half = static_cast<std::ptrdiff_t>(neighbours / 2);
  const auto after = static_cast<std::ptrdiff_t>(neighbours) - half;  // odd in complete graphs only
  std::rotate(order.begin() + 1 + after, order.end() - half, order.end());
  const std::span<std::uint16_t> chosen = order.subspan(1, neighbours);
  sort_ascending(chosen);
  return chosen;
}

}  // namespace sotto::secagg
