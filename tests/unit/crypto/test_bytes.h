// Bytes written as hexadecimal text, for the tests of this directory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/hex.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

inline std::vector<std::uint8_t> unhex(std::string_view text) {
  auto bytes = from_hex(text);
  EXPECT_TRUE(bytes.has_value()) << text;
  return bytes.has_value() ? *bytes : std::vector<std::uint8_t>();
}

template <std::size_t Count>
std::array<std::uint8_t, Count> unhex_array(std::string_view text) {
  const std::vector<std::uint8_t> bytes = unhex(text);
  EXPECT_EQ(bytes.size(), Count) << text;
  std::array<std::uint8_t, Count> out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), Count), out.begin());
  return out;
}

template <std::size_t Count>
SecretBytes<Count> secret(const std::array<std::uint8_t, Count>& bytes) {
  SecretBytes<Count> out;
  std::copy(bytes.begin(), bytes.end(), out.reveal_mutable().begin());
  return out;
}

template <std::size_t Count>
SecretBytes<Count> unhex_secret(std::string_view text) {
  return secret(unhex_array<Count>(text));
}

// first, first + 1, ...
template <std::size_t Count>
std::array<std::uint8_t, Count> counting(unsigned first) {
  std::array<std::uint8_t, Count> bytes;
  for (std::size_t i = 0; i < Count; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

}  // namespace sotto::crypto
