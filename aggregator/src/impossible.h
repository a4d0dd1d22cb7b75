// Why a sum is refused that no honest devices could have made.
#pragma once

#include <string>

#include "sotto/base/result.h"

namespace sotto::aggregator {

inline Status impossible(const std::string& what) {
  return aborted(what + ": a participant sent something else than an update; nothing was applied");
}

}  // namespace sotto::aggregator
