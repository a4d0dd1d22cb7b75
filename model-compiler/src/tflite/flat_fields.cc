#include "tflite/flat_fields.h"

#include <cstring>

namespace sotto::model_compiler {
namespace {

void pad_to(std::vector<std::uint8_t>& out, std::size_t alignment) {
  while (out.size() % alignment != 0) out.push_back(0);
}

template <typename T>
void put(std::vector<std::uint8_t>& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

template <typename T>
void append(std::vector<std::uint8_t>& out, T value) {
  out.resize(out.size() + sizeof value);
  put(out, out.size() - sizeof value, value);
}

}  // namespace

FlatFields FlatFields::behind(std::uint32_t position) {
  FlatFields fields;
  fields.is_behind_ = true;
  fields.position_ = position;
  return fields;
}

FlatFields& FlatFields::scalar(std::uint32_t slot, std::int64_t value, std::uint32_t bytes) {
  Field& field = fields_[slot];
  field.bytes.resize(bytes);
  std::memcpy(field.bytes.data(), &value, bytes);
  return *this;
}

FlatFields& FlatFields::real(std::uint32_t slot, float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return scalar(slot, bits, 4);
}

FlatFields& FlatFields::string(std::uint32_t slot, const std::string& text) {
  fields_[slot] = {Kind::kString, {text.begin(), text.end()}, 1, {}};
  return *this;
}

FlatFields& FlatFields::table(std::uint32_t slot, FlatFields fields) {
  fields_[slot] = {Kind::kTable, {}, 1, {std::move(fields)}};
  return *this;
}

FlatFields& FlatFields::tables(std::uint32_t slot, std::vector<FlatFields> tables) {
  fields_[slot] = {Kind::kTables, {}, 1, std::move(tables)};
  return *this;
}

FlatFields& FlatFields::replace(const FlatFields& other) {
  for (const auto& [slot, field] : other.fields_) fields_[slot] = field;
  return *this;
}

FlatFields& FlatFields::raw_vector(std::uint32_t slot, std::vector<std::uint8_t> bytes,
                                   std::uint32_t element_bytes) {
  fields_[slot] = {Kind::kVector, std::move(bytes), element_bytes, {}};
  return *this;
}

std::uint32_t FlatFields::write(std::vector<std::uint8_t>& out, std::uint32_t following) const {
  if (is_behind_) return following + position_;
  // Every field on 8 bytes behind the offset to the vtable: more than needed, and sound.
  const std::uint32_t slots = fields_.empty() ? 0 : fields_.rbegin()->first + 1;
  const auto vtable_bytes = static_cast<std::uint16_t>(4 + 2 * slots);
  const auto table_bytes = static_cast<std::uint16_t>(8 + 8 * fields_.size());
  pad_to(out, 8);
  const std::size_t vtable = out.size();
  append(out, vtable_bytes);
  append(out, table_bytes);
  std::uint16_t offset = 8;
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    append(out, fields_.contains(slot) ? offset : std::uint16_t{0});
    if (fields_.contains(slot)) offset = static_cast<std::uint16_t>(offset + 8);
  }
  pad_to(out, 8);
  const std::size_t table = out.size();
  out.resize(table + table_bytes);
  put(out, table, static_cast<std::int32_t>(table - vtable));
  std::size_t at = table + 8;
  for (const auto& [slot, field] : fields_) {
    if (field.kind == Kind::kScalar) {
      std::memcpy(out.data() + at, field.bytes.data(), field.bytes.size());
    } else {
      const std::uint32_t child = write_field(field, out, following);
      put(out, at, static_cast<std::uint32_t>(child - at));
    }
    at += 8;
  }
  return static_cast<std::uint32_t>(table);
}

std::uint32_t FlatFields::write_field(const Field& field, std::vector<std::uint8_t>& out,
                                      std::uint32_t following) {
  if (field.kind == Kind::kTable) return field.children[0].write(out, following);
  const bool of_tables = field.kind == Kind::kTables;
  while (out.size() % 16 != 12) out.push_back(0);  // the first element on 16 bytes
  const auto start = static_cast<std::uint32_t>(out.size());
  append(out, static_cast<std::uint32_t>(of_tables ? field.children.size()
                                                   : field.bytes.size() / field.element_bytes));
  if (!of_tables) {
    out.insert(out.end(), field.bytes.begin(), field.bytes.end());
    if (field.kind == Kind::kString) out.push_back(0);  // which its length does not count
    return start;
  }
  out.resize(out.size() + 4 * field.children.size());
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    const std::size_t at = start + 4 + 4 * i;
    const std::uint32_t child = field.children[i].write(out, following);
    put(out, at, static_cast<std::uint32_t>(child - at));
  }
  return start;
}

std::vector<std::uint8_t> tflite_file(const FlatFields& model, const std::vector<std::uint8_t>& following) {
  const std::vector<std::uint8_t> head = {0, 0, 0, 0, 'T', 'F', 'L', '3'};
  std::vector<std::uint8_t> out = head;
  model.write(out);
  pad_to(out, 16);  // where the bytes behind begin; the second writing takes as many before them
  const auto start = static_cast<std::uint32_t>(out.size());
  out = head;
  const std::uint32_t root = model.write(out, start);
  put(out, 0, root);
  if (following.empty()) return out;
  pad_to(out, 16);
  out.insert(out.end(), following.begin(), following.end());
  return out;
}

}  // namespace sotto::model_compiler
