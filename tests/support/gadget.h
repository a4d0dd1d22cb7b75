// A record with a field of every kind, for tests of what field tables are for.
#pragma once

#include <array>
#include <cstdint>

#include "sotto/base/fields.h"

namespace sotto::testing {

enum class Shape : std::uint8_t { kRound = 1, kSquare = 2 };

struct Part {
  std::uint32_t length = 1;
  float weight = 1;
  friend bool operator==(const Part&, const Part&) = default;
};

template <RecordOf<Part> Spec, typename Visitor>
constexpr void visit_fields(Spec& part, Visitor&& visit) {
  visit(Field{.name = "length", .help = "of the part"}, part.length, whole(1, 9));
  visit(Field{.name = "weight", .help = "of the part"}, part.weight, real(0, 1, Ends::kOpenBelow));
}

struct Gadget {
  Shape shape = Shape::kRound;
  bool smooth = false;
  std::uint16_t low = 1;
  std::uint64_t high = 10;
  float share = 0.25f;
  TaskId owner;
  std::array<std::uint8_t, 4> digest{};
  InlineBytes<6> payload;
  InlineText<8> name = "gadget";
  InlineList<Part, 3> parts;
  InlineList<std::uint32_t, 4> sizes;
  friend bool operator==(const Gadget&, const Gadget&) = default;
};

template <RecordOf<Gadget> Spec, typename Visitor>
constexpr void visit_fields(Spec& gadget, Visitor&& visit) {
  visit(Field{.name = "shape", .help = "of the whole"}, gadget.shape);
  visit(Field{.name = "smooth", .help = "no edges"}, gadget.smooth);
  visit(Field{.name = "low", .help = "end"}, gadget.low, whole({1}, {gadget.high, "high"}));
  visit(Field{.name = "high", .help = "end"}, gadget.high, whole(1, 100));
  visit(Field{.name = "share", .help = "of it"}, gadget.share, real(0, 0.5f, Ends::kOpenAbove));
  visit(Field{.name = "owner", .help = "whose"}, gadget.owner, whole(0, 1000));
  visit(Field{.name = "digest", .help = "of it"}, gadget.digest);
  visit(Field{.name = "payload", .help = "opaque"}, gadget.payload, whole(0, 6));
  visit(Field{.name = "name", .help = "of it"}, gadget.name, name_of(1, 8));
  visit(Field{.name = "parts", .help = "in order"}, gadget.parts, whole(0, 2));
  visit(Field{.name = "sizes", .help = "of it"}, gadget.sizes, whole(1, 40));
}

}  // namespace sotto::testing

namespace sotto {
template <>
struct EnumNames<testing::Shape> {
  static constexpr EnumName<testing::Shape> kAll[] = {{testing::Shape::kRound, "round"},
                                                      {testing::Shape::kSquare, "square"}};
};
}  // namespace sotto
