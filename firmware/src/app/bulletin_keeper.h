// What a board believes: the authority that it was made for, as far as that one's newest bulletin has not
// changed it. The bulletin stays in the journal, where revoked identities are looked up; memory for it as a
// whole there need not be. Freestanding.
//
// The newest counts over every restart: it is in flash before it is in force, and an older one is refused.
#pragma once

#include <cstdint>

#include "journal/journal.h"
#include "sotto/secagg/bulletin.h"

namespace sotto::board {

// A message that can be had again from its beginning.
class RepeatedSource : public ValueSource {
 public:
  [[nodiscard]] virtual bool again() = 0;

 protected:
  ~RepeatedSource() = default;
};

class BulletinKeeper final : public secagg::RevokedIdentities {
 public:
  // `pinned` is whom the board was made to believe. The journal must outlive this and be open; `number` is
  // that of the bulletin in it.
  BulletinKeeper(Journal& journal, std::uint8_t number, const crypto::Es256PublicKey& pinned)
      : journal_(journal), number_(number), trust_(pinned) {}
  BulletinKeeper(const BulletinKeeper&) = delete;
  BulletinKeeper& operator=(const BulletinKeeper&) = delete;

  // Believes what the journal holds. One that was kept for another authority is as none: the board has been
  // made anew. False when the memory fails or holds something else: then nobody is to be believed.
  [[nodiscard]] bool load();

  enum class Result : std::uint8_t {
    kTaken,    // trust() is by it now
    kKnown,    // it already was
    kRefused,  // by secagg::BulletinVerdict
    kNoRoom,   // larger than what the journal has left
    kFailed,   // the message did not come whole twice, or the memory failed: load() says what is believed
  };
  // Reads it twice: nothing is written before its signatures are verified.
  [[nodiscard]] Result take(RepeatedSource& message);

  [[nodiscard]] const secagg::Trust& trust() const { return trust_; }  // it refers to this object

  [[nodiscard]] std::size_t count() const override { return revoked_count_; }
  [[nodiscard]] bool read(std::size_t index, crypto::Digest& identity) const override;

 private:
  void believe(const secagg::Trust& changed, const secagg::BulletinReader& reader);

  Journal& journal_;
  const std::uint8_t number_;
  secagg::Trust trust_;
  std::uint32_t revoked_offset_ = 0;
  std::size_t revoked_count_ = 0;
};

}  // namespace sotto::board
