// Firmware that opens damaged copies of the model in the slot, and runs those that open. Offsets are 32 bits
// wide here and addresses too, so that a sum which a 64-bit host gets right could wrap.
//
//   hostile_images [seed=N] [count=N] [planted=1]
//
// It prints
//   hostile images N refused N ran N
// or, when a copy made the runtime write outside its arena, which `planted` pretends:
//   trespassed seed N
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "arguments.h"
#include "board.h"
#include "console.h"
#include "kernels.h"
#include "sotto/device_runtime/crc32.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/device_runtime/sotto_device.h"

namespace {

using namespace sotto;
using Memory = std::span<std::uint8_t>;

constexpr std::size_t kGuardBytes = 4096;
constexpr std::uint8_t kGuardByte = 0xc3;

// Marsaglia, "Xorshift RNGs", 2003.
class Xorshift {
 public:
  explicit Xorshift(std::uint32_t seed) : state_(seed * 0x9e3779b9u | 1u) {}
  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    return state_ ^= state_ << 5;
  }
  std::uint32_t below(std::uint32_t limit) { return next() % limit; }

 private:
  std::uint32_t state_;
};

// RAM for one attempt: the image's copy, and the arena between two guards.
struct Layout {
  Memory image, guard_below, arena, guard_above;
};

bool lay_out(Memory ram, std::size_t image_bytes, std::size_t arena_bytes, Layout& layout) {
  const std::size_t arena_size = (arena_bytes + 15) / 16 * 16;
  if (image_bytes + 2 * kGuardBytes + arena_size > ram.size()) return false;
  layout.image = ram.first(image_bytes);
  layout.guard_below = ram.subspan(image_bytes, kGuardBytes);
  layout.arena = ram.subspan(image_bytes + kGuardBytes, arena_size);
  layout.guard_above = ram.subspan(image_bytes + kGuardBytes + arena_size, kGuardBytes);
  return true;
}

bool is_intact(Memory guard) {
  return std::all_of(guard.begin(), guard.end(), [](std::uint8_t byte) { return byte == kGuardByte; });
}

// Values that bounds are often wrong about, and any others.
std::uint32_t hostile_word(Xorshift& random, std::uint32_t was) {
  switch (random.below(6)) {
    case 0:
      return 0xffffffff;
    case 1:
      return 0x80000000u >> random.below(32);
    case 2:
      return was + random.below(64) - 32;
    case 3:
      return was ^ (1u << random.below(32));
    case 4:
      return 0;
    default:
      return random.next();
  }
}

// Where in the image a word is damaged: mostly in what says where things are, at times in weights.
std::size_t choose_place(const device::ImageHeader& header, Xorshift& random) {
  const std::uint32_t records = std::min(header.operators, header.tensors);
  const std::uint32_t kind = random.below(8);
  if (kind == 0) return random.below(header.image_bytes / 4) * 4;
  if (kind <= 2) return random.below(sizeof header / 4) * 4;
  return records + random.below((header.image_bytes - records) / 4) * 4;
}

void damage(Memory image, const device::ImageHeader& header, Xorshift& random) {
  for (std::uint32_t wounds = 1 + random.below(3); wounds != 0; --wounds) {
    std::uint8_t* const place = &image[choose_place(header, random)];
    std::uint32_t word;
    std::memcpy(&word, place, sizeof word);
    word = hostile_word(random, word);
    std::memcpy(place, &word, sizeof word);
  }
}

enum class Outcome { kRefused, kRan, kTrespassed };

Outcome attempt(const Layout& layout, const device::ImageHeader& header, std::uint32_t seed, bool planted) {
  Xorshift random(seed);
  std::memcpy(layout.image.data(), &header, layout.image.size());
  damage(layout.image, header, random);
  std::fill(layout.guard_below.begin(), layout.guard_below.end(), kGuardByte);
  std::fill(layout.guard_above.begin(), layout.guard_above.end(), kGuardByte);
  const std::uint32_t before = device::crc32(layout.image.data(), layout.image.size());
  sotto_model* model = nullptr;
  const sotto_error error =
      sotto_model_open_with(layout.image.data(), layout.image.size(), layout.arena.data(),
                            layout.arena.size(), &board::kKernels, SOTTO_OPEN_SKIP_CHECKSUM, &model);
  if (error == SOTTO_OK) sotto_model_invoke(model);
  if (planted) layout.guard_above[0] = 0;
  const bool is_unharmed = is_intact(layout.guard_below) && is_intact(layout.guard_above) &&
                           device::crc32(layout.image.data(), layout.image.size()) == before;
  if (!is_unharmed) return Outcome::kTrespassed;
  return error == SOTTO_OK ? Outcome::kRan : Outcome::kRefused;
}

}  // namespace

int main() {
  const board::Arguments arguments;
  const auto slot = board::model_slot();
  const std::uint32_t arena_bytes = sotto_image_arena_bytes(slot.data(), slot.size());
  if (arena_bytes == 0) {
    console::line("no model is in the slot");
    return 1;
  }
  const auto& header = *reinterpret_cast<const device::ImageHeader*>(slot.data());
  Layout layout;
  if (!lay_out(board::arena(), header.image_bytes, arena_bytes, layout)) {
    console::line("the RAM does not hold a copy of the model beside its arena");
    return 1;
  }
  const std::uint32_t count = arguments.number("count", 1000);
  const std::uint32_t first_seed = arguments.number("seed", 1);
  const bool planted = arguments.number("planted", 0) != 0;
  std::uint32_t refused = 0;
  for (std::uint32_t seed = first_seed; seed != first_seed + count; ++seed) {
    const Outcome outcome = attempt(layout, header, seed, planted);
    if (outcome == Outcome::kTrespassed) {
      console::line("trespassed seed ", seed);
      return 1;
    }
    refused += outcome == Outcome::kRefused;
  }
  console::line("hostile images ", count, " refused ", refused, " ran ", count - refused);
  return 0;
}
