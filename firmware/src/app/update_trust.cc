#include "update_trust.h"

#include <algorithm>

#include "sotto/base/check.h"

namespace sotto::board {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

std::size_t encode_update_trust(const UpdateTrust& trust, MutableBytes out) {
  ByteWriter writer(out);
  writer.bytes(trust.owner);
  for (const std::string_view text : {trust.device_class.view(), trust.task.view()}) {
    writer.u8(static_cast<std::uint8_t>(text.size()));
    writer.bytes(text_bytes(text));
  }
  SOTTO_CHECK(writer.ok());
  return writer.written();
}

bool decode_update_trust(Bytes bytes, UpdateTrust& trust) {
  ByteReader in(bytes);
  in.copy(trust.owner);
  for (model_update::Name* name : {&trust.device_class, &trust.task}) {
    const std::string_view text = bytes_text(in.bytes(in.u8()));
    if (!in.ok() || !is_name(text) || !name->assign(text)) return false;
  }
  return in.finished();
}

}  // namespace sotto::board
