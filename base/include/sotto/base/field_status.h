// Sentences of field errors, ranges and words, for hosts.
#pragma once

#include <string>

#include "sotto/base/fields.h"
#include "sotto/base/result.h"

namespace sotto {

// kInvalidArgument "participants = 2: must be 3 .. 200000", or ok. `record` goes before the field's name:
// "TaskSpec.".
[[nodiscard]] Status to_status(const FieldError& error, const std::string& record = "");

// "3 .. 200000", "at least 0, below 1", or the one value that is allowed.
[[nodiscard]] std::string allowed(const WholeRange& range);
[[nodiscard]] std::string allowed(const RealRange& range);

// For documents: "3 .. participants_max", or the range's own text.
[[nodiscard]] std::string describe_range(const WholeRange& range);
[[nodiscard]] std::string describe_range(const RealRange& range);
[[nodiscard]] std::string describe_range(const NameRange& range);

// The shortest text that reads back as the same number.
[[nodiscard]] std::string format_number(float value);

// The words in order: "curious", "semi-malicious" with `quote` around each and `separator` between.
template <NamedEnum E>
[[nodiscard]] std::string list_words(const std::string& separator, const std::string& quote = "") {
  std::string words;
  for (const EnumName<E>& name : EnumNames<E>::kAll) {
    words += (words.empty() ? "" : separator) + quote + name.word + quote;
  }
  return words;
}

// kInvalidArgument "adversary = 'nobody': must be one of curious, semi-malicious".
template <NamedEnum E>
[[nodiscard]] Result<E> parse_word(const std::string& field, const std::string& word) {
  if (const auto value = from_word<E>(word)) return *value;
  return invalid_argument(field + " = '" + word + "': must be one of " + list_words<E>(", "));
}

}  // namespace sotto
