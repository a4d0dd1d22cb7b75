// A fuzzer's bytes as a list of choices, and changes to messages that they choose.
//
// A list that is used up goes on with zeros, and zero always means "what an honest peer would do": the empty
// input plays a sound session, and every further byte departs from it.
#pragma once

#include <algorithm>
#include <vector>

#include "sotto/base/bytes.h"

namespace sotto::fuzz {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t u8() {
    const Bytes byte = take(1);
    return byte.empty() ? std::uint8_t{0} : byte[0];
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(u8() | u8() << 8); }
  std::uint64_t u64() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | u8();
    return value;
  }
  // In [0, bound); bound at most 65,536.
  std::size_t below(std::size_t bound) { return (bound <= 256 ? u8() : u16()) % bound; }
  // True for about `count` in 256.
  bool chance(unsigned count) { return u8() >= 256 - count; }
  // The next `count` bytes or as many as there are.
  Bytes take(std::size_t count) {
    const Bytes taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  std::vector<std::uint8_t> bytes(std::size_t count) {
    const Bytes taken = take(count);
    return {taken.begin(), taken.end()};
  }
  std::vector<std::uint8_t> rest() { return bytes(bytes_.size()); }

 private:
  Bytes bytes_;
};

// One change that the input chooses.
inline void change(FuzzInput& input, std::vector<std::uint8_t>& message) {
  const std::size_t position = message.empty() ? 0 : input.u16() % message.size();
  const std::size_t count = std::min<std::size_t>(input.u8(), message.size() - position);
  const auto at = message.begin() + static_cast<std::ptrdiff_t>(position);
  const auto end = at + static_cast<std::ptrdiff_t>(count);
  switch (input.below(8)) {
    case 0:
      if (!message.empty()) *at = input.u8();
      break;
    case 1:
      if (!message.empty()) *at = static_cast<std::uint8_t>(*at ^ 1u << input.below(8));
      break;
    case 2:
      message.erase(at, message.end());
      break;
    case 3:
      message.erase(at, end);
      break;
    case 4: {
      const Bytes inserted = input.take(count + 1);
      message.insert(at, inserted.begin(), inserted.end());
      break;
    }
    case 5:
      std::fill(at, end, input.u8());
      break;
    case 6: {  // a piece over another place
      const std::size_t to = message.empty() ? 0 : input.u16() % message.size();
      const std::vector<std::uint8_t> piece(at, end);
      std::copy_n(piece.begin(), std::min(count, message.size() - to),
                  message.begin() + static_cast<std::ptrdiff_t>(to));
      break;
    }
    default:
      message = input.bytes(input.u16() % 1024);
      break;
  }
}

// Up to three changes, none when the input is used up. True when the message is another one now.
inline bool mutate(FuzzInput& input, std::vector<std::uint8_t>& message) {
  const std::vector<std::uint8_t> original = message;
  for (std::size_t changes = input.below(4); changes > 0; --changes) change(input, message);
  return message != original;
}

}  // namespace sotto::fuzz
