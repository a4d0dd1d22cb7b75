// The names of an experiment's streams, as the seeds of SeededRandom: one for each purpose of each device in
// each round. Hosts and boards that are given the same seed draw the same. Freestanding.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sotto/base/bytes.h"
#include "sotto/base/check.h"

namespace sotto::crypto {

struct StreamName {
  std::string_view purpose;  // at most 32 characters
  std::uint64_t seed = 0;
  std::uint64_t attempt = 0;  // the round; 0: of none
  std::uint64_t device = 0;
};

// "sotto simulation/PURPOSE/SEED/ATTEMPT/DEVICE"
class StreamSeed {
 public:
  explicit StreamSeed(const StreamName& name) {
    add("sotto simulation/");
    add(name.purpose);
    for (const std::uint64_t number : {name.seed, name.attempt, name.device}) add(number);
  }
  [[nodiscard]] Bytes bytes() const { return Bytes(text_).first(size_); }

 private:
  static constexpr std::size_t kDigitsMax = 20;

  void add(std::string_view text) {
    SOTTO_CHECK(text.size() <= text_.size() - size_);
    for (const char character : text) text_[size_++] = static_cast<std::uint8_t>(character);
  }
  void add(std::uint64_t number) {
    std::array<char, kDigitsMax + 1> digits;
    std::size_t from = digits.size();
    do {
      digits[--from] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    digits[--from] = '/';
    add(std::string_view(digits.data() + from, digits.size() - from));
  }

  std::array<std::uint8_t, 17 + 32 + 3 * (kDigitsMax + 1)> text_;
  std::size_t size_ = 0;
};

}  // namespace sotto::crypto
