/* The device runtime's interface for C and C++:
 * open a model image in place, invoke it in one caller-supplied arena.
 *
 *   // sotto_image_arena_bytes(), known before flashing
 *   alignas(SOTTO_ALIGNMENT) static uint8_t arena[ARENA_BYTES];
 *   sotto_model* model;
 *   sotto_error error =
 *       sotto_model_open(image, image_bytes, arena, sizeof arena, &sotto_portable_kernels, &model);
 *   memcpy(sotto_model_input(model, 0).data, samples, sotto_model_input(model, 0).bytes);
 *   error = sotto_model_invoke(model);
 *   const int8_t* scores = sotto_model_output(model, 0).data;
 *
 * No heap, no global state, no floating-point arithmetic in int8 kernels. One model belongs to one thread at
 * a time; any number of models may share an image and a kernel table. The image and the arena must outlive
 * the model, and the image must not change.
 */
#ifndef SOTTO_DEVICE_RUNTIME_SOTTO_DEVICE_H
#define SOTTO_DEVICE_RUNTIME_SOTTO_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Alignment of image and arena, in bytes. */
#define SOTTO_ALIGNMENT 16

/* Every value but SOTTO_OK leaves nothing open; sotto_error_text() says what to do. */
typedef enum sotto_error {
  SOTTO_OK = 0,
  SOTTO_ERROR_MISALIGNED = 1,      /* image or arena is not on a SOTTO_ALIGNMENT boundary */
  SOTTO_ERROR_NOT_AN_IMAGE = 2,    /* too short, or the magic number is absent */
  SOTTO_ERROR_VERSION = 3,         /* written by another version of the compiler: compile the model again */
  SOTTO_ERROR_CHECKSUM = 4,        /* CRC-32 differs: the image is damaged */
  SOTTO_ERROR_BAD_IMAGE = 5,       /* a bound inside the image does not hold */
  SOTTO_ERROR_ARENA_TOO_SMALL = 6, /* see sotto_image_arena_bytes() */
  SOTTO_ERROR_KERNEL_ABSENT =
      7 /* the kernel table lacks an operator, or the weight layout, that the image needs */
} sotto_error;

/* A sentence for people; never NULL. */
const char* sotto_error_text(sotto_error error);

/* One operator's implementation, and the set that a program links. Naming a kernel links it, and nothing else
 * does: list the kernels an image needs (`sotto image inspect`, or the table that `sotto image compile
 * --c-array` writes) and the linker drops the rest. */
typedef struct sotto_kernel sotto_kernel;
typedef struct sotto_kernel_table {
  const sotto_kernel* const* kernels;
  uint32_t count;
} sotto_kernel_table;

/* Every portable kernel: convenient, and as large as that. */
extern const sotto_kernel_table sotto_portable_kernels;
/* The same with kernels for Cortex-M4, M7 and M33 with DSP instructions. */
extern const sotto_kernel_table sotto_cortex_m_dsp_kernels;
/* The same with kernels for Cortex-M55 and M85 with Helium; compiled for those only. */
extern const sotto_kernel_table sotto_helium_kernels;
/* On hosts: kernels for x86-64 with AVX2, and the portable ones. */
extern const sotto_kernel_table sotto_avx2_kernels;

/* An opened model; it lives at the start of the arena. */
typedef struct sotto_model sotto_model;

typedef enum sotto_type {
  SOTTO_INT8 = 1,
  SOTTO_UINT8 = 2,
  SOTTO_INT16 = 3,
  SOTTO_INT32 = 4,
  SOTTO_FLOAT32 = 5,
  SOTTO_BOOL = 6,
  SOTTO_INT64 = 7
} sotto_type;

#define SOTTO_RANK_MAX 6

/* A tensor in the arena: real = scale * (q - zero_point). */
typedef struct sotto_tensor {
  void* data;
  uint32_t bytes;
  sotto_type type;
  float scale;
  int32_t zero_point;
  uint32_t rank;
  const uint32_t* dimensions; /* rank of them, outermost first; in the image */
} sotto_tensor;

/* Bytes of arena that the image needs, state included; 0 when `image` is no image of this version. Reads the
 * header only. */
uint32_t sotto_image_arena_bytes(const void* image, size_t image_bytes);

/* Option bits of sotto_model_open_with(). */
#define SOTTO_OPEN_SKIP_CHECKSUM \
  1u /* bounds are still checked; for waking up on an image that was checked before */

/* The arena still is as this image's model left it: what the model remembers is not set back. */
#define SOTTO_OPEN_KEEP_STATES 2u

/* Checks every bound of the image once and places the model's state at the start of the arena. Any bytes may
 * be given as an image: they are refused or run without leaving image and arena. On failure *model is NULL
 * and the arena may have been written to. */
sotto_error sotto_model_open(const void* image, size_t image_bytes, void* arena, size_t arena_bytes,
                             const sotto_kernel_table* kernels, sotto_model** model);
sotto_error sotto_model_open_with(const void* image, size_t image_bytes, void* arena, size_t arena_bytes,
                                  const sotto_kernel_table* kernels, uint32_t options, sotto_model** model);

/* Why sotto_model_open() gave this error for the same arguments, in words and figures: how large the arena is
 * and must be, which processor the image was compiled for. Written to `text` and cut off where it ends;
 * returns `text`, or sotto_error_text() when there is none. */
const char* sotto_open_error_text(sotto_error error, const void* image, size_t image_bytes,
                                  size_t arena_bytes, const sotto_kernel_table* kernels, char* text,
                                  size_t text_bytes);

/* Runs all operators. The inputs must be filled again before each call: their memory is reused while the
 * model runs. Outputs are valid until the next call or the next write to an input. What a streaming model
 * remembers stays in the arena for the next call. */
sotto_error sotto_model_invoke(sotto_model* model);

/* Sets back what a streaming model remembers from run to run, as opening it does. Other models have nothing
 * to be set back. A profiler is told of it as of one more operator. */
void sotto_model_reset(sotto_model* model);

/* Runs the operators before the trainable head and leaves its features in sotto_model_features(); fails with
 * SOTTO_ERROR_BAD_IMAGE when the model has no head. */
sotto_error sotto_model_invoke_backbone(sotto_model* model);

uint32_t sotto_model_input_count(const sotto_model* model);
uint32_t sotto_model_output_count(const sotto_model* model);
/* Beyond the last one: a tensor whose data is NULL. */
sotto_tensor sotto_model_input(const sotto_model* model, uint32_t index);
sotto_tensor sotto_model_output(const sotto_model* model, uint32_t index);
sotto_tensor sotto_model_features(const sotto_model* model);

/* What the hook is told after each operator. */
typedef struct sotto_operator_profile {
  uint32_t index;           /* in the image, from 0 */
  uint32_t source_index;    /* of the operator in the .tflite file */
  uint32_t source_operator; /* its BuiltinOperator code there */
  uint32_t multiply_accumulates;
  uint32_t ticks;     /* now() after minus now() before, modulo 2^32; 0 without now() */
  const void* output; /* the first output, intact until the hook returns */
  uint32_t output_bytes;
} sotto_operator_profile;

typedef struct sotto_profiler {
  uint32_t (*now)(void* context); /* a cycle counter, or NULL */
  void (*after_operator)(void* context, const sotto_operator_profile* profile);
  void* context;
} sotto_profiler;

/* Reports every operator from now on; NULL stops it. The profiler must outlive its use. */
void sotto_model_set_profiler(sotto_model* model, const sotto_profiler* profiler);

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_DEVICE_RUNTIME_SOTTO_DEVICE_H */
