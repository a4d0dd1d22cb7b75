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

sotto_front_end_error make_frame_layout(const sotto_front_end_config& config, FrameLayout& layout) {
  layout = {};
  if (const auto error = check_shape(config); error != SOTTO_FRONT_END_OK) return error;
  layout.channels = config.channels;
  layout.frame_length = config.frame_length;
  layout.hop_length = config.hop_length;
  layout.rows = config.rows;
  layout.row_hop = config.row_hop;
  (void)take(layout.tables_bytes, sizeof(TablesHeader));
  (void)take(layout.tables_bytes, sizeof(FrameLayout));
  std::uint32_t work_bytes = 0;
  if (const auto error = config.kind->lay_out(config, layout, work_bytes); error != SOTTO_FRONT_END_OK)
    return error;
  if (const auto error = lay_out_normalisation(config, layout); error != SOTTO_FRONT_END_OK) return error;

  // At most 4096 rows of 64 * 1025 bytes: no sum below comes near 2^32.
  const std::uint32_t samples = std::uint32_t{layout.frame_length} * layout.channels;
  (void)take(layout.arena_bytes, sizeof(sotto_front_end));
  layout.frame = take(layout.arena_bytes, samples * sizeof(std::int16_t));
  layout.work = take(layout.arena_bytes, work_bytes);
  layout.output = take(layout.arena_bytes, std::uint32_t{layout.rows} * layout.features * layout.channels);
  return SOTTO_FRONT_END_OK;
}

}  // namespace sotto::device::front_end
