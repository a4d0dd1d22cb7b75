#include "sotto/device_runtime/front_end.h"

#include <cstring>

#include "front_end/frame_layout.h"
#include "front_end/normalisation.h"
#include "front_end/state.h"
#include "sotto/device_runtime/crc32.h"

namespace sotto::device::front_end {
namespace {

[[nodiscard]] bool is_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % SOTTO_FRONT_END_ALIGNMENT == 0;
}

template <typename Value>
[[nodiscard]] std::uint32_t crc_of(const Value* values, std::size_t count, std::uint32_t crc) {
  return crc32(reinterpret_cast<const std::uint8_t*>(values), count * sizeof(Value), crc);
}

// Of everything the tables depend on and the layout does not show. The layout itself is under the tables'
// CRC.
std::uint32_t configuration_crc(const sotto_front_end_config& config) {
  const std::uint32_t numbers[]{config.mel_scale,
                                config.window,
                                config.mel_triangle,
                                config.sample_rate_hz,
                                config.lower_hz,
                                config.upper_hz,
                                static_cast<std::uint32_t>(config.zero_point)};
  const float reals[]{config.log_floor, config.scale};
  std::uint32_t crc = crc_of(reals, 2, crc_of(numbers, sizeof numbers / sizeof *numbers, 0));
  crc = crc_of(config.mean, config.normalisation_count, crc);
  return crc_of(config.deviation, config.normalisation_count, crc);
}

[[nodiscard]] std::uint32_t crc_after_header(const void* tables, std::uint32_t tables_bytes) {
  return crc_of(table<std::uint8_t>(tables, sizeof(TablesHeader)), tables_bytes - sizeof(TablesHeader), 0);
}

constexpr std::uint32_t kLayoutOffset = sizeof(TablesHeader);
static_assert(kLayoutOffset % SOTTO_FRONT_END_ALIGNMENT == 0);

// All but the header.
void fill_tables(const sotto_front_end_config& config, const FrameLayout& layout, void* tables) {
  std::memset(tables, 0, layout.tables_bytes);
  std::memcpy(table<FrameLayout>(tables, kLayoutOffset), &layout, sizeof layout);
  config.kind->build(config, layout, tables);
  build_normalisation(config, layout, tables);
}

void write_header(const sotto_front_end_config& config, const FrameLayout& layout, void* tables) {
  const TablesHeader header{kTablesMagic, layout.tables_bytes, configuration_crc(config),
                            crc_after_header(tables, layout.tables_bytes)};
  std::memcpy(tables, &header, sizeof header);
}

[[nodiscard]] bool tables_match(const sotto_front_end_config& config, const FrameLayout& layout,
                                const void* tables) {
  TablesHeader header;
  std::memcpy(&header, tables, sizeof header);
  return header.magic == kTablesMagic && header.tables_bytes == layout.tables_bytes &&
         header.configuration_crc == configuration_crc(config) &&
         std::memcmp(table<FrameLayout>(tables, kLayoutOffset), &layout, sizeof layout) == 0 &&
         header.crc == crc_after_header(tables, layout.tables_bytes);
}

[[nodiscard]] const FrameLayout& layout_of(const sotto_front_end& state) {
  return *table<FrameLayout>(static_cast<const void*>(state.tables.pointer), kLayoutOffset);
}

// The frame is full: its features become the next row, and the frame moves on.
void finish_frame(sotto_front_end& state) {
  const FrameLayout& layout = layout_of(state);
  auto* frame = table<std::int16_t>(static_cast<void*>(&state), layout.frame);
  auto* work = table<std::int32_t>(static_cast<void*>(&state), layout.work);
  std::int8_t* row = table<std::int8_t>(static_cast<void*>(&state), layout.output) +
                     std::size_t{state.next_row} * layout.features * layout.channels;
  for (std::uint32_t channel = 0; channel < layout.channels; ++channel) {
    const std::int32_t* raw =
        state.kind.pointer->extract(layout, state.tables.pointer, frame + channel, work);
    normalise_channel(layout, state.tables.pointer, raw, channel, row);
  }
  state.next_row = state.next_row + 1 == layout.rows ? 0 : state.next_row + 1;
  if (--state.missing_rows == 0) {
    state.ready = 1;
    state.missing_rows = layout.row_hop;
  }
  if (layout.hop_length < layout.frame_length) {
    state.filled = layout.frame_length - layout.hop_length;
    std::memmove(frame, frame + std::size_t{layout.hop_length} * layout.channels,
                 std::size_t{state.filled} * layout.channels * sizeof(std::int16_t));
  } else {
    state.filled = 0;
    state.skipped = layout.hop_length - layout.frame_length;
  }
}

[[nodiscard]] std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

}  // namespace
}  // namespace sotto::device::front_end

using namespace sotto::device::front_end;

sotto_front_end_error sotto_front_end_measure(const sotto_front_end_config* config,
                                              sotto_front_end_sizes* sizes) {
  if (sizes == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  *sizes = {};
  if (config == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  FrameLayout layout;
  if (const auto error = make_frame_layout(*config, layout); error != SOTTO_FRONT_END_OK) return error;
  sizes->arena_bytes = layout.arena_bytes;
  sizes->tables_bytes = layout.tables_bytes;
  sizes->arena_with_tables_bytes = layout.arena_bytes + layout.tables_bytes;
  sizes->features = layout.features;
  sizes->output_bytes = std::uint32_t{layout.rows} * layout.features * layout.channels;
  return SOTTO_FRONT_END_OK;
}

sotto_front_end_error sotto_front_end_build_tables(const sotto_front_end_config* config, void* tables,
                                                   size_t tables_bytes) {
  if (config == nullptr || tables == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  if (!is_aligned(tables)) return SOTTO_FRONT_END_MISALIGNED;
  FrameLayout layout;
  if (const auto error = make_frame_layout(*config, layout); error != SOTTO_FRONT_END_OK) return error;
  if (tables_bytes < layout.tables_bytes) return SOTTO_FRONT_END_TABLES_TOO_SMALL;
  fill_tables(*config, layout, tables);
  write_header(*config, layout, tables);
  return SOTTO_FRONT_END_OK;
}

sotto_front_end_error sotto_front_end_open(const sotto_front_end_config* config, const void* tables,
                                           void* arena, size_t arena_bytes, sotto_front_end** front_end) {
  if (front_end == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  *front_end = nullptr;
  if (config == nullptr || arena == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  if (!is_aligned(arena) || !is_aligned(tables)) return SOTTO_FRONT_END_MISALIGNED;
  FrameLayout layout;
  if (const auto error = make_frame_layout(*config, layout); error != SOTTO_FRONT_END_OK) return error;
  const std::uint32_t needed = layout.arena_bytes + (tables == nullptr ? layout.tables_bytes : 0);
  if (arena_bytes < needed) return SOTTO_FRONT_END_ARENA_TOO_SMALL;
  if (tables == nullptr) {
    auto* built = table<std::uint8_t>(arena, layout.arena_bytes);
    fill_tables(*config, layout, built);
    tables = built;
  } else if (!tables_match(*config, layout, tables)) {
    return SOTTO_FRONT_END_TABLES_DIFFER;
  }
  auto* state = static_cast<sotto_front_end*>(arena);
  *state = {};
  state->kind.pointer = config->kind;
  state->tables.pointer = static_cast<const std::uint8_t*>(tables);
  sotto_front_end_reset(state);
  *front_end = state;
  return SOTTO_FRONT_END_OK;
}

void sotto_front_end_reset(sotto_front_end* front_end) {
  front_end->filled = 0;
  front_end->skipped = 0;
  front_end->next_row = 0;
  front_end->missing_rows = layout_of(*front_end).rows;
  front_end->ready = 0;
}

size_t sotto_front_end_push(sotto_front_end* front_end, const int16_t* samples, size_t count) {
  sotto_front_end& state = *front_end;
  const FrameLayout& layout = layout_of(state);
  auto* frame = table<std::int16_t>(static_cast<void*>(front_end), layout.frame);
  state.ready = 0;
  std::size_t taken = 0;
  while (taken < count && state.ready == 0) {
    if (state.skipped > 0) {
      const std::size_t skipped = smaller(state.skipped, count - taken);
      state.skipped -= static_cast<std::uint32_t>(skipped);
      taken += skipped;
      continue;
    }
    const std::size_t copied = smaller(layout.frame_length - state.filled, count - taken);
    std::memcpy(frame + std::size_t{state.filled} * layout.channels, samples + taken * layout.channels,
                copied * layout.channels * sizeof(std::int16_t));
    state.filled += static_cast<std::uint32_t>(copied);
    taken += copied;
    if (state.filled == layout.frame_length) finish_frame(state);
  }
  return taken;
}

int sotto_front_end_ready(const sotto_front_end* front_end) { return static_cast<int>(front_end->ready); }

sotto_front_end_error sotto_front_end_read(sotto_front_end* front_end, int8_t* output, size_t output_bytes) {
  if (front_end == nullptr || output == nullptr) return SOTTO_FRONT_END_NULL_ARGUMENT;
  if (front_end->ready == 0) return SOTTO_FRONT_END_NOT_READY;
  const FrameLayout& layout = layout_of(*front_end);
  const std::size_t row_bytes = std::size_t{layout.features} * layout.channels;
  if (output_bytes != row_bytes * layout.rows) return SOTTO_FRONT_END_OUTPUT_BYTES;
  const std::int8_t* rows = table<std::int8_t>(static_cast<const void*>(front_end), layout.output);
  const std::size_t newer = row_bytes * front_end->next_row;  // written after the ring began again
  std::memcpy(output, rows + newer, output_bytes - newer);
  std::memcpy(output + (output_bytes - newer), rows, newer);
  front_end->ready = 0;
  return SOTTO_FRONT_END_OK;
}
