#include "sotto/device_runtime/front_end.h"

namespace {

// In the order of sotto_front_end_error.
constexpr const char* kTexts[]{
    "no error",
    "a pointer that must be given is NULL: config, kind, arena, front_end, output, or mean and deviation",
    "channels must be 1 to 64",
    "frame_length must be 1 to 4096, at most fft_length, and 1 for sample features",
    "hop_length must be at least 1, and 1 for sample features",
    "rows must be 1 to 4096",
    "row_hop must be at least 1",
    "fft_length must be a power of two from 16 to 2048",
    "window is no sotto_window",
    "mel_bands must be 1 to 128",
    "mel_input is no sotto_mel_input, mel_scale no sotto_mel_scale, or mel_triangle no sotto_mel_triangle",
    "sample_rate_hz must be 1 to 1,000,000",
    "lower_hz must be below upper_hz, upper_hz at most half of sample_rate_hz, and a bin between them",
    "log_floor must be 1e-11 to 1",
    "coefficients must be 1 to mel_bands",
    "normalisation_count must be 0, 1, channels, or features * channels",
    "an entry of mean or deviation is not finite, not positive, or far outside what the features can be",
    "scale must be a finite number above 0: take the model input's",
    "zero_point must be -128 to 127: take the model input's",
    "a field that this kind of features does not use must be 0",
    "arena and tables must lie on a multiple of 8 bytes",
    "the arena is too small: see sotto_front_end_measure()",
    "the memory for tables is too small: see sotto_front_end_measure()",
    "the tables are damaged or of another configuration: build them again",
    "no output is ready: push samples until sotto_front_end_ready()",
    "output_bytes is not the output's size: see sotto_front_end_measure()",
};
static_assert(sizeof kTexts / sizeof *kTexts == SOTTO_FRONT_END_OUTPUT_BYTES + 1);

}  // namespace

const char* sotto_front_end_error_text(sotto_front_end_error error) {
  const auto index = static_cast<unsigned>(error);
  return index < sizeof kTexts / sizeof *kTexts ? kTexts[index] : "unknown error";
}
