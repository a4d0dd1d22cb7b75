#include "field_table.h"

#include <fmt/core.h>

#include "field_text.h"
#include "sotto/proto/plan.h"
#include "sotto/proto/task.h"

namespace sotto::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// What a field may be, in words.
template <typename T, typename... R>
std::string values_of(const T&, const R&... range) {
  if constexpr (NamedEnum<T>) {
    return list_words<T>(", ");
  } else if constexpr (std::same_as<T, bool>) {
    return "true, false";
  } else if constexpr (TextField<T>) {
    std::string text;
    ((text += allowed(whole(range.low, range.high)) +
              (range.printable ? " bytes of printable ASCII" : " bytes of A-Z a-z 0-9 . _ -")),
     ...);
    return text;
  } else {
    std::string text;
    ((text += describe_range(range)), ...);
    return text.empty() ? "any" : text;
  }
}

// "round = 1, square = 2": the numbers in a plan's bytes.
template <NamedEnum E>
std::string numbered_words() {
  std::string text;
  for (const EnumName<E>& name : EnumNames<E>::kAll) {
    text += fmt::format("{}{} {}", (text.empty() ? "" : ", "), number_of(name.value), name.word);
  }
  return text;
}

class TaskRows {
 public:
  template <typename T, typename... R>
  void operator()(const Field& field, const T& value, const R&... range) {
    rows.push_back({key_of(field), values_of(value, range...), field.required ? "" : toml_of(value),
                    field.editable ? "yes" : "", meaning_of(field)});
  }
  Rows rows = {{"key", "values", "default", "edit", "meaning"}};
};

class PlanRows {
 public:
  template <typename T, typename... R>
  void operator()(const Field& field, const T& value, const R&... range) {
    std::string values;
    if constexpr (NamedEnum<T>) {
      values = numbered_words<T>();
    } else {
      values = values_of(value, range...);
    }
    rows.push_back({field.name, type_of<T>(), values, meaning_of(field)});
  }
  Rows rows = {{"field", "type", "values", "meaning"}};

 private:
  template <typename T>
  static std::string type_of() {
    if constexpr (std::same_as<T, float>) {
      return "f32";
    } else if constexpr (std::is_enum_v<T> || std::same_as<T, bool>) {
      return "u8";
    } else if constexpr (ByteArrayField<T>) {
      return fmt::format("{} bytes", sizeof(T));
    } else if constexpr (BytesField<T> || TextField<T>) {
      return "u16 length, bytes";
    } else if constexpr (ListField<T>) {
      return "u8 count, entries";
    } else if constexpr (NumbersField<T>) {
      return "u8 count, u" + std::to_string(8 * sizeof(typename T::value_type)) + " each";
    } else {
      return fmt::format("u{}", 8 * sizeof(T));
    }
  }
};

}  // namespace

Rows task_field_rows() {
  const proto::TaskSpec defaults;
  TaskRows rows;
  visit_fields(defaults, rows);
  return rows.rows;
}

Rows plan_field_rows() {
  proto::Plan plan;
  plan.aggregation.kind = proto::Aggregation::kOneShot;  // the kind with every field
  PlanRows rows;
  visit_fields(plan, rows);
  return rows.rows;
}

std::string to_markdown(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) {
    text += '|';
    for (const std::string& cell : row) text += (cell.empty() ? " " : " " + cell + " ") + '|';
    text += '\n';
    if (&row == &rows.front()) {
      text += '|';
      for (std::size_t i = 0; i < row.size(); ++i) text += "---|";
      text += '\n';
    }
  }
  return text;
}

}  // namespace sotto::cli
