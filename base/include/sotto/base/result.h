// Result<T>: a value or the Status that says why there is none. Shaped like std::expected<T, Status> so that
// C++23 can replace it by an alias.
#pragma once

#include <utility>
#include <variant>

#include "sotto/base/check.h"
#include "sotto/base/status.h"

namespace sotto {

template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit, so that `return value;` and `return not_found("...");` read alike.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Status error) : state_(std::in_place_index<1>, std::move(error)) {
    SOTTO_CHECK(!std::get<1>(state_).ok());
  }

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  [[nodiscard]] T& value() & { return checked(); }
  [[nodiscard]] const T& value() const& { return const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(checked()); }
  [[nodiscard]] T& operator*() & { return checked(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(checked()); }
  [[nodiscard]] T* operator->() { return &checked(); }
  [[nodiscard]] const T* operator->() const { return &value(); }

  // Requires !has_value().
  [[nodiscard]] const Status& error() const {
    SOTTO_CHECK(!has_value());
    return std::get<1>(state_);
  }
  // kOk when there is a value.
  [[nodiscard]] Status status() const { return has_value() ? Status() : error(); }

 private:
  T& checked() {
    SOTTO_CHECK(has_value());
    return std::get<0>(state_);
  }

  std::variant<T, Status> state_;
};

}  // namespace sotto

// Returns the Status of a failed expression from the enclosing function.
#define SOTTO_RETURN_IF_ERROR(expression)                                          \
  do {                                                                             \
    if (auto sotto_status = (expression); !sotto_status.ok()) return sotto_status; \
  } while (false)
