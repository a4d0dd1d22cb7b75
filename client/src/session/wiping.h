// Values that must not outlive their use: what a device learned, before it is masked.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/crypto/secret_bytes.h"

namespace sotto::client {

template <typename T>
void wipe_values(std::vector<T>& values) {
  crypto::wipe({reinterpret_cast<std::uint8_t*>(values.data()), values.size() * sizeof(T)});
}

// Wipes the values at the end of the scope. They must outlive it, and not be moved away within.
template <typename T>
class WipedAtEnd {
 public:
  explicit WipedAtEnd(std::vector<T>& values) : values_(values) {}
  ~WipedAtEnd() { wipe_values(values_); }
  WipedAtEnd(const WipedAtEnd&) = delete;
  WipedAtEnd& operator=(const WipedAtEnd&) = delete;

 private:
  std::vector<T>& values_;
};

}  // namespace sotto::client
