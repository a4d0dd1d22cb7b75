#include "sotto/base/fields.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "sotto/base/field_status.h"
#include "support/gadget.h"

namespace sotto {
namespace {

using testing::Gadget;
using testing::Part;
using testing::Shape;

TEST(Range, KeepsItsEnds) {
  EXPECT_TRUE(whole(2, 4).contains(2));
  EXPECT_TRUE(whole(2, 4).contains(4));
  EXPECT_FALSE(whole(2, 4).contains(1));
  EXPECT_FALSE(whole(2, 4).contains(5));
  EXPECT_FALSE(real(0, 1, Ends::kOpenBelow).contains(0));
  EXPECT_TRUE(real(0, 1, Ends::kOpenBelow).contains(1));
  EXPECT_TRUE(real(0, 1, Ends::kOpenAbove).contains(0));
  EXPECT_FALSE(real(0, 1, Ends::kOpenAbove).contains(1));
  EXPECT_FALSE(real(0, 1).contains(std::numeric_limits<float>::quiet_NaN()));
  EXPECT_FALSE(real(0, 1).contains(std::numeric_limits<float>::infinity()));
}

TEST(FieldCheck, AcceptsDefaultsAndEveryEnd) {
  EXPECT_TRUE(check_fields(Gadget{}).ok());
  Gadget gadget;
  gadget.high = 100;
  gadget.low = 100;
  gadget.owner.value = 1000;
  ASSERT_TRUE(gadget.payload.resize(6) && gadget.parts.resize(2));
  gadget.sizes = {1, 40};
  EXPECT_TRUE(check_fields(gadget).ok());
}

TEST(FieldCheck, OfPrintableTextAllowsMoreThanNames) {
  const auto ok = [](const char* text) {
    FieldCheck check(/*dependent=*/false);
    check(Field{.name = "text"}, std::string(text), printable_of(0, 8));
    return check.error().ok();
  };
  EXPECT_TRUE(ok(""));
  EXPECT_TRUE(ok(" {\"a~\"} "));
  EXPECT_FALSE(ok("a\n"));
  EXPECT_FALSE(ok("\x7f"));
  EXPECT_FALSE(ok("\xc3\xa4"));
  EXPECT_FALSE(ok("nine more"));
}

struct Wrong {
  const char* message;
  std::function<void(Gadget&)> spoil;
};

TEST(FieldCheck, NamesFieldValueAndRange) {
  const Wrong cases[] = {
      {"shape = 0: must be 1 .. 2", [](Gadget& g) { g.shape = Shape{0}; }},
      {"shape = 3: must be 1 .. 2", [](Gadget& g) { g.shape = Shape{3}; }},
      {"low = 0: must be 1 .. 10", [](Gadget& g) { g.low = 0; }},
      {"low = 11: must be 1 .. 10", [](Gadget& g) { g.low = 11; }},
      {"high = 0: must be 1 .. 100", [](Gadget& g) { g.high = 0; }},  // not: low = 1: must be 1 .. 0
      {"high = 18446744073709551615: must be 1 .. 100", [](Gadget& g) { g.high = UINT64_MAX; }},
      {"share = 0.5: must be at least 0, below 0.5", [](Gadget& g) { g.share = 0.5f; }},
      {"share = nan: must be at least 0",
       [](Gadget& g) { g.share = std::numeric_limits<float>::quiet_NaN(); }},
      {"owner = 1001: must be 0 .. 1000", [](Gadget& g) { g.owner.value = 1001; }},
      {"name has 0 bytes or a character outside", [](Gadget& g) { g.name = ""; }},
      {"name has 3 bytes or a character outside the set: must be 1 .. 8 bytes of [A-Za-z0-9._-]",
       [](Gadget& g) { g.name = "a b"; }},
      {"parts has 3 entries: must have 0 .. 2", [](Gadget& g) { ASSERT_TRUE(g.parts.resize(3)); }},
      {"length = 10: must be 1 .. 9",
       [](Gadget& g) { ASSERT_TRUE(g.parts.push_back({}) && g.parts.push_back({.length = 10})); }},
      {"sizes = 41: must be 1 .. 40",
       [](Gadget& g) {
         g.sizes = {40, 41};
       }},
      {"sizes = 0: must be 1 .. 40",
       [](Gadget& g) {
         g.sizes = {0, 1};
       }},
      {"weight = 0: must be above 0, at most 1",
       [](Gadget& g) { ASSERT_TRUE(g.parts.push_back({.weight = 0})); }},
  };
  for (const Wrong& wrong : cases) {
    Gadget gadget;
    wrong.spoil(gadget);
    const Status status = to_status(check_fields(gadget));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << wrong.message;
    EXPECT_NE(status.message().find(wrong.message), std::string::npos) << status.message();
  }
}

TEST(FieldCheck, NamesTheFirstWhateverTheKindOfTheOther) {
  const std::function<void(Gadget&)> later[] = {
      [](Gadget& g) { g.low = 11; },
      [](Gadget& g) { g.high = 0; },
      [](Gadget& g) { g.share = -1; },
      [](Gadget& g) { g.owner.value = 1001; },
      [](Gadget& g) { g.name = ""; },
      [](Gadget& g) { ASSERT_TRUE(g.parts.resize(3)); },
      [](Gadget& g) { ASSERT_TRUE(g.parts.push_back({.length = 10, .weight = 0})); },
      [](Gadget& g) { g.sizes = {41}; },
  };
  for (const auto& spoil : later) {
    Gadget gadget;
    gadget.shape = Shape{9};
    spoil(gadget);
    EXPECT_EQ(to_status(check_fields(gadget)).message(), "shape = 9: must be 1 .. 2");
  }
}

TEST(FieldCheck, NamesTheFirstOfSeveral) {
  Gadget gadget;
  gadget.shape = Shape{9};
  gadget.share = -1;
  EXPECT_EQ(to_status(check_fields(gadget), "Gadget.").message(), "Gadget.shape = 9: must be 1 .. 2");
}

}  // namespace
}  // namespace sotto
