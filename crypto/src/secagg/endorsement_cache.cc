#include "sotto/secagg/endorsement_cache.h"

#include <algorithm>

#include "secagg/labels.h"

namespace sotto::secagg {
namespace {

constexpr crypto::Digest kFree{};

}  // namespace

// All that precedes the signature has one length for each role, whose label it begins with.
crypto::Digest EndorsementCache::name_of(const crypto::Es256PublicKey& authority, Bytes statement,
                                         const crypto::Es256Signature& signature) {
  return crypto::sha256({labels::kVerified, authority, statement, signature});
}

bool EndorsementMemory::holds(const crypto::Digest& name) {
  return name != kFree && std::ranges::find(room_, name) != room_.end();
}

void EndorsementMemory::keep(const crypto::Digest& name) {
  if (room_.empty() || holds(name)) return;
  const auto free = std::ranges::find(room_, kFree);
  if (free != room_.end()) {
    *free = name;
    return;
  }
  room_[next_] = name;
  next_ = (next_ + 1) % room_.size();
}

}  // namespace sotto::secagg
