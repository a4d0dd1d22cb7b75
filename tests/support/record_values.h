// A record in which no field holds its default or another field's value, made from its field table: a form
// of the record that forgets or swaps a field does not give it back.
#pragma once

#include <limits>
#include <string>
#include <type_traits>

#include "sotto/base/fields.h"

namespace sotto::testing {

// Values are distinct, not in range.
class DistinctValues {
 public:
  template <typename T, typename... Range>
  void operator()(const Field& field, T& value, const Range&...) {
    ++count_;
    if constexpr (NamedEnum<T>) {
      value = value == last_of<T>() ? first_of<T>() : last_of<T>();
    } else if constexpr (std::same_as<T, bool>) {
      value = !value;
    } else if constexpr (std::same_as<T, float>) {
      value = 0.1f * static_cast<float>(count_);
    } else if constexpr (WholeField<T>) {
      value = static_cast<T>(std::numeric_limits<T>::max() - count_);
    } else if constexpr (IdField<T>) {
      value.value = std::numeric_limits<decltype(value.value)>::max() - count_;
    } else if constexpr (ListField<T>) {
      static_cast<void>(value.resize(2));
      for (auto& element : value) visit_fields(element, *this);
    } else if constexpr (NumbersField<T>) {
      value = {std::numeric_limits<typename T::value_type>::max() - count_, count_};
    } else if constexpr (ByteArrayField<T>) {
      value.fill(static_cast<std::uint8_t>(count_));
    } else if constexpr (BytesField<T>) {
      static_cast<void>(value.resize(3));
      for (auto& byte : value) byte = static_cast<std::uint8_t>(count_);
    } else {
      const std::string text = std::string(field.name).substr(0, 3) + std::to_string(count_);
      if constexpr (requires { T::kCapacity; }) {
        static_cast<void>(value.assign({text.data(), text.size()}));
      } else {
        value = text;
      }
    }
  }

 private:
  std::uint8_t count_ = 0;
};

template <typename Record>
[[nodiscard]] Record distinct_values() {
  Record record;
  DistinctValues values;
  visit_fields(record, values);
  return record;
}

}  // namespace sotto::testing
