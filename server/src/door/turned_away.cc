#include "door/turned_away.h"

#include <fmt/core.h>

#include <algorithm>

namespace sotto::server {
namespace {

struct Words {
  const char* what;  // after the count
  const char* why;
};

Words words(AwayReason reason) {
  switch (reason) {
    case AwayReason::kTooOften:
      return {"calls that show no session",
              "their addresses made more than --calls-per-second; a factory's is named by --gateway"};
    case AwayReason::kStrangersOfAddress:
      return {"calls that show no session", "their addresses had too many of them open"};
    case AwayReason::kStrangers:
      return {"calls that show no session", "too many of them were open, of all addresses"};
    case AwayReason::kMessageTooLarge:
      return {"calls", "their messages were larger than any of a device is"};
    case AwayReason::kNoSession:
      return {"large messages", "the sessions that they name are not ones of this coordinator"};
    case AwayReason::kConnection:
      return {"calls", "their connections had too many bytes under way"};
    case AwayReason::kHolder:
      return {"calls", "their sessions had too many bytes under way"};
    case AwayReason::kAll:
      return {"calls", "too many bytes were under way, of all devices"};
    case AwayReason::kConnections:
      return {"connections", "their addresses had too many, or made too many a second"};
    case AwayReason::kConnectionsOfAll:
      return {"connections", "as many are open as the limit on open files allows"};
  }
  return {};
}

std::string duration(std::int64_t ms) {
  return fmt::format("{} s", std::max<std::int64_t>(1, (ms + 500) / 1000));
}

}  // namespace

void FrequentAddresses::add(const NetworkAddress& group) {
  const auto found = std::ranges::find(entries_, group, &Entry::group);
  if (found != entries_.end()) {
    ++found->count;
  } else if (entries_.size() < kKept) {
    entries_.push_back({group, 1});
  } else {
    for (Entry& entry : entries_) --entry.count;
    std::erase_if(entries_, [](const Entry& entry) { return entry.count == 0; });
  }
}

FrequentAddresses::Entry FrequentAddresses::first() const {
  const auto most = std::ranges::max_element(entries_, {}, &Entry::count);
  return most == entries_.end() ? Entry() : *most;
}

void TurnedAway::count(AwayReason reason, const NetworkAddress& group, Time now) {
  Kind& kind = kinds_[static_cast<std::size_t>(reason)];
  if (kind.count++ == 0) kind.since = now;
  kind.addresses.add(group);
}

std::vector<hosting::Notice> TurnedAway::report(Time now) {
  std::vector<hosting::Notice> lines;
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    Kind& kind = kinds_[i];
    if (kind.count == 0 || now < kind.not_before || now < Time{kind.since.ms + kFirstLineMs}) continue;
    const Words text = words(static_cast<AwayReason>(i));
    const FrequentAddresses::Entry most = kind.addresses.first();
    std::string who = most.count == 0 ? "of many addresses"
                                      : fmt::format("{} of them from {}", most.count, group_text(most.group));
    lines.push_back({hosting::Notice::Level::kWarning,
                     fmt::format("turned away {} {} in {}, {}: {}", kind.count, text.what,
                                 duration(now.ms - kind.since.ms), who, text.why)});
    kind.count = 0;
    kind.addresses.clear();
    kind.not_before = {now.ms + interval_ms_};
  }
  return lines;
}

}  // namespace sotto::server
