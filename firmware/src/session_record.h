// A device's session as tests/device/write_session.cc wrote it down: messages one after the other, each as
// u32 length || bytes.
#pragma once

#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/check.h"

namespace sotto::board {

class SessionRecord {
 public:
  explicit SessionRecord(Bytes bytes) : reader_(bytes) {}

  // In place. A record that has ended stops the firmware.
  [[nodiscard]] Bytes next() {
    const Bytes message = reader_.bytes(reader_.u32());
    SOTTO_CHECK(reader_.ok());
    return message;
  }

 private:
  ByteReader reader_;
};

}  // namespace sotto::board
