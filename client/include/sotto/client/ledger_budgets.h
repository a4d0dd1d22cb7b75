// What a device's owner lets its ledger (ledger.h) allow.
#pragma once

#include <cstdint>

namespace sotto::client {

// How many vectors may leave. Retries, rollbacks, evaluations and statistics draw on the same budgets.
struct LedgerBudgets {
  std::uint32_t vectors_per_model = 1;  // for each task, version and digest of a model
  std::uint32_t vectors_per_task = 1000;
  std::uint32_t vectors_per_period = 1000;  // whatever for; a device without a clock has one period
  std::uint32_t period_s = 86'400;          // from the first vector in it
};
// For simulated devices: as if there were no ledger.
inline constexpr LedgerBudgets kUnboundedLedger{
    .vectors_per_model = UINT32_MAX, .vectors_per_task = UINT32_MAX, .vectors_per_period = UINT32_MAX};

}  // namespace sotto::client
