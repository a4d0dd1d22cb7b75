#include "saved_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "sotto/crypto/primitives.h"

namespace sotto::client {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'D', 'E', 'V'};
constexpr std::uint8_t kVersion = 3;
constexpr std::size_t kFixedBytes = kMagic.size() + 1 + 1 + 8 + 16 + 32 + 5 * sizeof(std::uint32_t);

void write_sized(ByteWriter& writer, Bytes bytes) {
  writer.u32(static_cast<std::uint32_t>(bytes.size()));
  writer.bytes(bytes);
}

template <typename Container>
void read_sized(ByteReader& reader, Container& out) {
  const Bytes bytes = reader.bytes(reader.u32());
  out.assign(bytes.begin(), bytes.end());
}

}  // namespace

std::vector<std::uint8_t> encode_saved_session(const SavedSession& session) {
  const std::size_t body_bytes = kFixedBytes + session.device_id.size() + session.population.size() +
                                 session.plan.size() + session.check_key.size() + session.content.size();
  std::vector<std::uint8_t> bytes(body_bytes + sizeof(crypto::Digest));
  ByteWriter writer(bytes);
  writer.bytes(kMagic);
  writer.u8(kVersion);
  writer.u8(static_cast<std::uint8_t>(session.stage));
  writer.u64(static_cast<std::uint64_t>(session.accepted_at.ms));
  writer.bytes(session.token.value);
  writer.bytes(session.coordinator);
  write_sized(writer, text_bytes(session.device_id));
  write_sized(writer, text_bytes(session.population));
  write_sized(writer, session.plan);
  write_sized(writer, session.check_key);
  write_sized(writer, session.content);
  writer.bytes(crypto::sha256({Bytes(bytes).first(body_bytes)}));
  SOTTO_CHECK(writer.ok() && writer.written() == bytes.size());
  return bytes;
}

Result<SavedSession> decode_saved_session(Bytes bytes) {
  constexpr std::size_t kDigestBytes = sizeof(crypto::Digest);
  if (bytes.size() < kDigestBytes) return data_loss("the saved session is too short: start anew");
  const Bytes body = bytes.first(bytes.size() - kDigestBytes);
  const crypto::Digest digest = crypto::sha256({body});
  if (!std::equal(digest.begin(), digest.end(), bytes.last(kDigestBytes).begin())) {
    return data_loss("the saved session is damaged (its SHA-256 does not match): start anew");
  }
  ByteReader reader(body);
  std::array<std::uint8_t, kMagic.size()> magic{};
  reader.copy(magic);
  const std::uint8_t version = reader.u8();
  if (magic != kMagic || version != kVersion) {
    return data_loss(fmt::format(
        "the saved session is of version {}, this program reads version {}: start anew", version, kVersion));
  }
  SavedSession session;
  const std::uint8_t stage = reader.u8();
  session.stage = static_cast<SavedSession::Stage>(stage);
  session.accepted_at.ms = static_cast<std::int64_t>(reader.u64());
  reader.copy(session.token.value);
  reader.copy(session.coordinator);
  read_sized(reader, session.device_id);
  read_sized(reader, session.population);
  read_sized(reader, session.plan);
  read_sized(reader, session.check_key);
  read_sized(reader, session.content);
  if (!reader.finished() || stage < 1 || stage > 2)
    return data_loss("the saved session does not decode: start anew");
  return session;
}

}  // namespace sotto::client
