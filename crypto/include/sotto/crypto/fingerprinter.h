// Fingerprints of messages. For machines that keep them: a board backend need not supply it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/crypto/backend_object.h"
#include "sotto/crypto/secret_bytes.h"

namespace sotto::crypto {

// Tells long messages apart, for whoever holds a secret key: Poly1305 (RFC 8439 section 2.5) as a universal
// hash. Two different messages of up to 2^27 bytes have equal fingerprints with a probability below 2^-79, as
// long as nobody sees fingerprints. They authenticate nothing.
class Fingerprinter {
 public:
  using Fingerprint = std::array<std::uint8_t, 16>;

  explicit Fingerprinter(const SecretBytes<32>& key);
  ~Fingerprinter();
  Fingerprinter(const Fingerprinter&) = delete;
  Fingerprinter& operator=(const Fingerprinter&) = delete;
  [[nodiscard]] Fingerprint of(Bytes message) const;

 private:
  SecretBytes<32> key_;
  BackendObject<sizeof(void*)> state_;
};

}  // namespace sotto::crypto
