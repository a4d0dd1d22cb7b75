// From a loss in nats to what the loss lanes carry. For hosts, which sum in double; a board adds up units.
#pragma once

#include "sotto/secagg/update.h"

namespace sotto::secagg {

// floor(1024 nats), at most kLossMax. A loss that is not above zero counts as none.
[[nodiscard]] constexpr std::uint64_t loss_units(double nats) {
  if (!(nats > 0)) return 0;
  if (nats >= 0x1p38) return kLossMax;
  return static_cast<std::uint64_t>(nats * 1024);
}

}  // namespace sotto::secagg
