#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

std::string hkdf(std::string_view input_key, std::string_view salt, std::string_view info,
                 std::size_t count) {
  const auto key_bytes = unhex(input_key);
  const auto salt_bytes = unhex(salt);
  const auto info_bytes = unhex(info);
  std::vector<std::uint8_t> out(count);
  hkdf_sha256({.input_key = key_bytes, .salt = salt_bytes, .info = info_bytes}, out);
  return to_hex(out);
}

TEST(Sha256, GivesTheFips180Examples) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256({text_bytes("abc")})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256({text_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")})),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, DigestsAMillionBytesGivenInPieces) {
  Sha256 hash;
  const std::string piece(997, 'a');
  std::size_t left = 1'000'000;
  while (left > 0) {
    const std::size_t count = std::min(left, piece.size());
    hash.update(text_bytes(std::string_view(piece).substr(0, count)));
    left -= count;
  }
  EXPECT_EQ(to_hex(hash.finish()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PartsAreConcatenated) {
  EXPECT_EQ(sha256({text_bytes("a"), Bytes{}, text_bytes("bc")}), sha256({text_bytes("abc")}));
}

TEST(HkdfSha256, GivesTheRfc5869Examples) {
  EXPECT_EQ(hkdf("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
                 "f0f1f2f3f4f5f6f7f8f9", 42),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(hkdf(to_hex(counting<80>(0)), to_hex(counting<80>(0x60)), to_hex(counting<80>(0xb0)), 82),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09"
            "b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(hkdf("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "", 42),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(HkdfSha256, ItsHalvesGiveTheRfc5869Example) {
  const auto input_key = unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  HkdfKey key;
  hkdf_extract(unhex("000102030405060708090a0b0c"), {Bytes(input_key).first(5), Bytes(input_key).subspan(5)},
               key);
  EXPECT_EQ(to_hex(key.reveal()), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  std::vector<std::uint8_t> out(42);
  hkdf_expand(key, unhex("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(HkdfSha256, WithoutASaltExtractsByOneOfZeros) {
  const auto input_key = counting<22>(0);
  HkdfKey without;
  HkdfKey zeros;
  hkdf_extract({}, {input_key}, without);
  hkdf_extract(std::vector<std::uint8_t>(32), {input_key}, zeros);
  EXPECT_EQ(to_hex(without.reveal()), to_hex(zeros.reveal()));
}

TEST(HkdfSha256, ExpandsToNothingOnlyByMistake) {
  const HkdfKey key;
  EXPECT_DEATH(hkdf_expand(key, {}, {}), "internal error");
}

TEST(HkdfSha256, RefusesToDeriveNothing) {
  const auto key = counting<16>(0);
  EXPECT_DEATH(hkdf_sha256({.input_key = key, .salt = {}, .info = {}}, {}), "internal error");
}

TEST(Hkdf, OneSaltServesManyKeysInAnyOrder) {
  const Digest salt = sha256({text_bytes("salt")});
  const Hkdf hkdf_under_salt(salt);
  for (const unsigned number : {1u, 2u, 1u, 3u}) {
    const auto key = counting<32>(number);
    for (const std::size_t length : {1u, 32u, 33u, 100u}) {
      std::vector<std::uint8_t> fresh(length);
      hkdf_sha256({.input_key = key, .salt = salt, .info = text_bytes("info")}, fresh);
      std::vector<std::uint8_t> reused(length);
      hkdf_under_salt.derive(key, text_bytes("info"), reused);
      EXPECT_EQ(reused, fresh) << number << ", " << length << " bytes";
    }
  }
}

TEST(Hkdf, RefusesMoreThan255BlocksAndAnEmptyKey) {
  const Hkdf hkdf_under_salt{Digest{}};
  std::vector<std::uint8_t> out(255 * 32);
  hkdf_under_salt.derive(counting<16>(0), {}, out);
  out.push_back(0);
  EXPECT_DEATH(hkdf_under_salt.derive(counting<16>(0), {}, out), "internal error");
  EXPECT_DEATH(hkdf_under_salt.derive({}, {}, MutableBytes(out).first(32)), "internal error");
}

TEST(ConstantTimeEqual, ComparesContentAndLength) {
  EXPECT_TRUE(constant_time_equal({}, {}));
  EXPECT_TRUE(constant_time_equal(text_bytes("abc"), text_bytes("abc")));
  EXPECT_FALSE(constant_time_equal(text_bytes("abc"), text_bytes("abd")));
  EXPECT_FALSE(constant_time_equal(text_bytes("abc"), text_bytes("abcd")));
}

TEST(Wipe, OverwritesWithZeros) {
  auto bytes = counting<33>(1);
  wipe(bytes);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 33>{}));
}

}  // namespace
}  // namespace sotto::crypto
