#include "sotto/crypto/backend_object.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "sotto/crypto/fingerprinter.h"
#include "sotto/crypto/primitives.h"
#include "test_bytes.h"

namespace sotto::crypto {
namespace {

struct Counted {
  int& alive;
  std::uint64_t value;
  Counted(int& count, std::uint64_t given) : alive(count), value(given) { ++alive; }
  ~Counted() { --alive; }
};

TEST(BackendObject, HoldsTheObjectInsideItself) {
  int alive = 0;
  BackendObject<sizeof(Counted)> memory;
  static_assert(sizeof memory == sizeof(Counted));
  Counted& made = memory.create<Counted>(alive, std::uint64_t{7});
  EXPECT_EQ(static_cast<void*>(&made), static_cast<void*>(&memory));
  EXPECT_EQ(&memory.get<Counted>(), &made);
  EXPECT_EQ(std::as_const(memory).get<Counted>().value, 7u);
  EXPECT_EQ(alive, 1);
  memory.destroy<Counted>();
  EXPECT_EQ(alive, 0);
}

TEST(BackendObject, IsAlignedForEightByteWords) {
  struct {
    char before;
    BackendObject<8> memory;
  } holder{};
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&holder.memory) % alignof(std::uint64_t), 0u);
}

// The keys in what a backend keeps on the heap would stay there with it.
class BackendObjectsOf : public testing::Test {
 protected:
  static void expect_nothing_left(const char* what, void (*use)()) {
    use();  // what is looked up once stays
    const std::size_t before = ::mallinfo2().uordblks;
    constexpr std::size_t kUses = 1000;
    for (std::size_t i = 0; i < kUses; ++i) use();
    EXPECT_LT(::mallinfo2().uordblks, before + 16 * kUses) << what;
  }
};

TEST_F(BackendObjectsOf, EveryClassEndWithIt) {
  expect_nothing_left("Sha256", [] { Sha256().update(counting<32>(1)); });
  expect_nothing_left("Hkdf", [] {
    SecretBytes<32> out;
    Hkdf(counting<32>(1)).derive(counting<32>(2), counting<32>(3), out.reveal_mutable());
  });
  expect_nothing_left("Fingerprinter",
                      [] { (void)Fingerprinter(secret(counting<32>(1))).of(counting<32>(2)); });
  expect_nothing_left("Keystream", [] {
    std::array<std::uint8_t, 16> out;
    Keystream stream(Prg::kAes128Ctr);
    stream.rekey(secret(counting<32>(1)));
    stream.read(out);
  });
  expect_nothing_left("X25519PrivateKey",
                      [] { (void)X25519PrivateKey(secret(counting<32>(1))).public_key(); });
  expect_nothing_left("Es256PrivateKey",
                      [] { EXPECT_TRUE(Es256PrivateKey::from_scalar(secret(counting<32>(1))).has_value()); });
  expect_nothing_left("Es256Verifier", [] {
    static const Es256PrivateKey key = *Es256PrivateKey::from_scalar(secret(counting<32>(1)));
    static const Es256Signature signature = key.sign(counting<32>(2));
    EXPECT_TRUE(Es256Verifier().verify(key.public_key(), counting<32>(2), signature));
  });
}

}  // namespace
}  // namespace sotto::crypto
