#include "board_ledger.h"

#include <algorithm>

namespace sotto::board {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

bool BoardLedger::load() {
  usable_ = false;
  count_ = 0;
  const std::uint32_t size = journal_.size(number_);
  if (size == 0) return usable_ = true;
  std::array<std::uint8_t, 1 + kTasksMax * kTaskBytes> bytes;
  if (size > bytes.size() || (size - 1) % kTaskBytes != 0) return false;
  if (!journal_.read(number_, 0, MutableBytes(bytes).first(size))) return false;
  ByteReader in(Bytes(bytes).first(size));
  if (in.u8() != kVersion) return false;
  for (; in.remaining() > 0; ++count_) {
    Task& task = tasks_[count_];
    in.copy(task.coordinator);
    task.task = TaskId{in.u64()};
    task.round = RoundId{in.u64()};
    task.sent = in.u8() != 0;
    task.any = in.u8() != 0;
    task.newest = ModelVersion{in.u64()};
    task.vectors = in.u64();
  }
  return usable_ = in.finished();
}

BoardLedger::Verdict BoardLedger::save(Task& place, const Task& changed) {
  place = changed;
  std::array<std::uint8_t, 1 + kTasksMax * kTaskBytes> bytes;
  ByteWriter out(bytes);
  out.u8(kVersion);
  for (std::size_t i = 0; i < count_; ++i) {
    const Task& task = tasks_[i];
    out.bytes(task.coordinator);
    out.u64(task.task.value);
    out.u64(task.round.value);
    out.u8(task.sent ? 1 : 0);
    out.u8(task.any ? 1 : 0);
    out.u64(task.newest.value);
    out.u64(task.vectors);
  }
  usable_ = journal_.put(number_, Bytes(bytes).first(out.written())) == Journal::Result::kOk;
  return usable_ ? Verdict::kAllowed : Verdict::kFailed;
}

const BoardLedger::Task* BoardLedger::find(const Plan& plan) const {
  const auto* const end = tasks_.begin() + count_;
  const auto* const found = std::find_if(tasks_.begin(), end, [&](const Task& task) {
    return task.task == plan.task && task.coordinator == plan.coordinator;
  });
  return found == end ? nullptr : &*found;
}

BoardLedger::Verdict BoardLedger::look(const Plan& plan) const {
  if (!usable_) return Verdict::kFailed;
  const Task* const task = find(plan);
  if (task == nullptr) return count_ == kTasksMax ? Verdict::kNoRoom : Verdict::kAllowed;
  if (plan.round <= task->round) return Verdict::kRoundUsed;
  const bool same_epoch = round_number(plan.round).epoch == round_number(task->round).epoch;
  return same_epoch && task->any && plan.version <= task->newest ? Verdict::kModelSpent : Verdict::kAllowed;
}

BoardLedger::Verdict BoardLedger::join(const Plan& plan) {
  const Verdict verdict = look(plan);
  if (verdict != Verdict::kAllowed) return verdict;
  const Task* const known = find(plan);
  Task& place = known != nullptr ? tasks_[static_cast<std::size_t>(known - tasks_.data())] : tasks_[count_++];
  Task changed = known != nullptr ? *known : Task{.coordinator = plan.coordinator, .task = plan.task};
  if (round_number(plan.round).epoch != round_number(changed.round).epoch) changed.any = false;
  changed.round = plan.round;
  changed.sent = false;
  return save(place, changed);
}

BoardLedger::Verdict BoardLedger::charge(const Plan& plan) {
  if (!usable_) return Verdict::kFailed;
  const Task* const task = find(plan);
  if (task == nullptr || task->round != plan.round || task->sent) return Verdict::kNotJoined;
  Task changed = *task;
  changed.sent = true;
  changed.any = true;
  changed.newest = plan.version;
  ++changed.vectors;
  return save(tasks_[static_cast<std::size_t>(task - tasks_.data())], changed);
}

RoundId BoardLedger::last_round(const Plan& plan) const {
  const Task* const task = find(plan);
  return task == nullptr ? RoundId{} : task->round;
}

std::uint64_t BoardLedger::vectors() const {
  std::uint64_t vectors = 0;
  for (std::size_t i = 0; i < count_; ++i) vectors += tasks_[i].vectors;
  return vectors;
}

proto::LedgerRefusal BoardLedger::refusal(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRoundUsed:
      return proto::LedgerRefusal::kRoundUsed;
    case Verdict::kModelSpent:
      return proto::LedgerRefusal::kModelSpent;
    case Verdict::kNoRoom:
      return proto::LedgerRefusal::kTaskSpent;
    default:
      return proto::LedgerRefusal::kStopped;
  }
}

}  // namespace sotto::board
