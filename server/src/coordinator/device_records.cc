#include "coordinator/device_records.h"

#include <algorithm>
#include <iterator>

#include "sotto/base/limits.h"

namespace sotto::server {

DeviceRecord& DeviceRecords::touch(const Visitor& visitor, Time now) {
  return touch(visitor.identity ? enrolled_ : named_, max_, visitor, now);
}

DeviceRecord& DeviceRecords::touch(Kind& kind, std::size_t max, const Visitor& visitor, Time now) {
  const DeviceKey key = visitor.key();
  auto found = kind.by_key.find(key);
  if (found == kind.by_key.end()) {
    if (kind.records.size() >= max) {
      kind.by_key.erase(kind.records.back().visitor.key());
      kind.records.pop_back();
    }
    kind.records.emplace_front();
    found = kind.by_key.emplace(key, kind.records.begin()).first;
  } else {
    kind.records.splice(kind.records.begin(), kind.records, found->second);
  }
  DeviceRecord& record = *found->second;
  record.visitor = visitor;
  record.last_seen = now;
  return record;
}

void DeviceRecords::seen(const Visitor& visitor, Time now) { static_cast<void>(touch(visitor, now)); }

void DeviceRecords::counted(const Visitor& visitor, Time now) {
  DeviceRecord& record = touch(visitor, now);
  record.last_outcome = DeviceRecord::Outcome::kCounted;
  record.failures_in_a_row = 0;
  record.plan_from = Time{0};
}

void DeviceRecords::failed(const Visitor& visitor, DeviceRecord::Outcome how, std::string_view reason,
                           Time now) {
  DeviceRecord& record = touch(visitor, now);
  if (record.last_failure != kNever && record.last_failure + kForgiven <= now) record.failures_in_a_row = 0;
  record.last_outcome = how;
  record.reason = shown_reason(reason);
  record.last_failure = now;
  ++record.failures;
  ++record.failures_in_a_row;
  record.plan_from = plan_from(record);
}

void DeviceRecords::turned_up(const Visitor& visitor, Time now) {
  DeviceRecord& record = touch(visitor, now);
  if (record.last_outcome != DeviceRecord::Outcome::kSilent) return;
  record.last_outcome = DeviceRecord::Outcome::kNone;
  record.failures_in_a_row -= std::min(record.failures_in_a_row, 1u);
  record.plan_from = plan_from(record);
}

void DeviceRecords::forget(const Visitor& visitor) {
  Kind& kind = visitor.identity ? enrolled_ : named_;
  const auto found = kind.by_key.find(visitor.key());
  if (found == kind.by_key.end()) return;
  kind.records.erase(found->second);
  kind.by_key.erase(found);
}

void DeviceRecords::turned_away(const Visitor& visitor, std::string reason, Time now) {
  DeviceRecord& record = touch(away_, kTurnedAwayMax, visitor, now);
  record.last_outcome = DeviceRecord::Outcome::kRefused;
  record.reason = std::move(reason);
  record.last_failure = now;
  ++record.failures;
  ++record.failures_in_a_row;
}

void DeviceRecords::cloned(const Visitor& visitor, Time now) { ++touch(visitor, now).clones; }

Time DeviceRecords::plan_from(const DeviceRecord& record) const {
  if (record.failures_in_a_row < 2) return Time{0};
  const std::uint32_t doublings = std::min(record.failures_in_a_row - 2, 20u);
  return record.last_failure + std::min(first_wait_ * (std::int64_t{1} << doublings), kLongestWait);
}

const DeviceRecord* DeviceRecords::find(const Visitor& visitor) const {
  const Kind& kind = visitor.identity ? enrolled_ : named_;
  const auto found = kind.by_key.find(visitor.key());
  return found == kind.by_key.end() ? nullptr : &*found->second;
}

const DeviceRecord* DeviceRecords::waits(const Visitor& visitor, Time now) const {
  const DeviceRecord* record = find(visitor);
  return record != nullptr && record->plan_from > now ? record : nullptr;
}

std::string shown_reason(std::string_view reason) {
  std::string shown(reason.substr(0, limits::kDeviceReasonBytesMax));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

}  // namespace sotto::server
