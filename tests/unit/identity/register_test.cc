#include "sotto/identity/register.h"

#include <gtest/gtest.h>

#include "sotto/base/hex.h"
#include "support/fresh_key.h"

namespace sotto::identity {
namespace {

using secagg::Role;

Register some_register() {
  secagg::KeySigner before(crypto::fresh_key());
  secagg::KeySigner after(crypto::fresh_key());
  Register contents{.changes = 12, .epoch = 3, .edition = 7, .endorsements_from = 2};
  contents.rotations.push_back(secagg::rotate(before, after, 3));
  contents.entries = {{.role = Role::kDevice,
                       .name = "kitchen 7 (left)",
                       .public_key = crypto::fresh_key().public_key(),
                       .issued_at = 100,
                       .expires_at = secagg::kEndless,
                       .epoch = 2},
                      {.role = Role::kCoordinator,
                       .name = "coordinator",
                       .public_key = crypto::fresh_key().public_key(),
                       .issued_at = 5,
                       .expires_at = 6,
                       .epoch = 3,
                       .revoked_at = 1'700'000'000}};
  return contents;
}

TEST(Register, IsReadAsItWasWritten) {
  const Register contents = some_register();
  const auto decoded = decode_register(encode_register(contents));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, contents);
  EXPECT_EQ(decode_register(encode_register({})).value(), Register());
}

TEST(Register, NamesTheLineThatIsNone) {
  const std::string whole = encode_register(some_register());
  const std::string good = whole.substr(0, whole.rfind("sha256 "));
  const auto refused = [](const std::string& lines) {
    const auto decoded =
        decode_register(lines + "sha256 " + to_hex(crypto::sha256({text_bytes(lines)})) + "\n");
    return decoded ? std::string() : decoded.error().message();
  };
  ASSERT_EQ(refused(good), "");
  EXPECT_EQ(decode_register("sotto authority register 3\n").error().message(),
            "line 1 is none of a register");
  EXPECT_EQ(refused(good + "flavour 3\n"), "line 9 is none of a register");
  EXPECT_EQ(refused(good + "epoch 3"), "line 9 is none of a register") << "cut off";
  EXPECT_EQ(refused(good + "epoch -1\n"), "line 9 is none of a register");
  EXPECT_EQ(refused(good + "epoch 4294967296\n"), "line 9 is none of a register");
  EXPECT_EQ(refused(good + "epoch 1 2\n"), "line 9 is none of a register");
  EXPECT_EQ(refused(good + "device 00 1 2 3 0 name\n"), "line 9 is none of a register");
  const std::string last = good.substr(good.rfind("coordinator "));
  EXPECT_EQ(refused(good + last.substr(0, last.find("coordinator\n")) + "\n"), "line 9 is none of a register")
      << "no name";
  EXPECT_EQ(refused(good + "rotation 00\n"), "line 9 is none of a register");
  std::string rotations = good;
  const std::string rotation = good.substr(good.find("rotation "), 9 + 2 * secagg::kRotationBytes + 1);
  for (std::size_t i = 1; i < limits::kRotationsMax; ++i) rotations += rotation;
  EXPECT_EQ(refused(rotations), "");
  EXPECT_NE(refused(rotations + rotation), "");
}

// A digit of a key, a date that was moved, a line that is lost: no line says so by itself.
TEST(Register, IsRefusedWhenAnyByteOfItHasChanged) {
  const std::string good = encode_register(some_register());
  for (std::size_t offset = 0; offset < good.size(); ++offset) {
    std::string changed = good;
    changed[offset] = static_cast<char>(changed[offset] ^ 1);
    EXPECT_FALSE(decode_register(changed).has_value()) << offset;
  }
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(decode_register(good.substr(0, size)).has_value()) << size;
  }
}

TEST(Register, ReadsWhatVersion1Wrote) {
  const auto decoded =
      decode_register("sotto authority register 1\nepoch 3\nedition 7\nendorsements-from 2\n");
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, (Register{.epoch = 3, .edition = 7, .endorsements_from = 2}));
}

TEST(Register, FindsWhoIsNotRevokedByNameAndRole) {
  Register contents = some_register();
  ASSERT_NE(contents.find(Role::kDevice, "kitchen 7 (left)"), nullptr);
  EXPECT_EQ(contents.find(Role::kCoordinator, "kitchen 7 (left)"), nullptr);
  EXPECT_EQ(contents.find(Role::kCoordinator, "coordinator"), nullptr) << "it was revoked";
}

TEST(Register, ItsBulletinSaysWhatIsRevoked) {
  Register contents = some_register();
  contents.rotations.clear();
  secagg::KeySigner authority(crypto::fresh_key());
  const std::vector<std::uint8_t> bulletin = contents.bulletin(authority);
  secagg::Trust trust(authority.public_key());
  ASSERT_EQ(secagg::take_bulletin(bulletin, trust), secagg::BulletinVerdict::kTaken);
  EXPECT_EQ(trust.edition, 7u);
  EXPECT_EQ(trust.endorsements_from, 2u);
  EXPECT_FALSE(trust.is_revoked(contents.entries[0].identity()));
  EXPECT_TRUE(trust.is_revoked(contents.entries[1].identity()));
}

}  // namespace
}  // namespace sotto::identity
