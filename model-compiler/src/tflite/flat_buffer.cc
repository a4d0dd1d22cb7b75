#include "tflite/flat_buffer.h"

namespace sotto::model_compiler {

Bytes FlatBuffer::at(std::uint64_t position, std::uint64_t bytes) {
  if (position > file_.size() || bytes > file_.size() - position) {
    ok_ = false;
    return {};
  }
  return file_.subspan(position, bytes);
}

bool FlatBuffer::has_identifier(std::string_view four_characters) const {
  return file_.size() >= 8 && std::memcmp(file_.data() + 4, four_characters.data(), 4) == 0;
}

FlatTable FlatBuffer::root() { return follow(0); }

FlatTable FlatBuffer::follow(std::uint64_t position) {
  const std::uint64_t target = position + read<std::uint32_t>(position);
  const auto back = static_cast<std::int32_t>(read<std::uint32_t>(target));
  const std::int64_t vtable = static_cast<std::int64_t>(target) - back;
  if (vtable < 0 || vtable > UINT32_MAX || target > UINT32_MAX) ok_ = false;
  if (!ok_) return {};
  FlatTable table(this, static_cast<std::uint32_t>(target));
  table.vtable_ = static_cast<std::uint32_t>(vtable);
  table.vtable_bytes_ = read<std::uint16_t>(table.vtable_);
  table.table_bytes_ = read<std::uint16_t>(std::uint64_t{table.vtable_} + 2);
  if (table.vtable_bytes_ < 4 || table.table_bytes_ < 4) ok_ = false;
  (void)at(table.vtable_, table.vtable_bytes_);
  (void)at(target, table.table_bytes_);
  return ok_ ? table : FlatTable();
}

std::uint32_t FlatTable::field(std::uint32_t slot, std::uint32_t bytes) const {
  const std::uint32_t entry = 4 + 2 * slot;
  if (buffer_ == nullptr || entry + 2 > vtable_bytes_) return 0;
  const auto offset = buffer_->read<std::uint16_t>(std::uint64_t{vtable_} + entry);
  if (offset == 0) return 0;
  if (std::uint32_t{offset} + bytes > table_bytes_) {
    buffer_->ok_ = false;
    return 0;
  }
  return position_ + offset;
}

Bytes FlatTable::vector_bytes(std::uint32_t slot, std::uint32_t element_bytes) const {
  const std::uint32_t position = field(slot, 4);
  if (position == 0) return {};
  const std::uint64_t target = std::uint64_t{position} + buffer_->read<std::uint32_t>(position);
  const auto count = buffer_->read<std::uint32_t>(target);
  return buffer_->at(target + 4, std::uint64_t{count} * element_bytes);
}

std::string_view FlatTable::string(std::uint32_t slot) const { return bytes_text(vector_bytes(slot, 1)); }

std::uint32_t FlatTable::target(std::uint32_t slot) const {
  const std::uint32_t at = field(slot, 4);
  return at == 0 ? 0 : at + buffer_->read<std::uint32_t>(at);
}

FlatTable FlatTable::table(std::uint32_t slot) const {
  const std::uint32_t position = field(slot, 4);
  return position == 0 ? FlatTable() : buffer_->follow(position);
}

FlatTableVector FlatTable::tables(std::uint32_t slot) const {
  return FlatTableVector(buffer_, vector_bytes(slot, 4));
}

FlatTable FlatTableVector::operator[](std::uint32_t i) const {
  const auto position =
      static_cast<std::uint64_t>(offsets_.data() - buffer_->file_.data()) + 4 * std::uint64_t{i};
  return buffer_->follow(position);
}

}  // namespace sotto::model_compiler
