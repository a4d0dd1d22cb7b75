#include "front_end/frame_layout.h"

#include "front_end/normalisation.h"
#include "front_end/state.h"

namespace sotto::device::front_end {
namespace {

sotto_front_end_error check_shape(const sotto_front_end_config& config) {
  if (config.kind == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  if (config.channels == 0 || config.channels > SOTTO_FRONT_END_CHANNELS_MAX) return SOTTO_FRONT_END_CHANNELS;
  if (config.frame_length == 0 || config.frame_length > SOTTO_FRONT_END_FRAME_LENGTH_MAX) {
    return SOTTO_FRONT_END_FRAME_LENGTH;
  }
  if (config.hop_length == 0) return SOTTO_FRONT_END_HOP_LENGTH;
  if (config.rows == 0 || config.rows > SOTTO_FRONT_END_ROWS_MAX) return SOTTO_FRONT_END_ROWS;
  if (config.row_hop == 0) return SOTTO_FRONT_END_ROW_HOP;
  return SOTTO_FRONT_END_OK;
}

}  // namespace

sotto_front_end_error make_plan(const sotto_front_end_config& config, Plan& plan) {
  plan = {};
  if (const auto error = check_shape(config); error != SOTTO_FRONT_END_OK) return error;
  plan.channels = config.channels;
  plan.frame_length = config.frame_length;
  plan.hop_length = config.hop_length;
  plan.rows = config.rows;
  plan.row_hop = config.row_hop;
  (void)take(plan.tables_bytes, sizeof(TablesHeader));
  (void)take(plan.tables_bytes, sizeof(Plan));
  std::uint32_t work_bytes = 0;
  if (const auto error = config.kind->plan(config, plan, work_bytes); error != SOTTO_FRONT_END_OK)
    return error;
  if (const auto error = plan_normalisation(config, plan); error != SOTTO_FRONT_END_OK) return error;

  // At most 4096 rows of 64 * 1025 bytes: no sum below comes near 2^32.
  const std::uint32_t samples = std::uint32_t{plan.frame_length} * plan.channels;
  (void)take(plan.arena_bytes, sizeof(sotto_front_end));
  plan.frame = take(plan.arena_bytes, samples * sizeof(std::int16_t));
  plan.work = take(plan.arena_bytes, work_bytes);
  plan.output = take(plan.arena_bytes, std::uint32_t{plan.rows} * plan.features * plan.channels);
  return SOTTO_FRONT_END_OK;
}

}  // namespace sotto::device::front_end
