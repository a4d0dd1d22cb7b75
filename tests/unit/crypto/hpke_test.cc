#include "sotto/crypto/hpke.h"

#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

// RFC 9180 appendix A.2.1, base setup information and the encryption with sequence number 0.
constexpr char kIkmE[] = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
constexpr char kSkRm[] = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
constexpr char kPkRm[] = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
constexpr char kInfo[] = "4f6465206f6e2061204772656369616e2055726e";
constexpr char kAad[] = "436f756e742d30";
constexpr std::string_view kPlaintext = "Beauty is truth, truth beauty";
constexpr char kSealed[] =
    "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
    "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";

class OneDraw final : public Random {
 public:
  explicit OneDraw(std::vector<std::uint8_t> draw) : draw_(std::move(draw)) {}
  void fill(MutableBytes out) override {
    ASSERT_EQ(out.size(), draw_.size());
    std::copy(draw_.begin(), draw_.end(), out.begin());
  }

 private:
  std::vector<std::uint8_t> draw_;
};

class Hpke : public testing::Test {
 protected:
  X25519PrivateKey recipient_{unhex_secret<32>(kSkRm)};
  std::vector<std::uint8_t> info_ = unhex(kInfo);
  std::vector<std::uint8_t> associated_data_ = unhex(kAad);
  std::vector<std::uint8_t> sealed_ = unhex(kSealed);
  std::vector<std::uint8_t> opened_ = std::vector<std::uint8_t>(kPlaintext.size(), 0x55);

  [[nodiscard]] HpkeInput input() const { return {.info = info_, .associated_data = associated_data_}; }
  void expect_refused_and_wiped() {
    EXPECT_FALSE(hpke_open(recipient_, input(), sealed_, opened_));
    EXPECT_EQ(opened_, std::vector<std::uint8_t>(kPlaintext.size(), 0));
  }
};

TEST_F(Hpke, SealsAsInRfc9180) {
  OneDraw random(unhex(kIkmE));
  std::vector<std::uint8_t> sealed(kPlaintext.size() + kHpkeOverheadBytes);
  ASSERT_TRUE(hpke_seal(unhex_array<32>(kPkRm), input(), text_bytes(kPlaintext), random, sealed));
  EXPECT_EQ(to_hex(sealed), kSealed);
}

TEST_F(Hpke, OpensWhatRfc9180Sealed) {
  EXPECT_EQ(to_hex(recipient_.public_key()), kPkRm);
  ASSERT_TRUE(hpke_open(recipient_, input(), sealed_, opened_));
  EXPECT_TRUE(std::equal(opened_.begin(), opened_.end(), text_bytes(kPlaintext).begin()));
}

TEST_F(Hpke, RefusesAnyChangedByte) {
  for (std::size_t i = 0; i < sealed_.size(); ++i) {
    sealed_[i] ^= 1;
    expect_refused_and_wiped();
    sealed_[i] ^= 1;
  }
}

TEST_F(Hpke, RefusesOtherInfo) {
  info_.back() ^= 1;
  expect_refused_and_wiped();
}

TEST_F(Hpke, RefusesOtherAssociatedData) {
  associated_data_.clear();
  expect_refused_and_wiped();
}

TEST_F(Hpke, RefusesAnotherRecipient) {
  recipient_ = X25519PrivateKey(secret(counting<32>(7)));
  expect_refused_and_wiped();
}

TEST_F(Hpke, RefusesKeysOfSmallOrder) {
  std::fill(sealed_.begin(), sealed_.begin() + kX25519Bytes, std::uint8_t{0});
  expect_refused_and_wiped();
  SeededRandom random(3);
  EXPECT_FALSE(hpke_seal(X25519PublicKey{}, input(), text_bytes(kPlaintext), random, sealed_));
  EXPECT_EQ(sealed_, std::vector<std::uint8_t>(sealed_.size(), 0));
}

TEST_F(Hpke, SealsTheSameDifferentlyEachTime) {
  SeededRandom random(4);
  std::vector<std::uint8_t> again(sealed_.size());
  ASSERT_TRUE(hpke_seal(recipient_.public_key(), input(), text_bytes(kPlaintext), random, sealed_));
  ASSERT_TRUE(hpke_seal(recipient_.public_key(), input(), text_bytes(kPlaintext), random, again));
  EXPECT_NE(sealed_, again);
  EXPECT_TRUE(hpke_open(recipient_, input(), again, opened_));
}

TEST_F(Hpke, AnOutputOfTheWrongSizeIsABug) {
  SeededRandom random(5);
  EXPECT_DEATH((void)hpke_open(recipient_, input(), sealed_, sealed_), "internal error");
  EXPECT_DEATH((void)hpke_seal(recipient_.public_key(), input(), sealed_, random, sealed_), "internal error");
}

}  // namespace
}  // namespace sotto::crypto
