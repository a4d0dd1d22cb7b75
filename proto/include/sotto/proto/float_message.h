// The collect message of float sessions (PROTOCOL.md section 7): a head, then the delta as float32 values.
// Freestanding.
#pragma once

#include "sotto/base/bytes.h"

namespace sotto::proto {

struct FloatHead {
  std::uint32_t weight = 0;
  std::uint32_t examples = 0;
  std::uint32_t correct = 0;
  std::uint64_t loss_1024 = 0;  // 1/1024 nat
};
inline constexpr std::size_t kFloatHeadBytes = 20;

[[nodiscard]] constexpr std::size_t float_message_bytes(std::size_t parameters) {
  return kFloatHeadBytes + sizeof(float) * parameters;
}

inline void write_float_head(ByteWriter& writer, const FloatHead& head) {
  writer.u32(head.weight);
  writer.u32(head.examples);
  writer.u32(head.correct);
  writer.u64(head.loss_1024);
}

[[nodiscard]] inline FloatHead read_float_head(ByteReader& reader) {
  FloatHead head;
  head.weight = reader.u32();
  head.examples = reader.u32();
  head.correct = reader.u32();
  head.loss_1024 = reader.u64();
  return head;
}

}  // namespace sotto::proto
