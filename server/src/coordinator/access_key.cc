#include "coordinator/access_key.h"

#include <algorithm>

#include "sotto/secagg/identity.h"

namespace sotto::server {
namespace {

constexpr std::string_view kChallengeLabel{"sotto/v2 challenge", 19};  // with the zero at its end
constexpr std::string_view kPassLabel{"sotto/v2 pass", 14};
constexpr std::size_t kTagBytes = 32;
// Both begin with when they were made, in milliseconds since the Unix epoch.
constexpr std::size_t kChallengeBytes = 8 + sizeof(AccessKey::Nonce) + kTagBytes;
constexpr std::size_t kPassBytes = 8 + sizeof(crypto::Digest) + kTagBytes;
static_assert(kChallengeBytes <= secagg::kChallengeBytesMax);

void append(std::vector<std::uint8_t>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

std::vector<std::uint8_t> begin(Time now) {
  std::vector<std::uint8_t> bytes(8);
  store_le(bytes.data(), static_cast<std::uint64_t>(now.ms));
  return bytes;
}

// The clock may have been set back meanwhile: what was made in the future has ended, too.
bool holds(Bytes made, std::chrono::milliseconds lifetime, Time now) {
  const std::uint64_t age = static_cast<std::uint64_t>(now.ms) - load_le<std::uint64_t>(made.data());
  return age < static_cast<std::uint64_t>(lifetime.count());
}

}  // namespace

AccessKey::AccessKey(Random& random) { random.fill(key_.reveal_mutable()); }

// HKDF-Expand (RFC 5869) of one block is HMAC-SHA-256 of its info: a tag.
AccessKey::Tag AccessKey::tag(std::string_view label, Bytes tagged, std::string_view device_id) const {
  std::vector<std::uint8_t> info;
  append(info, text_bytes(label));
  append(info, tagged);
  append(info, text_bytes(device_id));
  Tag tag;
  crypto::hkdf_expand(key_, info, tag);
  return tag;
}

std::vector<std::uint8_t> AccessKey::make_challenge(std::string_view device_id, Random& random,
                                                    Time now) const {
  Nonce nonce;
  random.fill(nonce);
  std::vector<std::uint8_t> challenge = begin(now);
  append(challenge, nonce);
  append(challenge, tag(kChallengeLabel, challenge, device_id));
  return challenge;
}

std::optional<AccessKey::Nonce> AccessKey::check_challenge(Bytes challenge, std::string_view device_id,
                                                           Time now) const {
  if (challenge.size() != kChallengeBytes || !holds(challenge, kChallengeHolds, now)) return std::nullopt;
  const Tag expected = tag(kChallengeLabel, challenge.first(kChallengeBytes - kTagBytes), device_id);
  if (!crypto::constant_time_equal(expected, challenge.last(kTagBytes))) return std::nullopt;
  Nonce nonce;
  std::ranges::copy(challenge.subspan(8, nonce.size()), nonce.begin());
  return nonce;
}

std::vector<std::uint8_t> AccessKey::make_pass(const crypto::Digest& identity, Time now) const {
  std::vector<std::uint8_t> pass = begin(now);
  append(pass, identity);
  append(pass, tag(kPassLabel, pass));
  return pass;
}

std::optional<crypto::Digest> AccessKey::check_pass(Bytes pass, Time now) const {
  if (pass.size() != kPassBytes || !holds(pass, kPassHolds, now)) return std::nullopt;
  const Tag expected = tag(kPassLabel, pass.first(kPassBytes - kTagBytes));
  if (!crypto::constant_time_equal(expected, pass.last(kTagBytes))) return std::nullopt;
  crypto::Digest identity;
  std::ranges::copy(pass.subspan(8, identity.size()), identity.begin());
  return identity;
}

}  // namespace sotto::server
