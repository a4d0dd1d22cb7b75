// Images and arenas where the runtime wants them.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "sotto/device_runtime/sotto_device.h"

namespace sotto::device {

// Bytes on a SOTTO_ALIGNMENT boundary, of exactly the size asked for,
// so that a sanitizer sees every step beyond it.
class AlignedMemory {
 public:
  explicit AlignedMemory(std::size_t bytes)
      : bytes_(bytes),
        data_(static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{SOTTO_ALIGNMENT}))) {}
  explicit AlignedMemory(std::span<const std::uint8_t> content) : AlignedMemory(content.size()) {
    std::copy(content.begin(), content.end(), data());
  }

  [[nodiscard]] std::uint8_t* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  struct Delete {
    void operator()(std::uint8_t* data) const { ::operator delete (data, std::align_val_t{SOTTO_ALIGNMENT}); }
  };
  std::size_t bytes_;
  std::unique_ptr<std::uint8_t, Delete> data_;
};

}  // namespace sotto::device
