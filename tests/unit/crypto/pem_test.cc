#include "sotto/crypto/pem.h"

#include <gtest/gtest.h>

#include "support/freed_memory.h"
#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

// RFC 6979 appendix A.2.5, as `openssl pkey` writes that key: private as SEC 1 and PKCS #8, public.
constexpr char kScalar[] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
constexpr char kPoint[] =
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
constexpr char kSec1[] =
    "30770201010420c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a00a06082a8648ce3d030107"
    "a144034200"
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
constexpr char kSubjectPublicKey[] =
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

Es256PrivateKey rfc_key() { return *Es256PrivateKey::from_scalar(unhex_secret<32>(kScalar)); }

TEST(Pem, BlocksComeBackInOrderAndTextBetweenThemIsIgnored) {
  const std::string text = "a note\n" + pem_encode("FIRST", text_bytes("one")) + "more\n" +
                           pem_encode("SECOND", text_bytes("two")) + pem_encode("THIRD", text_bytes("three"));
  const auto blocks = pem_decode(text);
  ASSERT_TRUE(blocks.has_value()) << blocks.error().message();
  ASSERT_EQ(blocks->size(), 3u);
  EXPECT_EQ((*blocks)[0].label, "FIRST");
  EXPECT_EQ((*blocks)[0].content.reveal_text(), "one");
  EXPECT_EQ((*blocks)[1].content.reveal_text(), "two");
  EXPECT_EQ((*blocks)[2].label, "THIRD");
}

TEST(Pem, TextWithoutBlocksHasNone) {
  for (const std::string_view text :
       {std::string_view(), std::string_view(""), std::string_view("nothing here\n"),
        std::string_view("-----END FIRST-----\n")}) {
    const auto blocks = pem_decode(text);
    ASSERT_TRUE(blocks.has_value()) << text;
    EXPECT_TRUE(blocks->empty());
  }
}

TEST(Pem, RefusesABlockThatIsCutShortAtAnyByte) {
  const std::string text = pem_encode("FIRST", text_bytes("a content of some length, so that it has lines"));
  const std::size_t begun = std::string("-----BEGIN FIRST-----\n").size();
  const std::size_t ended = text.size() - std::string("-----\n").size();
  for (std::size_t size = begun; size < ended; ++size) {
    EXPECT_FALSE(pem_decode(text.substr(0, size)).has_value()) << text.substr(0, size);
  }
}

TEST(Pem, RefusesDamagedAndEncryptedBlocks) {
  std::string text = pem_encode("FIRST", text_bytes("content"));
  text[text.find('\n') + 2] = '!';
  EXPECT_FALSE(pem_decode(text).has_value());
  const auto encrypted = pem_decode(
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
      "-----END EC PRIVATE KEY-----\n");
  ASSERT_FALSE(encrypted.has_value());
  EXPECT_NE(encrypted.error().message().find("encrypted"), std::string::npos);
}

TEST(Pem, SaysWhichBlockIsDamaged) {
  const std::string sound = pem_encode("FIRST", text_bytes("content"));
  std::string damaged = sound;
  damaged[damaged.find('\n') + 2] = '!';
  EXPECT_EQ(pem_decode(damaged + sound).status().message(), "PEM block 1 is cut short or damaged");
  EXPECT_EQ(pem_decode(sound + sound + damaged).status().message(), "PEM block 3 is cut short or damaged");
}

TEST(PemKeys, ReadsTheFormsOtherProgramsWrite) {
  const auto from_sec1 = private_key_from_der(unhex(kSec1));
  ASSERT_TRUE(from_sec1.has_value());
  EXPECT_EQ(from_sec1->public_key(), unhex_array<65>(kPoint));
  const auto from_public = public_key_from_der(unhex(kSubjectPublicKey));
  ASSERT_TRUE(from_public.has_value());
  EXPECT_EQ(*from_public, unhex_array<65>(kPoint));
}

TEST(PemKeys, AKeyComesBackAsItself) {
  for (const bool fresh : {false, true}) {
    const Es256PrivateKey key = fresh ? fresh_key() : rfc_key();
    SecretBuffer text = private_key_to_pem(key);
    text.append(public_key_to_pem(key.public_key()));
    const auto blocks = pem_decode(text.reveal_text());
    ASSERT_TRUE(blocks.has_value());
    ASSERT_EQ(blocks->size(), 2u);
    EXPECT_EQ((*blocks)[0].label, kPrivateKeyLabel);
    EXPECT_EQ((*blocks)[1].label, kPublicKeyLabel);
    const auto read = private_key_from_der((*blocks)[0].content.reveal());
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(es256_verify(key.public_key(), text_bytes("message"), read->sign(text_bytes("message"))));
    EXPECT_EQ(public_key_from_der((*blocks)[1].content.reveal()), key.public_key());
  }
}

void write_and_read(const Es256PrivateKey& key) {
  const auto blocks = pem_decode(private_key_to_pem(key).reveal_text());
  ASSERT_TRUE(blocks.has_value());
  EXPECT_TRUE(private_key_from_der(blocks->front().content.reveal()).has_value());
}

TEST(PemKeys, LeaveNothingInMemoryThatIsFreed) {
  const Es256PrivateKey key = rfc_key();
  const std::vector<std::uint8_t> scalar = unhex(kScalar);
  const FreedMemory freed(scalar);
  write_and_read(key);
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
}

TEST(PemKeys, LeaveNoTextInMemoryThatIsFreed) {
  const Es256PrivateKey key = rfc_key();
  const SecretBuffer text = private_key_to_pem(key);
  const std::size_t base64 = text.reveal_text().find('\n') + 1;
  // The scalar is bytes 36 to 67 of PKCS #8: letters 48 to 91, without the end of the first line.
  const FreedMemory freed(text.reveal().subspan(base64 + 48, 16));
  write_and_read(key);
  EXPECT_EQ(freed.blocks_with_secrets(), 0u);
}

TEST(PemKeys, WritesThePublicKeyByteForByte) {
  const auto blocks = pem_decode(public_key_to_pem(unhex_array<65>(kPoint)));
  ASSERT_TRUE(blocks.has_value());
  EXPECT_TRUE(blocks->front().content == SecretBuffer(unhex(kSubjectPublicKey)));
}

TEST(PemKeys, RefusesOtherKeysAndOtherBytes) {
  EXPECT_FALSE(private_key_from_der({}).has_value());
  EXPECT_FALSE(public_key_from_der({}).has_value());
  EXPECT_FALSE(private_key_from_der(unhex(kSubjectPublicKey)).has_value());
  EXPECT_FALSE(public_key_from_der(unhex(kSec1)).has_value());
  auto longer = unhex(kSec1);
  longer.push_back(0);
  EXPECT_FALSE(private_key_from_der(longer).has_value());
  auto off_curve = unhex(kSubjectPublicKey);
  off_curve.back() ^= 1;
  EXPECT_FALSE(public_key_from_der(off_curve).has_value());
  // An X25519 public key (RFC 8410 section 10.2's form).
  const auto x25519 = unhex("302a300506032b656e032100" + std::string(64, '1'));
  EXPECT_FALSE(public_key_from_der(x25519).has_value());
}

// A point of the curve, but not that of the scalar: whoever used the two would sign what nobody verifies.
TEST(PemKeys, RefusesAPrivateKeyWithAnotherKeysPublicHalf) {
  const auto blocks = pem_decode(private_key_to_pem(rfc_key()).reveal_text());
  ASSERT_TRUE(blocks.has_value());
  const Bytes sound = blocks->front().content.reveal();
  std::vector<std::uint8_t> content(sound.begin(), sound.end());
  const Es256PublicKey own = rfc_key().public_key();
  const auto found = std::ranges::search(content, own);
  ASSERT_FALSE(found.empty());
  SystemRandom random;
  const Es256PublicKey other = Es256PrivateKey::generate(random).public_key();
  std::ranges::copy(other, found.begin());
  EXPECT_FALSE(private_key_from_der(content).has_value());
}

// SEC 1 section 2.3.3: of an odd y, a compressed point begins with 3 and a hybrid one with 7.
TEST(PemKeys, RefusesPointsInOtherForms) {
  const std::string point(kPoint);
  const auto compressed = "3039301306072a8648ce3d020106082a8648ce3d03010703220003" + point.substr(2, 64);
  EXPECT_EQ(public_key_from_der(unhex(compressed)), std::nullopt);
  std::string hybrid(kSubjectPublicKey);
  hybrid.replace(hybrid.size() - point.size(), 2, "07");
  EXPECT_EQ(public_key_from_der(unhex(hybrid)), std::nullopt);
}

TEST(PemKeys, RefusesKeysOfOtherCurves) {  // P-384's generator, and the scalar 1 that belongs to it
  const std::string generator =
      "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
      "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";
  EXPECT_EQ(public_key_from_der(unhex("3076301006072a8648ce3d020106052b81040022036200" + generator)),
            std::nullopt);
  const std::string one = std::string(94, '0') + "01";
  EXPECT_FALSE(private_key_from_der(unhex("303e0201010430" + one + "a00706052b81040022")).has_value());
}

}  // namespace
}  // namespace sotto::crypto
