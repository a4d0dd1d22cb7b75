// Command line options that mirror fields of a record: name, help, range and words come from its field table.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "sotto/base/check.h"
#include "sotto/base/field_status.h"
#include "sotto/base/fields.h"

namespace sotto::cli {

// "learning_rate" -> "--learning-rate"
[[nodiscard]] inline std::string option_of(std::string_view field) {
  std::string option = "--" + std::string(field);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

// An option that sets an enumeration by its word.
template <NamedEnum E>
CLI::Option* add_choice(CLI::App& app, const std::string& option, E& value, const std::string& help) {
  std::string meanings = help;
  for (const EnumName<E>& name : EnumNames<E>::kAll) {
    if (name.meaning[0] != '\0') meanings += "\n" + std::string(name.word) + ": " + name.meaning;
  }
  std::vector<std::string> words;
  for (const EnumName<E>& name : EnumNames<E>::kAll) words.emplace_back(name.word);
  return app
      .add_option_function<std::string>(
          option, [&value](const std::string& word) { value = *from_word<E>(word); }, meanings)
      ->check(CLI::IsMember(words))
      ->type_name(list_words<E>("|"))
      ->default_str(word_of(value));
}

// Adds options for the fields named; each must be a word, a number or a text of the record.
class FieldOptions {
 public:
  FieldOptions(CLI::App& app, std::initializer_list<std::string_view> names) : app_(app), names_(names) {}
  ~FieldOptions() { SOTTO_CHECK(added_ == names_.size()); }
  FieldOptions(const FieldOptions&) = delete;
  FieldOptions& operator=(const FieldOptions&) = delete;

  template <typename T, typename... Range>
  void operator()(const Field& field, T& value, const Range&... range) {
    if (std::find(names_.begin(), names_.end(), field.name) == names_.end()) return;
    const std::string option = option_of(field.name);
    if constexpr (NamedEnum<T>) {
      add_choice(app_, option, value, field.help);
      ++added_;
    } else if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string>) {
      ++added_;
      const std::string ranges = (std::string() + ... + (": " + describe_range(range)));
      CLI::Option* added = app_.add_option(option, value, field.help + ranges)->capture_default_str();
      (add_check<T>(*added, field.name, range), ...);
    }
  }

 private:
  // What depends on other fields is checked with them.
  template <typename T, typename R>
  static void add_check(CLI::Option& option, const char* name, const R& range) {
    if constexpr (requires { range.depends(); }) {
      if (range.depends()) return;
    }
    option.check([name, range](const std::string& text) {
      T value{};
      if (!CLI::detail::lexical_cast(text, value)) return std::string();  // reported by the option itself
      FieldCheck check(/*dependent=*/false);
      check(Field{.name = name}, value, range);
      return to_status(check.error()).message();
    });
  }

  CLI::App& app_;
  std::vector<std::string_view> names_;
  std::size_t added_ = 0;
};

template <typename Record>
void add_field_options(CLI::App& app, Record& record, std::initializer_list<std::string_view> names) {
  FieldOptions options(app, names);
  visit_fields(record, options);
}

}  // namespace sotto::cli
