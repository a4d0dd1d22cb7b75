#include "coordinator/spent_devices.h"

#include <algorithm>

#include "sotto/base/limits.h"

namespace sotto::server {
namespace {

constexpr std::chrono::milliseconds kFirstRefusal{60'000};

Time free_at(const proto::LedgerReport& report) {
  return report.until_s == 0 ? kNever : Time{static_cast<std::int64_t>(report.until_s) * 1000};
}

}  // namespace

bool SpentDevices::holds(const Entry& entry, ModelVersion model, Time now) {
  if (now >= entry.until) return false;
  return entry.report.refusal != proto::LedgerRefusal::kModelSpent || entry.model == model;
}

void SpentDevices::note(const std::string& device_id, const proto::LedgerReport& report, ModelVersion model,
                        Time now) {
  if (devices_.size() >= limits::kSpentDevicesMax) {
    std::erase_if(devices_, [&](const auto& device) { return !holds(device.second, model, now); });
  }
  if (devices_.size() >= limits::kSpentDevicesMax) return;
  devices_[device_id] = {
      .report = report, .model = model, .until = std::min(free_at(report), now + kBelieved)};
}

const char* SpentDevices::reason(const std::string& device_id, ModelVersion model, Time now) const {
  const auto found = devices_.find(device_id);
  if (found == devices_.end() || !holds(found->second, model, now)) return nullptr;
  return find_name(found->second.report.refusal)->meaning;
}

void SpentDevices::note_refusal(const std::string& device_id, const std::string& reason, Time now) {
  if (refusing_.size() >= limits::kSpentDevicesMax) {
    std::erase_if(refusing_, [&](const auto& entry) { return now - entry.second.until > kBelieved; });
  }
  if (refusing_.size() >= limits::kSpentDevicesMax && !refusing_.contains(device_id)) return;
  Refusing& refusing = refusing_[device_id];
  const std::uint32_t doublings = std::min(refusing.times++, 10u);
  refusing.until = now + std::min(kFirstRefusal * (std::int64_t{1} << doublings), kBelieved);
  refusing.reason = reason;
}

const std::string* SpentDevices::refusal(const std::string& device_id, Time now) const {
  const auto found = refusing_.find(device_id);
  return found == refusing_.end() || now >= found->second.until ? nullptr : &found->second.reason;
}

SpentDevices::Summary SpentDevices::summary(ModelVersion model, Time now) const {
  Summary summary;
  for (const auto& [id, entry] : devices_) {
    if (!holds(entry, model, now)) continue;
    ++summary.devices;
    summary.until = std::min(summary.until, free_at(entry.report));
  }
  return summary;
}

}  // namespace sotto::server
