// What the coordinator hands to devices so that it need remember nothing of them: a challenge that they sign
// to check in, and a pass that spares them the next signatures. Both are tagged under a key that lives as
// long as the coordinator, so that after a restart every device signs once more. Not bound to a connection,
// which a proxy may end. Immutable, hence safe on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/base/random.h"
#include "sotto/crypto/primitives.h"

namespace sotto::server {

class AccessKey {
 public:
  static constexpr std::chrono::milliseconds kChallengeHolds{60'000};
  static constexpr std::chrono::milliseconds kPassHolds{12 * 3'600'000};

  explicit AccessKey(Random& random);

  // Names one challenge, so that it is used once.
  using Nonce = std::array<std::uint8_t, 16>;
  [[nodiscard]] std::vector<std::uint8_t> make_challenge(std::string_view device_id, Random& random,
                                                         Time now) const;
  // Nothing for bytes that are no challenge of this key to this device, or one that has ended.
  [[nodiscard]] std::optional<Nonce> check_challenge(Bytes challenge, std::string_view device_id,
                                                     Time now) const;

  [[nodiscard]] std::vector<std::uint8_t> make_pass(const crypto::Digest& identity, Time now) const;
  // Whose pass it is. Nothing for bytes that are no pass of this key, or one that has ended. Whether its
  // holder has been revoked since is not known here.
  [[nodiscard]] std::optional<crypto::Digest> check_pass(Bytes pass, Time now) const;

 private:
  using Tag = std::array<std::uint8_t, 32>;
  [[nodiscard]] Tag tag(std::string_view label, Bytes tagged, std::string_view device_id = {}) const;

  crypto::HkdfKey key_;
};

}  // namespace sotto::server
