// Visitors that turn a record into JSON and back, by its field table. Ids and fields of bytes have no form in
// JSON: no record that travels so has any.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sotto/base/field_status.h"
#include "sotto/base/fields.h"

namespace sotto::proto {

// The double whose shortest text is the float's shortest text: 0.1f is written 0.1.
[[nodiscard]] double shortest(float value);

// Adds every field to an object.
class JsonWriter {
 public:
  explicit JsonWriter(nlohmann::json& object) : object_(object) {}

  template <typename T, typename... Range>
  void operator()(const Field& field, const T& value, const Range&...) {
    object_[field.name] = json_of(value);
  }

 private:
  template <typename T>
  static nlohmann::json json_of(const T& value) {
    if constexpr (NamedEnum<T>) {
      return word_of(value);
    } else if constexpr (std::same_as<T, float>) {
      return shortest(value);
    } else if constexpr (ListField<T>) {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& element : value) {
        JsonWriter writer(list.emplace_back(nlohmann::json::object()));
        visit_fields(element, writer);
      }
      return list;
    } else if constexpr (NumbersField<T>) {
      return std::vector<typename T::value_type>(value.begin(), value.end());
    } else if constexpr (TextField<T>) {
      return std::string(value.data(), value.size());
    } else {
      return value;
    }
  }

  nlohmann::json& object_;
};

// Takes every field out of an object; what is left over is unknown.
class JsonReader {
 public:
  // `path` goes before the names of keys in messages: "" or "model.segments[2].".
  JsonReader(nlohmann::json& object, std::string path) : object_(object), path_(std::move(path)) {}

  template <typename T, typename... Range>
  void operator()(const Field& field, T& value, const Range&...) {
    if (!problem_.empty()) return;
    note_known(field);
    const std::string path = path_of(field);
    const nlohmann::json found = take(field);
    if (found.is_discarded()) {
      if (field.required && missing_.empty()) missing_ = path;
      return;
    }
    if (const std::string wrong = read(found, path, value); !wrong.empty()) fail(path, path + " " + wrong);
  }

  // Call after the visit: a key that no field took is a problem too, and so is a missing one without default,
  // unless the object only has what changes.
  void finish(bool only_changes = false);

  // The path of the key that is the first problem, and the problem's sentence; empty when there is none.
  [[nodiscard]] const std::string& problem_path() const { return problem_path_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  // Discarded when the object does not have it.
  nlohmann::json take(const Field& field);
  [[nodiscard]] std::string path_of(const Field& field) const;
  void note_known(const Field& field);
  void fail(const std::string& path, const std::string& problem) {
    problem_path_ = path;
    problem_ = problem;
  }

  template <typename T>
  std::string read(const nlohmann::json& json, const std::string& path, T& value) {
    if constexpr (NamedEnum<T>) {
      const auto* word = json.get_ptr<const std::string*>();
      const auto known = word == nullptr ? std::nullopt : from_word<T>(*word);
      if (!known) return "must be one of " + list_words<T>(", ", "\"");
      value = *known;
    } else if constexpr (std::same_as<T, bool>) {
      if (!json.is_boolean()) return "must be true or false";
      value = json.get<bool>();
    } else if constexpr (std::same_as<T, float>) {
      if (!json.is_number()) return "must be a number";
      value = static_cast<float>(json.get<double>());
    } else if constexpr (WholeField<T>) {
      return read_whole(json, value);
    } else if constexpr (ListField<T>) {
      return read_list(json, path, value);
    } else if constexpr (NumbersField<T>) {
      return read_numbers(json, value);
    } else {
      return read_text(json, value);
    }
    return {};
  }

  template <typename T>
  static std::string read_whole(const nlohmann::json& json, T& value) {
    if (!json.is_number_integer()) return "must be a whole number";
    if (!json.is_number_unsigned() && json.get<std::int64_t>() < 0) return "must not be negative";
    if (json.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
      return "must be at most " + std::to_string(std::numeric_limits<T>::max());
    }
    value = json.get<T>();
    return {};
  }
  // One number stands for a list of it, and 0 for an empty one: such a field may have been a number once.
  template <typename T>
  static std::string read_numbers(const nlohmann::json& json, T& value) {
    if (json.is_number()) {
      value = T{};
      typename T::value_type number{};
      const std::string wrong = read_whole(json, number);
      if (wrong.empty() && number != 0) static_cast<void>(value.push_back(number));
      return wrong;
    }
    if (!json.is_array()) return "must be a list of numbers";
    value = T{};
    if (!value.resize(json.size())) return "must be a list of at most " + std::to_string(T::kCapacity);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (const std::string wrong = read_whole(json[i], value[i]); !wrong.empty()) return "each " + wrong;
    }
    return {};
  }
  template <typename T>
  static std::string read_text(const nlohmann::json& json, T& value) {
    const auto* text = json.get_ptr<const std::string*>();
    if (text == nullptr) return "must be a text in quotes";
    if constexpr (requires { T::kCapacity; }) {
      value = T{};
      if (!value.assign({text->data(), text->size()})) {
        return "must be at most " + std::to_string(T::kCapacity) + " bytes";
      }
    } else {
      value = *text;
    }
    return {};
  }
  // A problem inside an element is kept with the element's own path.
  template <typename T>
  std::string read_list(const nlohmann::json& json, const std::string& path, T& value) {
    if (!json.is_array()) return "must be a list";
    value = T{};
    if (!value.resize(json.size())) return "must be a list of at most " + std::to_string(T::kCapacity);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string at = path + "[" + std::to_string(i) + "]";
      if (!json[i].is_object()) return "must be a list of tables";
      nlohmann::json element = json[i];
      JsonReader reader(element, at + ".");
      visit_fields(value[i], reader);
      reader.finish();
      if (!reader.problem().empty()) {
        fail(reader.problem_path(), reader.problem());
        return {};
      }
    }
    return {};
  }

  nlohmann::json& object_;
  std::string path_;
  std::map<std::string, std::string, std::less<>> known_;  // the keys of each group, for messages
  std::string missing_;                                    // the first key that must be there and is not
  std::string problem_path_;
  std::string problem_;
};

}  // namespace sotto::proto
