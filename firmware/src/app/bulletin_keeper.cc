#include "bulletin_keeper.h"

#include <algorithm>

namespace sotto::board {
namespace {

constexpr std::uint32_t kPieceBytes = 64;

class InJournal final : public ValueSource {
 public:
  InJournal(const Journal& journal, std::uint8_t number) : journal_(journal), number_(number) {}
  [[nodiscard]] std::uint32_t size() const override { return journal_.size(number_); }
  [[nodiscard]] bool next(MutableBytes out) override {
    const std::uint32_t offset = at_;
    at_ += static_cast<std::uint32_t>(out.size());
    return journal_.read(number_, offset, out);
  }

 private:
  const Journal& journal_;
  const std::uint8_t number_;
  std::uint32_t at_ = 0;
};

// All of the message, to whoever reads it. False when it does not come.
bool read_all(ValueSource& message, secagg::BulletinReader& reader, crypto::Sha256& digest) {
  std::array<std::uint8_t, kPieceBytes> piece;
  for (std::uint32_t left = message.size(); left > 0;) {
    const MutableBytes here = MutableBytes(piece).first(std::min(left, kPieceBytes));
    if (!message.next(here)) return false;
    digest.update(here);
    reader.take(here);
    left -= static_cast<std::uint32_t>(here.size());
  }
  return true;
}

// Nothing but the message that was verified: its last bytes are not given when it is another.
class SameAgain final : public ValueSource {
 public:
  SameAgain(ValueSource& message, const crypto::Digest& digest)
      : message_(message), expected_(digest), left_(message.size()) {}
  [[nodiscard]] std::uint32_t size() const override { return message_.size(); }
  [[nodiscard]] bool next(MutableBytes out) override {
    if (!message_.next(out)) return false;
    digest_.update(out);
    left_ -= static_cast<std::uint32_t>(out.size());
    return left_ > 0 || digest_.finish() == expected_;
  }

 private:
  ValueSource& message_;
  const crypto::Digest expected_;
  std::uint32_t left_;
  crypto::Sha256 digest_;
};

}  // namespace

bool BulletinKeeper::load() {
  const secagg::Trust pinned(trust_.authority);
  InJournal message(journal_, number_);
  if (message.size() == 0) return true;
  secagg::BulletinReader reader(pinned, message.size());
  crypto::Sha256 digest;
  if (!read_all(message, reader, digest)) return false;
  secagg::Trust changed;
  const secagg::BulletinVerdict verdict = reader.end(changed);
  if (verdict == secagg::BulletinVerdict::kUntrusted) return true;
  if (verdict != secagg::BulletinVerdict::kTaken) return false;
  believe(changed, reader);
  return true;
}

void BulletinKeeper::believe(const secagg::Trust& changed, const secagg::BulletinReader& reader) {
  trust_ = changed;
  trust_.kept = this;
  revoked_offset_ = static_cast<std::uint32_t>(reader.revoked_offset());
  revoked_count_ = reader.revoked_count();
}

// Apart from the session's frames: verifying takes stack.
[[gnu::noinline]] BulletinKeeper::Result BulletinKeeper::take(RepeatedSource& message) {
  if (message.size() > secagg::kBulletinBytesMax) return Result::kRefused;
  secagg::BulletinReader reader(trust_, message.size());
  crypto::Sha256 digest;
  if (!read_all(message, reader, digest)) return Result::kFailed;
  secagg::Trust changed;
  const secagg::BulletinVerdict verdict = reader.end(changed);
  if (verdict == secagg::BulletinVerdict::kKnown) return Result::kKnown;
  if (verdict != secagg::BulletinVerdict::kTaken) return Result::kRefused;
  if (!message.again()) return Result::kFailed;
  SameAgain same(message, digest.finish());
  const Journal::Result kept = journal_.put(number_, same);
  if (kept == Journal::Result::kFull) return Result::kNoRoom;
  if (kept != Journal::Result::kOk) return Result::kFailed;
  believe(changed, reader);
  return Result::kTaken;
}

bool BulletinKeeper::read(std::size_t index, crypto::Digest& identity) const {
  const std::size_t offset = revoked_offset_ + index * identity.size();
  return journal_.read(number_, static_cast<std::uint32_t>(offset), identity);
}

}  // namespace sotto::board
