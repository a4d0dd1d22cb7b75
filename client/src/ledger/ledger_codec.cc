// The ledger's bytes.
#include <algorithm>
#include <string>

#include "sotto/base/check.h"
#include "sotto/client/ledger.h"

namespace sotto::client {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'L', 'D', 'G'};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes = kMagic.size() + 1 + 5 * 8 + 2;
constexpr std::size_t kTaskBytes = 2 * sizeof(crypto::Digest) + 6 * 8 + 2 + 1;
constexpr std::size_t kModelBytes = 8 + 16 + 4;
static_assert(kHeadBytes + Ledger::kTasksMax * (kTaskBytes + Ledger::kModelsMax * kModelBytes) +
                  sizeof(crypto::Digest) <=
              Ledger::kBytesMax);

void write_task(const Ledger::Task& task, ByteWriter& writer) {
  writer.bytes(task.coordinator);
  writer.u64(task.task.value);
  writer.u64(task.round.value);
  writer.bytes(task.plan);
  writer.u8(task.sent ? 1 : 0);
  writer.u8(task.newest ? 1 : 0);
  writer.u64(task.newest.value_or(ModelVersion{}).value);
  writer.u64(task.vectors);
  writer.u64(task.last_vector_s);
  writer.u64(task.used);
  writer.u8(static_cast<std::uint8_t>(task.models.size()));
  for (const Ledger::Model& model : task.models) {
    writer.u64(model.version.value);
    writer.bytes(model.digest);
    writer.u32(model.vectors);
  }
}

// False when a number is out of range.
bool read_task(ByteReader& reader, Ledger::Task& task) {
  reader.copy(task.coordinator);
  task.task.value = reader.u64();
  task.round.value = reader.u64();
  reader.copy(task.plan);
  const std::uint8_t sent = reader.u8();
  task.sent = sent == 1;
  const std::uint8_t has_newest = reader.u8();
  const ModelVersion newest{reader.u64()};
  if (has_newest == 1) task.newest = newest;
  task.vectors = reader.u64();
  task.last_vector_s = reader.u64();
  task.used = reader.u64();
  const std::size_t models = reader.u8();
  if (sent > 1 || has_newest > 1 || models > Ledger::kModelsMax) return false;
  if (has_newest == 0 && newest != ModelVersion{}) return false;
  task.models.resize(models);
  for (Ledger::Model& model : task.models) {
    model.version.value = reader.u64();
    reader.copy(model.digest);
    model.vectors = reader.u32();
  }
  return reader.ok();
}

Status damaged(const std::string& what) { return data_loss("the ledger " + what); }

}  // namespace

std::vector<std::uint8_t> Ledger::encode() const {
  std::size_t size = kHeadBytes + tasks_.size() * kTaskBytes;
  for (const Task& task : tasks_) size += task.models.size() * kModelBytes;
  std::vector<std::uint8_t> bytes(size + sizeof(crypto::Digest));
  ByteWriter writer(bytes);
  writer.bytes(kMagic);
  writer.u8(kVersion);
  for (const std::uint64_t number :
       {uses_, period_start_s_, period_vectors_, folded_tasks_, folded_vectors_}) {
    writer.u64(number);
  }
  writer.u16(static_cast<std::uint16_t>(tasks_.size()));
  for (const Task& task : tasks_) write_task(task, writer);
  writer.bytes(crypto::sha256({Bytes(bytes).first(size)}));
  SOTTO_CHECK(writer.ok() && writer.written() == bytes.size());
  return bytes;
}

Result<Ledger> Ledger::decode(Bytes bytes) {
  constexpr std::size_t kDigestBytes = sizeof(crypto::Digest);
  const Bytes mark = bytes.first(std::min(bytes.size(), kMagic.size()));
  if (!std::ranges::equal(mark, Bytes(kMagic).first(mark.size()))) return damaged("is another kind of file");
  if (bytes.size() < kHeadBytes + kDigestBytes) return damaged("is cut short");
  const Bytes body = bytes.first(bytes.size() - kDigestBytes);
  if (!std::ranges::equal(crypto::sha256({body}), bytes.last(kDigestBytes))) {
    return damaged("is damaged: its SHA-256 does not match");
  }
  ByteReader reader(body);
  std::array<std::uint8_t, kMagic.size()> magic{};
  reader.copy(magic);
  const std::uint8_t version = reader.u8();
  if (version != kVersion) {
    return damaged("is of version " + std::to_string(version) + ", this program reads version " +
                   std::to_string(kVersion) + ": update it");
  }
  Ledger ledger;
  for (std::uint64_t* number : {&ledger.uses_, &ledger.period_start_s_, &ledger.period_vectors_,
                                &ledger.folded_tasks_, &ledger.folded_vectors_}) {
    *number = reader.u64();
  }
  const std::size_t tasks = reader.u16();
  if (tasks > kTasksMax) return damaged("has more tasks than it can have");
  ledger.tasks_.resize(tasks);
  const bool sound = std::ranges::all_of(ledger.tasks_, [&](Task& task) { return read_task(reader, task); });
  if (!sound || !reader.finished()) return damaged("does not decode");
  return ledger;
}

}  // namespace sotto::client
