#include "sotto/base/field_status.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace sotto {
namespace {

std::string between(const std::string& low, const std::string& high, Ends ends) {
  switch (ends) {
    case Ends::kClosed:
      break;
    case Ends::kOpenBelow:
      return "above " + low + ", at most " + high;
    case Ends::kOpenAbove:
      return "at least " + low + ", below " + high;
  }
  return low == high ? low : low + " .. " + high;
}

std::string text_of(const Bound<std::uint64_t>& bound) {
  return bound.name == nullptr ? std::to_string(bound.value) : bound.name;
}
std::string text_of(const Bound<float>& bound) {
  return bound.name == nullptr ? format_number(bound.value) : bound.name;
}

}  // namespace

std::string describe_range(const WholeRange& range) {
  return range.text != nullptr ? range.text : between(text_of(range.low), text_of(range.high), range.ends);
}

std::string describe_range(const RealRange& range) {
  return range.text != nullptr ? range.text : between(text_of(range.low), text_of(range.high), range.ends);
}

std::string describe_range(const NameRange& range) {
  return allowed(whole(range.low, range.high)) + " bytes of A-Z a-z 0-9 . _ -";
}

std::string format_number(float value) {
  std::array<char, 64> text{};
  if (std::isfinite(value) && std::trunc(value) == value && std::abs(value) < 0x1p63f) {
    std::snprintf(text.data(), text.size(), "%.0f", static_cast<double>(value));
    return text.data();
  }
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string allowed(const WholeRange& range) {
  return between(std::to_string(range.low.value), std::to_string(range.high.value), range.ends);
}

std::string allowed(const RealRange& range) {
  return between(format_number(range.low.value), format_number(range.high.value), range.ends);
}

Status to_status(const FieldError& error, const std::string& record) {
  const std::string field = record + error.field;
  const std::string whole = std::to_string(error.whole);
  switch (error.kind) {
    case FieldError::Kind::kNone:
      break;
    case FieldError::Kind::kWhole:
      return invalid_argument(field + " = " + whole + ": must be " + allowed(error.whole_range));
    case FieldError::Kind::kReal:
      return invalid_argument(field + " = " + format_number(error.real) + ": must be " +
                              allowed(error.real_range));
    case FieldError::Kind::kLength:
      return invalid_argument(field + " has " + whole + " " + error.rule + ": must have " +
                              allowed(error.whole_range));
    case FieldError::Kind::kName:
      return invalid_argument(field + " has " + whole + " bytes or a character outside the set: must be " +
                              allowed(error.whole_range) + " bytes of [A-Za-z0-9._-]");
    case FieldError::Kind::kRule:
      return invalid_argument(field + ": " + error.rule);
  }
  return {};
}

}  // namespace sotto
