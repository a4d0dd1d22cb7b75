#include "sotto/crypto/backend_object.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sotto::crypto
