// Visitors that turn a record into its protobuf message and back, by the names of its field table: a field of
// the table is the message's field of that name. Numbers and enumerations are uint32 or uint64 there.
#pragma once

#include <google/protobuf/message.h>

#include <limits>
#include <string>

#include "fields.h"
#include "sotto/base/check.h"
#include "sotto/base/fields.h"

namespace sotto::proto {

// The message's field of that name; a table and a .proto file that differ are a bug.
[[nodiscard]] const google::protobuf::FieldDescriptor& wire_field(const google::protobuf::Message& message,
                                                                  const Field& field);

class WireWriter {
 public:
  explicit WireWriter(google::protobuf::Message& message) : message_(message) {}

  template <typename T, typename... Range>
  void operator()(const Field& field, const T& value, const Range&...) {
    const google::protobuf::FieldDescriptor& to = wire_field(message_, field);
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    if constexpr (NamedEnum<T>) {
      reflection.SetUInt32(&message_, &to, static_cast<std::uint32_t>(number_of(value)));
    } else if constexpr (std::same_as<T, bool>) {
      reflection.SetBool(&message_, &to, value);
    } else if constexpr (std::same_as<T, float>) {
      reflection.SetFloat(&message_, &to, value);
    } else if constexpr (IdField<T>) {
      reflection.SetUInt64(&message_, &to, value.value);
    } else if constexpr (WholeField<T> && sizeof(T) == sizeof(std::uint64_t)) {
      reflection.SetUInt64(&message_, &to, value);
    } else if constexpr (WholeField<T>) {
      reflection.SetUInt32(&message_, &to, value);
    } else if constexpr (ListField<T>) {
      for (const auto& element : value) {
        WireWriter writer(*reflection.AddMessage(&message_, &to));
        visit_fields(element, writer);
      }
    } else if constexpr (NumbersField<T>) {
      for (const auto number : value) reflection.AddUInt32(&message_, &to, number);
    } else {
      reflection.SetString(&message_, &to, std::string(value.begin(), value.end()));
    }
  }

 private:
  google::protobuf::Message& message_;
};

// Refuses what the record cannot hold: a number too large for its field, a number that is no enumerator, a
// text that is no name, too many bytes. Ranges are the record's own to check.
class WireReader {
 public:
  explicit WireReader(const google::protobuf::Message& message) : message_(message) {}

  template <typename T, typename... Range>
  void operator()(const Field& field, T& value, const Range&... range) {
    if (!status_.ok()) return;
    const google::protobuf::FieldDescriptor& from = wire_field(message_, field);
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    if constexpr (NamedEnum<T>) {
      status_ = copy_enumerator(path_of(field).c_str(), reflection.GetUInt32(message_, &from), value);
    } else if constexpr (std::same_as<T, bool>) {
      value = reflection.GetBool(message_, &from);
    } else if constexpr (std::same_as<T, float>) {
      value = reflection.GetFloat(message_, &from);
    } else if constexpr (IdField<T>) {
      value.value = reflection.GetUInt64(message_, &from);
    } else if constexpr (WholeField<T> && sizeof(T) == sizeof(std::uint64_t)) {
      value = reflection.GetUInt64(message_, &from);
    } else if constexpr (WholeField<T>) {
      const std::uint32_t number = reflection.GetUInt32(message_, &from);
      status_ = check_integer(path_of(field).c_str(), number, 0, std::numeric_limits<T>::max());
      value = static_cast<T>(number);
    } else if constexpr (ListField<T>) {
      read_list(field, from, value);
    } else if constexpr (NumbersField<T>) {
      read_numbers(field, from, value);
    } else {
      std::string scratch;
      const std::string& bytes = reflection.GetStringReference(message_, &from, &scratch);
      if constexpr (TextField<T>) (check_text(field, bytes, range), ...);
      if (status_.ok()) copy_bytes(field, bytes, value);
    }
  }

  // kInvalidArgument "TaskSpec.cohort_min = 65539: must be 0 .. 65535".
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  [[nodiscard]] std::string path_of(const Field& field) const {
    return message_.GetDescriptor()->name() + "." + field.name;
  }
  void check_text(const Field& field, const std::string& text, const NameRange& range) {
    FieldCheck check(/*dependent=*/false);
    check(field, text, range);
    status_ = to_status(check.error(), message_.GetDescriptor()->name() + ".");
  }
  template <typename T>
  void resize_to_count(const Field& field, const google::protobuf::FieldDescriptor& from, T& value) {
    const int count = message_.GetReflection()->FieldSize(message_, &from);
    value = T{};
    status_ = check_integer((path_of(field) + " (count)").c_str(), count, 0, T::kCapacity);
    if (status_.ok()) SOTTO_CHECK(value.resize(static_cast<std::size_t>(count)));
  }
  template <typename T>
  void read_list(const Field& field, const google::protobuf::FieldDescriptor& from, T& value) {
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    resize_to_count(field, from, value);
    for (std::size_t i = 0; i < value.size() && status_.ok(); ++i) {
      WireReader reader(reflection.GetRepeatedMessage(message_, &from, static_cast<int>(i)));
      visit_fields(value[i], reader);
      status_ = reader.status();
    }
  }
  template <typename T>
  void read_numbers(const Field& field, const google::protobuf::FieldDescriptor& from, T& value) {
    static_assert(sizeof(typename T::value_type) == sizeof(std::uint32_t));
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    resize_to_count(field, from, value);
    for (std::size_t i = 0; i < value.size(); ++i) {
      value[i] = reflection.GetRepeatedUInt32(message_, &from, static_cast<int>(i));
    }
  }
  template <typename T>
  void copy_bytes(const Field& field, const std::string& bytes, T& value) {
    if constexpr (requires { T::kCapacity; }) {
      status_ = check_length(path_of(field).c_str(), bytes.size(), 0, T::kCapacity);
      if (!status_.ok()) return;
      value = T{};
      SOTTO_CHECK(value.resize(bytes.size()));
      std::copy(bytes.begin(), bytes.end(), value.begin());
    } else if constexpr (ByteArrayField<T>) {
      status_ = copy_exactly(path_of(field).c_str(), bytes, value);
    } else {
      value = bytes;
    }
  }

  const google::protobuf::Message& message_;
  Status status_;
};

template <typename Record>
void record_to_wire(const Record& from, google::protobuf::Message& to) {
  WireWriter writer(to);
  visit_fields(from, writer);
}

template <typename Record>
[[nodiscard]] Status record_from_wire(const google::protobuf::Message& from, Record& to) {
  WireReader reader(from);
  visit_fields(to, reader);
  return reader.status();
}

}  // namespace sotto::proto
