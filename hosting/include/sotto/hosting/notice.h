// What a server tells its operator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sotto::hosting {

// For the log. Holds no secrets and no device's figures.
struct Notice {
  enum class Level : std::uint8_t { kInfo, kWarning, kError } level = Level::kInfo;
  std::string text;
};

// Each server says on which thread it calls this; it must be quick.
using NoticeSink = std::function<void(const Notice&)>;

}  // namespace sotto::hosting
