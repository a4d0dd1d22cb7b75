#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::crypto {
namespace {

std::vector<std::uint8_t> stream_bytes(Keystream& stream, std::size_t count) {
  std::vector<std::uint8_t> bytes(count, 0x77);
  stream.read(bytes);
  return bytes;
}

TEST(KeystreamChaCha20, GivesTheRfc8439Blocks) {
  Keystream stream(Prg::kChaCha20);
  stream.rekey(SecretBytes<32>());  // appendix A.1, vectors 1 and 2
  EXPECT_EQ(to_hex(stream_bytes(stream, 64)),
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
  EXPECT_EQ(to_hex(stream_bytes(stream, 64)),
            "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
            "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
}

TEST(KeystreamAes128Ctr, GivesThePublishedZeroPlaintextBlock) {
  Keystream stream(Prg::kAes128Ctr);
  // CTR from the zero block starts with the encryption of the zero block: NIST AESAVS, KeySbox 128, count 0.
  // The last 16 bytes of the key are not used.
  stream.rekey(unhex_secret<32>("10a58869d74be5a374cf867cfb473859ffffffffffffffffffffffffffffffff"));
  EXPECT_EQ(to_hex(stream_bytes(stream, 16)), "6d251e6944b051e04eaa6fb4dbf78465");
}

struct FarBlock {
  Prg prg;
  const char* block;  // bytes 4096 .. 4159 of the stream of the key 00 01 .. 1f
};

class KeystreamOf : public testing::TestWithParam<FarBlock> {
 protected:
  SecretBytes<32> key_ = secret(counting<32>(0));
  Keystream stream_{GetParam().prg};
};

TEST_P(KeystreamOf, ReadsFarBlocksByReadingOrSeeking) {
  stream_.rekey(key_);
  stream_bytes(stream_, 4096);
  EXPECT_EQ(to_hex(stream_bytes(stream_, 64)), GetParam().block);
  stream_.seek(4096);
  EXPECT_EQ(to_hex(stream_bytes(stream_, 64)), GetParam().block);
}

TEST_P(KeystreamOf, SizesOfReadsDoNotMatter) {
  stream_.rekey(key_);
  const std::vector<std::uint8_t> whole = stream_bytes(stream_, 50'000);
  stream_.rekey(key_);
  std::vector<std::uint8_t> pieces;
  for (std::size_t size = 0; pieces.size() < whole.size(); size = size * 3 + 1) {
    const auto piece = stream_bytes(stream_, std::min(size, whole.size() - pieces.size()));
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pieces, whole);
}

TEST_P(KeystreamOf, SeekingLandsWhereReadingWould) {
  stream_.rekey(key_);
  const std::vector<std::uint8_t> whole = stream_bytes(stream_, 40'000);
  for (const std::size_t offset :
       {std::size_t{64}, std::size_t{16'384}, std::size_t{39'936}, std::size_t{0}}) {
    stream_.seek(offset);
    const std::vector<std::uint8_t> part = stream_bytes(stream_, 37);  // leaves the stream inside a block
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + offset)) << offset;
  }
}

TEST_P(KeystreamOf, RekeyingAtAnOffsetLandsWhereSeekingWould) {
  for (const std::uint64_t offset : {0u, 64u, 4096u, 131'072u}) {
    stream_.rekey(key_);
    stream_.seek(offset);
    const auto sought = stream_bytes(stream_, 200);
    stream_.rekey(secret(counting<32>(9)));
    stream_.rekey(key_, offset);
    EXPECT_EQ(stream_bytes(stream_, 200), sought) << offset;
  }
  EXPECT_DEATH(stream_.rekey(key_, 63), "internal error");
}

TEST_P(KeystreamOf, FarApartBlocksDiffer) {
  stream_.rekey(key_);
  std::vector<std::vector<std::uint8_t>> blocks;
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{1} << 14, std::uint64_t{1} << 22,
                                     std::uint64_t{1} << 32, (std::uint64_t{1} << 38) - 64}) {
    stream_.seek(offset);
    blocks.push_back(stream_bytes(stream_, 64));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(blocks[i], blocks[j]) << i << " " << j;
  }
}

TEST_P(KeystreamOf, RekeyingInsideABlockStartsAfresh) {
  stream_.rekey(key_);
  const std::vector<std::uint8_t> first = stream_bytes(stream_, 100);
  stream_.rekey(secret(counting<32>(9)));
  EXPECT_NE(stream_bytes(stream_, 100), first);
  stream_.rekey(key_);
  EXPECT_EQ(stream_bytes(stream_, 100), first);
}

TEST_P(KeystreamOf, MisuseStopsTheProgram) {
  std::array<std::uint8_t, 4> bytes;
  EXPECT_DEATH(stream_.read(bytes), "internal error");  // no key yet
  stream_.rekey(key_);
  EXPECT_DEATH(stream_.seek(63), "internal error");
  EXPECT_DEATH(stream_.seek(std::uint64_t{1} << 38), "internal error");
}

INSTANTIATE_TEST_SUITE_P(
    BothPrgs, KeystreamOf,
    testing::Values(FarBlock{Prg::kChaCha20,
                             "8ec398dbc360e8c70a68076eae6a3e27884a1f05d04af099998ecacf673c3777"
                             "68d8be7f4f16f0bb781b7ac70da0a9a632a37176d8578b9f7cb655eec6da9c64"},
                    FarBlock{Prg::kAes128Ctr,
                             "1337d5314ce3de09efb09d44a44830f5173f9bb248922e0f0b1ef4a1bf3efa72"
                             "f662388a8a33596227d688d904beac4cbf6e5c02e395b3101aa73fbc94ef486d"}),
    [](const testing::TestParamInfo<FarBlock>& param_info) {
      return param_info.param.prg == Prg::kChaCha20 ? "ChaCha20" : "Aes128Ctr";
    });

}  // namespace
}  // namespace sotto::crypto
