/* Signal front ends for C and C++: int16 samples in, the int8 tensor a model expects out.
 *
 * One pipeline serves microphones and motion sensors:
 *
 *   samples --> frames of frame_length, every hop_length --> features of a frame (kind) --> int8 row
 *           --> the last `rows` rows, every row_hop rows --> output [rows][features][channels]
 *
 *   sotto_front_end_config config = {0};
 *   config.kind = &sotto_mfcc_features;  ... the rest as the model was trained ...
 *   sotto_front_end_sizes sizes;
 *   error = sotto_front_end_measure(&config, &sizes);  // exact bytes, before anything is reserved
 *   error = sotto_front_end_open(&config, NULL, arena, sizeof arena, &front_end);
 *   while (count > 0) {
 *     const size_t taken = sotto_front_end_push(front_end, samples, count);
 *     samples += taken * config.channels;
 *     count -= taken;
 *     if (sotto_front_end_ready(front_end)) {
 *       error = sotto_front_end_read(front_end, sotto_model_input(model, 0).data, sizes.output_bytes);
 *       error = sotto_model_invoke(model);
 *     }
 *   }
 *
 * All arithmetic is on integers, opening included: the same configuration and samples give the same bytes on
 * every machine. No heap, no global state. One front end belongs to one thread at a time. The arena must
 * outlive it; sizes are the same on hosts and boards.
 */
#ifndef SOTTO_DEVICE_RUNTIME_FRONT_END_H
#define SOTTO_DEVICE_RUNTIME_FRONT_END_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Alignment of arena and tables, in bytes. */
#define SOTTO_FRONT_END_ALIGNMENT 8

#define SOTTO_FRONT_END_CHANNELS_MAX 64
#define SOTTO_FRONT_END_FRAME_LENGTH_MAX 4096
#define SOTTO_FRONT_END_FFT_LENGTH_MIN 16
#define SOTTO_FRONT_END_FFT_LENGTH_MAX 2048
#define SOTTO_FRONT_END_MEL_BANDS_MAX 128
#define SOTTO_FRONT_END_ROWS_MAX 4096

/* What the features of a frame are. Naming a kind links its code, and nothing else does. */
typedef struct sotto_feature_kind sotto_feature_kind;

/* The sample itself, one feature: frame_length and hop_length are 1. A window of 128 samples every 64 is
 * rows = 128, row_hop = 64. */
extern const sotto_feature_kind sotto_sample_features;
/* Mean, standard deviation (of the population), minimum, maximum: four features. */
extern const sotto_feature_kind sotto_statistics_features;
/* |X[k]| of the windowed frame's discrete Fourier transform, k = 0 .. fft_length / 2. */
extern const sotto_feature_kind sotto_spectrum_features;
/* ln(log_floor + sum over k of w[band][k] |X[k] / 32768|^p), mel_bands features; p is 2 or 1 (`mel_input`).
 * What was trained on 10 log10 takes its means and deviations divided by 4.3429; triangles of another height
 * shift a band by the height's logarithm, which its mean takes up. */
extern const sotto_feature_kind sotto_log_mel_features;
/* The first `coefficients` of the orthonormal DCT-II of the log-mel features. */
extern const sotto_feature_kind sotto_mfcc_features;

/* Window of frame_length samples before the transform; periodic: w[i] has period frame_length. */
typedef enum sotto_window {
  SOTTO_WINDOW_RECTANGULAR = 0,
  SOTTO_WINDOW_HANN = 1,   /* 0.5 - 0.5 cos(2 pi i / frame_length) */
  SOTTO_WINDOW_HAMMING = 2 /* 0.54 - 0.46 cos(2 pi i / frame_length) */
} sotto_window;

/* What is summed in a mel band. */
typedef enum sotto_mel_input { SOTTO_MEL_POWER = 0, SOTTO_MEL_MAGNITUDE = 1 } sotto_mel_input;

/* mel = 2595 log10(1 + Hz / 700), or 3/200 Hz below 1000 Hz and 15 + 27 log(Hz / 1000) / log(6.4) above. */
typedef enum sotto_mel_scale { SOTTO_MEL_HTK = 0, SOTTO_MEL_SLANEY = 1 } sotto_mel_scale;

/* The axis on which the triangles, of height 1, are straight: Hz as in librosa, whose scale is Slaney's;
 * mel as in tf.signal.linear_to_mel_weight_matrix, whose scale is HTK's. */
typedef enum sotto_mel_triangle { SOTTO_MEL_TRIANGLE_HZ = 0, SOTTO_MEL_TRIANGLE_MEL = 1 } sotto_mel_triangle;

typedef struct sotto_front_end_config {
  const sotto_feature_kind* kind;
  uint16_t channels;     /* 1 .. 64, interleaved in the input and in the output */
  uint16_t frame_length; /* samples per channel; 1 .. 4096, and at most fft_length where there is one */
  uint16_t hop_length;   /* from one frame's start to the next; 1 .. 65535: beyond frame_length it skips */
  uint16_t rows;         /* frames in the output; 1 .. 4096 */
  uint16_t row_hop;      /* from one output's first frame to the next one's; 1 .. 65535 */

  /* Spectrum, log-mel, MFCC; 0 otherwise. */
  uint16_t fft_length; /* a power of two, 16 .. 2048; frames are followed by zeros */
  uint16_t window;     /* a sotto_window */

  /* Log-mel, MFCC; 0 otherwise. Bands are equally wide in mel. A band too narrow to hold a bin of the
   * transform always has the value ln(log_floor). */
  uint16_t mel_bands;      /* 1 .. 128 */
  uint16_t mel_input;      /* a sotto_mel_input */
  uint16_t mel_scale;      /* a sotto_mel_scale */
  uint16_t mel_triangle;   /* a sotto_mel_triangle */
  uint32_t sample_rate_hz; /* 1 .. 1,000,000 */
  uint32_t lower_hz;       /* the first band's lower edge */
  uint32_t upper_hz;       /* the last band's upper edge, above lower_hz, at most sample_rate_hz / 2 */
  float log_floor;         /* in [1e-11, 1] */
  uint16_t coefficients;   /* MFCC: 1 .. mel_bands */

  /* Normalisation and the model's input quantisation in one step, per value v of a feature:
   *   q = clamp(zero_point + round((v - mean[e]) / (deviation[e] * scale)), -128, 127)
   * Statistics, spectra and samples are in steps of the sample (one count = 1). Features run
   * [feature][channel] and e is the place in that order modulo normalisation_count: 1 for all alike,
   * `channels` for one entry per channel, features * channels for one each, and 0 for mean 0, deviation 1.
   * The arrays are read while opening and building tables only. */
  const float* mean;
  const float* deviation; /* above 0 */
  uint32_t normalisation_count;
  float scale;        /* of the model's input, above 0 */
  int32_t zero_point; /* of the model's input, -128 .. 127 */
} sotto_front_end_config;

/* Which field of the configuration is wrong, or what else; sotto_front_end_error_text() says what to do. */
typedef enum sotto_front_end_error {
  SOTTO_FRONT_END_OK = 0,
  SOTTO_FRONT_END_NULL_ARGUMENT = 1, /* a pointer that must be given is NULL, `kind` among them */
  SOTTO_FRONT_END_CHANNELS = 2,
  SOTTO_FRONT_END_FRAME_LENGTH = 3,
  SOTTO_FRONT_END_HOP_LENGTH = 4,
  SOTTO_FRONT_END_ROWS = 5,
  SOTTO_FRONT_END_ROW_HOP = 6,
  SOTTO_FRONT_END_FFT_LENGTH = 7,
  SOTTO_FRONT_END_WINDOW = 8,
  SOTTO_FRONT_END_MEL_BANDS = 9,
  SOTTO_FRONT_END_MEL_OPTION = 10, /* mel_input, mel_scale or mel_triangle */
  SOTTO_FRONT_END_SAMPLE_RATE = 11,
  SOTTO_FRONT_END_MEL_RANGE = 12, /* lower_hz or upper_hz */
  SOTTO_FRONT_END_LOG_FLOOR = 13,
  SOTTO_FRONT_END_COEFFICIENTS = 14,
  SOTTO_FRONT_END_NORMALISATION_COUNT = 15,
  SOTTO_FRONT_END_NORMALISATION = 16, /* an entry is not finite, or beyond what 32-bit values can express */
  SOTTO_FRONT_END_SCALE = 17,
  SOTTO_FRONT_END_ZERO_POINT = 18,
  SOTTO_FRONT_END_UNUSED_FIELD = 19, /* a field that this kind does not have is not 0 */
  SOTTO_FRONT_END_MISALIGNED = 20,
  SOTTO_FRONT_END_ARENA_TOO_SMALL = 21,
  SOTTO_FRONT_END_TABLES_TOO_SMALL = 22,
  SOTTO_FRONT_END_TABLES_DIFFER = 23, /* not the tables of this configuration, or damaged */
  SOTTO_FRONT_END_NOT_READY = 24,
  SOTTO_FRONT_END_OUTPUT_BYTES = 25
} sotto_front_end_error;

/* A sentence for people; never NULL. */
const char* sotto_front_end_error_text(sotto_front_end_error error);

typedef struct sotto_front_end_sizes {
  uint32_t arena_bytes;             /* when the tables are in flash */
  uint32_t tables_bytes;            /* when they are */
  uint32_t arena_with_tables_bytes; /* when opening builds the tables in the arena */
  uint32_t features;                /* of one frame and one channel */
  uint32_t output_bytes;            /* rows * features * channels */
} sotto_front_end_sizes;

/* Checks the whole configuration and tells what it needs. On failure *sizes is all zero. */
sotto_front_end_error sotto_front_end_measure(const sotto_front_end_config* config,
                                              sotto_front_end_sizes* sizes);

/* Writes the configuration's tables: window, sines, mel bands, cosines, normalisation. They hold no pointers
 * and are the same bytes on every little-endian machine, so a build may make them on the host and put them in
 * flash. */
sotto_front_end_error sotto_front_end_build_tables(const sotto_front_end_config* config, void* tables,
                                                   size_t tables_bytes);

/* An opened front end; it lives at the start of the arena. */
typedef struct sotto_front_end sotto_front_end;

/* `tables`: what sotto_front_end_build_tables() wrote, sizes.tables_bytes of it, which must outlive the front
 * end; a CRC-32 over tables and configuration is checked. NULL builds them at the end of the arena. On
 * failure *front_end is NULL, and nothing beyond arena_bytes was touched. */
sotto_front_end_error sotto_front_end_open(const sotto_front_end_config* config, const void* tables,
                                           void* arena, size_t arena_bytes, sotto_front_end** front_end);

/* Takes samples until an output is ready or all `count` of each channel are taken; samples holds count *
 * channels values. Returns how many of each channel were taken. Pushing when an output is ready drops that
 * output and goes on. */
size_t sotto_front_end_push(sotto_front_end* front_end, const int16_t* samples, size_t count);

/* 1 from the sample that completes an output until it is read or more is pushed. */
int sotto_front_end_ready(const sotto_front_end* front_end);

/* Copies the output, oldest row first; output_bytes must be sizes.output_bytes. */
sotto_front_end_error sotto_front_end_read(sotto_front_end* front_end, int8_t* output, size_t output_bytes);

/* Forgets all samples, as after opening. */
void sotto_front_end_reset(sotto_front_end* front_end);

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_DEVICE_RUNTIME_FRONT_END_H */
