// A field's key and value as a task file has them.
#pragma once

#include <string>

#include "sotto/base/field_status.h"
#include "sotto/base/fields.h"
#include "sotto/base/hex.h"

namespace sotto::cli {

// "model.features"
[[nodiscard]] inline std::string key_of(const Field& field) {
  const std::string group = field.group;
  return (group.empty() ? "" : group + ".") + field.short_name();
}

// Its help, with its unit when it has one.
[[nodiscard]] inline std::string meaning_of(const Field& field) {
  return field.unit[0] == '\0' ? field.help : std::string(field.help) + ", in " + field.unit;
}

template <typename T>
[[nodiscard]] std::string toml_of(const T& value);

// A sub-record as an inline table: { length = 9, weight = 1.0 }
class InlineTable {
 public:
  template <typename T, typename... Range>
  void operator()(const Field& field, const T& value, const Range&...) {
    text_ += (text_.empty() ? "" : ", ") + std::string(field.short_name()) + " = " + toml_of(value);
  }
  [[nodiscard]] std::string text() const { return "{ " + text_ + " }"; }

 private:
  std::string text_;
};

template <typename T>
[[nodiscard]] std::string toml_of(const T& value) {
  if constexpr (NamedEnum<T>) {
    return '"' + std::string(word_of(value)) + '"';
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::same_as<T, float>) {
    const std::string text = format_number(value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  } else if constexpr (WholeField<T>) {
    return std::to_string(value);
  } else if constexpr (BytesField<T> || ByteArrayField<T>) {
    return '"' + to_hex({value.data(), value.size()}) + '"';
  } else if constexpr (NumbersField<T>) {
    std::string numbers;
    for (const auto number : value) numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
    return '[' + numbers + ']';
  } else if constexpr (ListField<T>) {
    std::string entries;
    for (const auto& element : value) {
      InlineTable table;
      visit_fields(element, table);
      entries += (entries.empty() ? "" : ", ") + table.text();
    }
    return '[' + entries + ']';
  } else {
    std::string text;
    for (const char c : value) text += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return '"' + text + '"';
  }
}

}  // namespace sotto::cli
