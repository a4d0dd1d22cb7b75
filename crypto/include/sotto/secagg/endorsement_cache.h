// Endorsements that a device has verified before. Verifying signatures is the dearest step of a session, and
// half of those of a roster are the authority's, who signed the same of a neighbour the last time.
//
// What is kept is one digest for each: of the authority's key, of all that it signed and of its signature. So
// to find one is to have verified these very bytes with this very key, and says nothing about today: whether
// the endorsement has been revoked or has ended, and which key may endorse in its epoch, check_credential()
// works out each time before it asks. Freestanding, no heap.
//
// Whoever can write into the memory of a cache can have a stranger accepted, as whoever can write over the
// authority's key can: both belong into the same flash.
#pragma once

#include <cstddef>
#include <span>

#include "sotto/base/bytes.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {

// A board may keep its cache in flash behind this interface. One thread at a time.
class EndorsementCache {
 public:
  // The name of one verification: SHA-256 over the authority's key, the statement and its signature.
  [[nodiscard]] static crypto::Digest name_of(const crypto::Es256PublicKey& authority, Bytes statement,
                                              const crypto::Es256Signature& signature);

  // Whether keep() was called with this name and it is still there. Forgetting costs a signature, no more.
  [[nodiscard]] virtual bool holds(const crypto::Digest& name) = 0;
  // Called once the signature was found to be right. May push out another.
  virtual void keep(const crypto::Digest& name) = 0;

 protected:
  ~EndorsementCache() = default;  // as Random's
};

// In memory that the caller supplies and that is all there is: 32 bytes an endorsement. Zeros are free room.
// Memory with what a cache has left in it, kept over a sleep or read back from flash, makes the same cache
// again. Borrowed; the oldest is pushed out by the newest, counted from the start.
class EndorsementMemory final : public EndorsementCache {
 public:
  explicit EndorsementMemory(std::span<crypto::Digest> room) : room_(room) {}
  [[nodiscard]] bool holds(const crypto::Digest& name) override;
  void keep(const crypto::Digest& name) override;

 private:
  std::span<crypto::Digest> room_;
  std::size_t next_ = 0;  // to be pushed out when no room is free
};

}  // namespace sotto::secagg
