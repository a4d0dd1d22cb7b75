// What a record's field is: name, range, unit, help. A record has one table, a function template
//
//   template <RecordOf<TrainingSpec> Spec, typename Visitor>
//   constexpr void visit_fields(Spec& spec, Visitor&& visit) {
//     visit(Field{.name = "local_epochs", .help = "passes over a device's examples"}, spec.local_epochs,
//           whole(1, 1000));
//     ...
//   }
//
// and every form of the record (bytes, protobuf, files, options, help, documentation) is a visitor. Defaults
// are the members' own. A range may depend on other fields of the same record. Freestanding: no heap, no
// sentences; those are made by field_status.h.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "sotto/base/enum_names.h"
#include "sotto/base/ids.h"
#include "sotto/base/inline_list.h"

namespace sotto {

// `Spec` is the record or a const record.
template <typename Spec, typename Record>
concept RecordOf = std::same_as<std::remove_const_t<Spec>, Record>;

struct Field {
  const char* name;           // unique in its record
  const char* group = "";     // the table of a file it stands in; "": at the top
  const char* key = nullptr;  // its name inside the group where that is shorter
  const char* unit = "";      // "ms"; "" for plain numbers
  const char* help = "";      // one line
  bool required = false;      // has no default
  bool editable = false;      // may change while what the record describes is under way

  [[nodiscard]] constexpr const char* short_name() const { return key == nullptr ? name : key; }
};

// An end of a range. `name`: what gives its value, when that is not constant.
template <typename T>
struct Bound {
  T value{};
  const char* name = nullptr;
};

enum class Ends : std::uint8_t { kClosed, kOpenBelow, kOpenAbove };

template <typename T>
struct Range {
  Bound<T> low;
  Bound<T> high;
  Ends ends = Ends::kClosed;
  const char* text = nullptr;  // for documents, when the ends alone do not tell

  // NaN is in no range.
  [[nodiscard]] constexpr bool contains(T value) const {
    const bool above = ends == Ends::kOpenBelow ? value > low.value : value >= low.value;
    const bool below = ends == Ends::kOpenAbove ? value < high.value : value <= high.value;
    return above && below;
  }
  // Whether an end is another field's value: such ranges are checked after all others.
  [[nodiscard]] constexpr bool depends() const { return low.name != nullptr || high.name != nullptr; }
};

using WholeRange = Range<std::uint64_t>;
using RealRange = Range<float>;
// A text's: bytes of [A-Za-z0-9._-], or of printable ASCII.
struct NameRange {
  std::uint64_t low;
  std::uint64_t high;
  bool printable = false;
};

[[nodiscard]] constexpr WholeRange whole(std::uint64_t low, std::uint64_t high) { return {{low}, {high}}; }
[[nodiscard]] constexpr WholeRange whole(Bound<std::uint64_t> low, Bound<std::uint64_t> high) {
  return {low, high};
}
[[nodiscard]] constexpr RealRange real(float low, float high, Ends ends = Ends::kClosed) {
  return {{low}, {high}, ends};
}
[[nodiscard]] constexpr NameRange name_of(std::uint64_t low, std::uint64_t high) { return {low, high}; }

[[nodiscard]] constexpr NameRange printable_of(std::uint64_t low, std::uint64_t high) {
  return {low, high, true};
}

[[nodiscard]] constexpr bool printable_characters(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}
[[nodiscard]] constexpr bool name_characters(std::string_view name) {
  for (const char c : name) {
    const bool allowed = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                         c == '.' || c == '_' || c == '-';
    if (!allowed) return false;
  }
  return true;
}

// Why a record is refused, as a value.
struct FieldError {
  enum class Kind : std::uint8_t {
    kNone,
    kWhole,   // `whole` lies outside `whole_range`
    kReal,    // `real` lies outside `real_range`
    kLength,  // `whole` things, which `rule` names, lie outside `whole_range`
    kName,    // a text of `whole` bytes is no name
    kRule,    // `rule` says what must hold
  };
  Kind kind = Kind::kNone;
  const char* field = "";
  const char* rule = "";
  std::uint64_t whole = 0;
  WholeRange whole_range{};
  float real = 0;
  RealRange real_range{};

  [[nodiscard]] constexpr bool ok() const { return kind == Kind::kNone; }
};

[[nodiscard]] constexpr FieldError whole_error(const char* field, std::uint64_t value,
                                               const WholeRange& range) {
  return {.kind = FieldError::Kind::kWhole, .field = field, .whole = value, .whole_range = range};
}
// Of `things`, "bytes" or "entries".
[[nodiscard]] constexpr FieldError length_error(const char* field, const char* things, std::uint64_t value,
                                                const WholeRange& range) {
  return {.kind = FieldError::Kind::kLength,
          .field = field,
          .rule = things,
          .whole = value,
          .whole_range = range};
}
[[nodiscard]] constexpr FieldError rule_error(const char* field, const char* rule) {
  return {.kind = FieldError::Kind::kRule, .field = field, .rule = rule};
}

// ---- kinds of values, for visitors ----

template <typename T>
struct IsStrongId : std::false_type {};
template <typename Tag, typename Representation>
struct IsStrongId<StrongId<Tag, Representation>>
    : std::bool_constant<std::unsigned_integral<Representation>> {};

template <typename T>
struct IsByteArray : std::false_type {};
template <std::size_t Size>
struct IsByteArray<std::array<std::uint8_t, Size>> : std::true_type {};

template <typename T>
struct IsInlineList : std::false_type {};
template <typename T, std::size_t Capacity>
struct IsInlineList<InlineList<T, Capacity>> : std::true_type {};

template <typename T>
concept WholeField = std::unsigned_integral<T> && !std::same_as<T, bool>;
template <typename T>
concept IdField = IsStrongId<T>::value;
// Exactly as many bytes as its type says: a digest.
template <typename T>
concept ByteArrayField = IsByteArray<T>::value;
// At most as many bytes as its type says.
template <typename T>
concept BytesField = IsInlineList<T>::value && std::same_as<typename T::value_type, std::uint8_t>;
// At most as many sub-records as its type says; `T::value_type` has a visit_fields().
template <typename T>
concept ListField = IsInlineList<T>::value && std::is_class_v<typename T::value_type>;
// At most as many numbers as its type says.
template <typename T>
concept NumbersField = IsInlineList<T>::value && WholeField<typename T::value_type> &&
    !std::same_as<typename T::value_type, std::uint8_t>;
// std::string where there is a heap, InlineText where there is none.
template <typename T>
concept TextField = requires(const T& text) {
  requires std::same_as < std::remove_cvref_t<decltype(*text.data())>,
  char > ;
  { text.size() } -> std::convertible_to<std::size_t>;
};

// ---- checking ----

// Every field inside its range; the first that is not is in error().
class FieldCheck {
 public:
  // Ranges that depend on other fields, or all others.
  explicit constexpr FieldCheck(bool dependent) : dependent_(dependent) {}

  template <NamedEnum E>
  constexpr void operator()(const Field& field, const E& value) {
    if (dependent_ || !error_.ok() || from_number<E>(number_of(value))) return;
    error_ =
        whole_error(field.name, number_of(value), whole(number_of(first_of<E>()), number_of(last_of<E>())));
  }
  template <WholeField T>
  constexpr void operator()(const Field& field, const T& value, const WholeRange& range) {
    if (skips(range.depends()) || range.contains(value)) return;
    error_ = whole_error(field.name, value, range);
  }
  template <IdField T>
  constexpr void operator()(const Field& field, const T& id, const WholeRange& range) {
    (*this)(field, id.value, range);
  }
  constexpr void operator()(const Field& field, const float& value, const RealRange& range) {
    if (skips(range.depends()) || range.contains(value)) return;
    error_ = {.kind = FieldError::Kind::kReal, .field = field.name, .real = value, .real_range = range};
  }
  template <TextField T>
  constexpr void operator()(const Field& field, const T& text, const NameRange& range) {
    if (skips(false)) return;
    const std::uint64_t size = text.size();
    const std::string_view characters(text.data(), text.size());
    const bool allowed = range.printable ? printable_characters(characters) : name_characters(characters);
    if (size >= range.low && size <= range.high && allowed) return;
    if (range.printable) {
      error_ = rule_error(field.name, "must be printable ASCII, and no longer than a plan has room for");
      return;
    }
    error_ = {.kind = FieldError::Kind::kName,
              .field = field.name,
              .whole = size,
              .whole_range = whole(range.low, range.high)};
  }
  template <BytesField T>
  constexpr void operator()(const Field& field, const T& bytes, const WholeRange& range) {
    check_length(field, "bytes", bytes.size(), range);
  }
  template <ListField T>
  constexpr void operator()(const Field& field, const T& list, const WholeRange& range) {
    check_length(field, "entries", list.size(), range);
    for (const auto& element : list) visit_fields(element, *this);
  }
  // The range is that of each number.
  template <NumbersField T>
  constexpr void operator()(const Field& field, const T& numbers, const WholeRange& range) {
    for (const auto number : numbers) (*this)(field, number, range);
  }
  // Fields without a range: every value is right.
  template <typename T>
  requires(!NamedEnum<T>) constexpr void operator()(const Field&, const T&) {}

  [[nodiscard]] constexpr const FieldError& error() const { return error_; }

 private:
  [[nodiscard]] constexpr bool skips(bool depends) const { return depends != dependent_ || !error_.ok(); }
  constexpr void check_length(const Field& field, const char* things, std::uint64_t length,
                              const WholeRange& range) {
    if (skips(range.depends()) || range.contains(length)) return;
    error_ = length_error(field.name, things, length, range);
  }

  bool dependent_;
  FieldError error_;
};

// Constant ranges first, so that a range that comes from another field comes from a sound one.
template <typename Record>
[[nodiscard]] constexpr FieldError check_fields(const Record& record) {
  FieldCheck constant(false);
  visit_fields(record, constant);
  if (!constant.error().ok()) return constant.error();
  FieldCheck dependent(true);
  visit_fields(record, dependent);
  return dependent.error();
}

}  // namespace sotto
