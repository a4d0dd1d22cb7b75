// What a board believes, over restarts and power cuts: never an older bulletin, never half of one.
#include "app/bulletin_keeper.h"

#include <gtest/gtest.h>

#include "support/bulletins.h"
#include "support/enrolment.h"
#include "support/nor_flash.h"

namespace sotto::board {
namespace {

using support::Cut;
using support::NorFlash;
using Result = BulletinKeeper::Result;
using Message = std::vector<std::uint8_t>;

constexpr FlashGeometry kGeometry{.pages = 4, .page_bytes = 1024, .word_bytes = 8};
constexpr std::uint8_t kNumber = 4;

crypto::Digest digest_of(std::uint8_t number) { return crypto::sha256({Bytes(&number, 1)}); }

class InMemory final : public RepeatedSource {
 public:
  explicit InMemory(Message message) : first(message), second(std::move(message)) {}
  [[nodiscard]] std::uint32_t size() const override { return static_cast<std::uint32_t>(first.size()); }
  [[nodiscard]] bool next(MutableBytes out) override {
    const Message& message = passes == 0 ? first : second;
    if (at + out.size() > cut_at) return false;
    std::copy_n(message.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    at += out.size();
    return true;
  }
  [[nodiscard]] bool again() override {
    at = 0;
    ++passes;
    return true;
  }
  Message first, second;
  std::size_t at = 0, cut_at = SIZE_MAX;
  int passes = 0;
};

struct Board {
  explicit Board(NorFlash& flash) : journal(flash, 0, 4) {
    EXPECT_NE(journal.open(), Journal::Result::kFlash);
  }
  Result take(const Message& message) {
    InMemory source(message);
    return keeper.take(source);
  }
  Journal journal;
  BulletinKeeper keeper{journal, kNumber, secagg::fleet_authority().public_key()};
};

Message bulletin(secagg::BulletinDraft draft) {
  return secagg::signed_bulletin(secagg::fleet_authority(), std::move(draft));
}

TEST(BulletinKeeper, RemembersOverARestartWhoIsRevoked) {
  NorFlash flash(kGeometry);
  {
    Board board(flash);
    ASSERT_TRUE(board.keeper.load());
    EXPECT_EQ(board.keeper.trust().edition, 0u);
    EXPECT_FALSE(board.keeper.trust().is_revoked(digest_of(1)));
    ASSERT_EQ(board.take(bulletin({.edition = 2, .revoked = {digest_of(1), digest_of(2), digest_of(3)}})),
              Result::kTaken);
    EXPECT_TRUE(board.keeper.trust().is_revoked(digest_of(2)));
  }
  Board board(flash);
  ASSERT_TRUE(board.keeper.load());
  EXPECT_EQ(board.keeper.trust().edition, 2u);
  for (std::uint8_t i = 1; i <= 3; ++i) EXPECT_TRUE(board.keeper.trust().is_revoked(digest_of(i)));
  for (std::uint8_t i = 4; i < 60; ++i) EXPECT_FALSE(board.keeper.trust().is_revoked(digest_of(i)));
}

TEST(BulletinKeeper, TakesNoneThatIsOlderOrForeignOrChanged) {
  NorFlash flash(kGeometry);
  Board board(flash);
  const Message newest = bulletin({.edition = 3, .revoked = {digest_of(1)}});
  ASSERT_EQ(board.take(newest), Result::kTaken);
  const std::uint64_t operations = flash.operations();
  EXPECT_EQ(board.take(newest), Result::kKnown);
  EXPECT_EQ(board.take(bulletin({.edition = 2})), Result::kRefused);
  EXPECT_EQ(board.take(bulletin({.edition = 3})), Result::kRefused);
  secagg::KeySigner stranger(secagg::numbered_key(9));
  EXPECT_EQ(board.take(secagg::signed_bulletin(stranger, {.edition = 9})), Result::kRefused);
  Message changed = bulletin({.edition = 4});
  for (std::size_t i = 0; i < changed.size(); ++i) {
    changed[i] ^= 1;
    EXPECT_EQ(board.take(changed), Result::kRefused) << i;
    changed[i] ^= 1;
  }
  EXPECT_EQ(board.take({}), Result::kRefused);
  EXPECT_EQ(flash.operations(), operations) << "whoever lies wears no flash";
  EXPECT_EQ(board.keeper.trust().edition, 3u);
}

TEST(BulletinKeeper, WritesNothingThatIsAnotherTheSecondTime) {
  NorFlash flash(kGeometry);
  Board board(flash);
  ASSERT_EQ(board.take(bulletin({.edition = 1, .revoked = {digest_of(1)}})), Result::kTaken);
  InMemory other(bulletin({.edition = 2, .revoked = {digest_of(2)}}));
  other.second = bulletin({.edition = 2, .revoked = {digest_of(3)}});
  EXPECT_EQ(board.keeper.take(other), Result::kFailed);
  InMemory cut(bulletin({.edition = 2, .revoked = {digest_of(2)}}));
  cut.cut_at = 70;
  EXPECT_EQ(board.keeper.take(cut), Result::kFailed);
  Board restarted(flash);
  ASSERT_TRUE(restarted.keeper.load());
  EXPECT_EQ(restarted.keeper.trust().edition, 1u);
  EXPECT_TRUE(restarted.keeper.trust().is_revoked(digest_of(1)));
  EXPECT_EQ(restarted.take(bulletin({.edition = 2, .revoked = {digest_of(2)}})), Result::kTaken);
}

TEST(BulletinKeeper, APowerCutLeavesTheOldOneOrTheNewOne) {
  const Message old = bulletin({.edition = 1, .revoked = {digest_of(1)}});
  const Message newer = bulletin({.edition = 2, .revoked = {digest_of(2), digest_of(3)}});
  bool ended = false;
  for (std::uint64_t operation = 0; !ended && operation < 100; ++operation) {
    for (const Cut cut : {Cut::kBefore, Cut::kTorn, Cut::kAfter}) {
      NorFlash flash(kGeometry);
      Board board(flash);
      ASSERT_EQ(board.take(old), Result::kTaken);
      flash.cut_at(operation, cut);
      const Result taken = board.take(newer);
      ended = taken == Result::kTaken;
      flash.power_on();
      Board restarted(flash);
      ASSERT_TRUE(restarted.keeper.load());
      const std::uint32_t edition = restarted.keeper.trust().edition;
      EXPECT_TRUE(edition == 2 || (edition == 1 && !ended)) << operation;
      EXPECT_EQ(restarted.keeper.trust().is_revoked(digest_of(3)), edition == 2);
      EXPECT_EQ(restarted.keeper.trust().is_revoked(digest_of(1)), edition == 1);
    }
  }
  EXPECT_TRUE(ended);
}

TEST(BulletinKeeper, OneThatDoesNotFitLeavesTheOneBefore) {
  NorFlash flash(kGeometry);
  Board board(flash);
  ASSERT_EQ(board.take(bulletin({.edition = 1, .revoked = {digest_of(1)}})), Result::kTaken);
  secagg::BulletinDraft large{.edition = 2};
  for (std::uint8_t i = 0; i < 80; ++i) large.revoked.push_back(digest_of(i));
  EXPECT_EQ(board.take(bulletin(large)), Result::kNoRoom);
  EXPECT_EQ(board.keeper.trust().edition, 1u);
  EXPECT_TRUE(board.keeper.trust().is_revoked(digest_of(1)));
}

TEST(BulletinKeeper, WhoIsMadeAnewForAnotherAuthorityForgetsTheOldOne) {
  NorFlash flash(kGeometry);
  Board board(flash);
  ASSERT_EQ(board.take(bulletin({.edition = 7, .revoked = {digest_of(1)}})), Result::kTaken);
  secagg::KeySigner other(secagg::numbered_key(9));
  BulletinKeeper anew(board.journal, kNumber, other.public_key());
  ASSERT_TRUE(anew.load());
  EXPECT_EQ(anew.trust().edition, 0u);
  EXPECT_EQ(anew.trust().authority, other.public_key());
}

TEST(BulletinKeeper, AMemoryThatFailsLeavesNobodyToBeBelieved) {
  NorFlash flash(kGeometry);
  Board board(flash);
  ASSERT_EQ(board.take(bulletin({.edition = 1, .revoked = {digest_of(1)}})), Result::kTaken);
  flash.cut_at(0, Cut::kBefore);
  static_cast<void>(board.journal.put(0, Message(8, 1)));  // the power goes
  EXPECT_TRUE(board.keeper.trust().is_revoked(digest_of(9))) << "the list cannot be read";
  BulletinKeeper again(board.journal, kNumber, secagg::fleet_authority().public_key());
  EXPECT_FALSE(again.load());
}

}  // namespace
}  // namespace sotto::board
