// What a server tells its operator.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace sotto::hosting {

// For the log. Holds no secrets and no device's figures.
struct Notice {
  enum class Level : std::uint8_t { kInfo, kWarning, kError } level = Level::kInfo;
  std::string text;
};

// Each server says on which thread it calls this; it must be quick.
using NoticeSink = std::function<void(const Notice&)>;

// `sink` for several threads: they wait for one another. Empty when `sink` is.
[[nodiscard]] inline NoticeSink one_at_a_time(NoticeSink sink) {
  if (!sink) return {};
  return [sink = std::move(sink), mutex = std::make_shared<std::mutex>()](const Notice& notice) {
    const std::lock_guard lock(*mutex);
    sink(notice);
  };
}

}  // namespace sotto::hosting
