#include <gtest/gtest.h>

#include "sotto/crypto/stream_seed.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

TEST(SeededRandom, IsTheChaCha20StreamOfTheHashedSeed) {
  SeededRandom random(text_bytes("abc"));
  Keystream stream(Prg::kChaCha20);
  stream.rekey(secret(sha256({text_bytes("abc")})));
  std::array<std::uint8_t, 100> drawn;
  std::array<std::uint8_t, 100> expected;
  random.fill(drawn);
  stream.read(expected);
  EXPECT_EQ(drawn, expected);
}

TEST(SeededRandom, ReplaysFromItsSeed) {
  SeededRandom first(std::uint64_t{7});
  SeededRandom again(std::uint64_t{7});
  SeededRandom other(std::uint64_t{8});
  const std::uint64_t draw = first.u64();
  EXPECT_EQ(again.u64(), draw);
  EXPECT_NE(other.u64(), draw);
  EXPECT_NE(first.u64(), draw);
}

TEST(SeededRandom, NumberSeedsAreTheirLittleEndianBytes) {
  SeededRandom number(std::uint64_t{0x0102});
  SeededRandom bytes(unhex("0201000000000000"));
  EXPECT_EQ(number.u64(), bytes.u64());
}

TEST(StreamSeed, NamesPurposeSeedAttemptAndDevice) {
  const auto text = [](const StreamName& name) {
    const StreamSeed seed(name);
    return std::string(seed.bytes().begin(), seed.bytes().end());
  };
  EXPECT_EQ(text({.purpose = "training", .seed = 7, .attempt = 10, .device = 0}),
            "sotto simulation/training/7/10/0");
  const std::string longest(32, 'p');
  EXPECT_EQ(
      text({.purpose = longest, .seed = UINT64_MAX, .attempt = UINT64_MAX, .device = UINT64_MAX}).size(),
      17u + 32 + 3 * 21);
  const std::string longer(33, 'p');
  EXPECT_DEATH(
      StreamSeed({.purpose = longer, .seed = UINT64_MAX, .attempt = UINT64_MAX, .device = UINT64_MAX}),
      "does not hold");
}

TEST(SystemRandom, FillsEveryByteOfLargeRequests) {
  SystemRandom random;
  std::vector<std::uint8_t> bytes((std::size_t{1} << 20) + 4096, 0);
  random.fill(bytes);
  // 4096 zero bytes in a row do not happen by chance; both ends were written.
  EXPECT_TRUE(std::any_of(bytes.begin(), bytes.begin() + 64, [](std::uint8_t byte) { return byte != 0; }));
  EXPECT_TRUE(std::any_of(bytes.end() - 64, bytes.end(), [](std::uint8_t byte) { return byte != 0; }));
  EXPECT_NE(random.u64(), random.u64());
  random.fill({});
}

}  // namespace
}  // namespace sotto::crypto
