// The model image's records, exactly as they lie in flash: little-endian, 4-byte aligned, offsets in bytes
// from the start of the image. FORMAT.md describes the file; the compiler writes these, the runtime reads
// them in place.
#pragma once

#include <bit>
#include <cstdint>

namespace sotto::device {

static_assert(std::endian::native == std::endian::little, "the image is read in place");

inline constexpr std::uint32_t kImageMagic = 0x4D544F53;  // "SOTM"
inline constexpr std::uint16_t kImageVersion = 1;
// Of an image that has states, with one more ImageOperator behind the others, of kind kStates. A runtime that
// knows none would run it as if it had no memory.
inline constexpr std::uint16_t kImageVersionWithStates = 2;
inline constexpr std::uint32_t kImageAlignment = 16;  // of the image, its sections and every constant in it
inline constexpr std::uint32_t kActivationAlignment = 4;  // of every tensor and scratch area in the arena
inline constexpr std::uint32_t kStateBytes = 64;          // of the model's state, at the start of the arena
inline constexpr std::uint32_t kImageRankMax = 6;

// Which inner loop runs an operator. A number, once published, keeps its meaning.
enum class KernelKind : std::uint16_t {
  kConv2d = 1,
  kPointwiseConv2d = 2,  // 1x1, stride 1, no padding: one matrix product over all pixels
  kDepthwiseConv2d = 3,
  kFullyConnected = 4,
  kAdd = 5,
  kAveragePool2d = 6,
  kMaxPool2d = 7,
  kCopy = 8,  // RESHAPE and what else moves bytes; nothing at all when planned in place
  kSoftmax = 9,
  kLookup = 10,  // 10 to 17: kernels/tensor/tensor_operators.h
  kElementwise = 11,
  kRearrange = 12,
  kReduce = 13,
  kArgMax = 14,
  kResizeNearest = 15,
  kQuantize = 16,
  kDequantize = 17,
  kRequantize = 18,  // between 8, 16 and 32 bits
  kSvdf = 19,        // 19, 20: kernels/recurrent/recurrent_operators.h
  kLstm = 20,
  kSoftmaxToInt16 = 21,
  kPaddedAveragePool2d = 22,
  kPaddedMaxPool2d = 23,
  kResizeBilinear = 24,  // 24, 27 to 33: kernels/tensor/further_operators.h
  kTransposeConv2d = 25,
  kGroupedConv2d = 26,
  kBatchMatmul = 27,
  kGather = 28,
  kL2Normalization = 29,
  kSquaredDifference = 30,
  kDivide = 31,
  kCompare = 32,
  kSelect = 33,
  kStates = 34,  // no operator of the model: what it remembers, set to its first values
  kPad = 35,     // kernels/tensor/tensor_operators.h
};

// How an operator's constants are arranged. A kernel speaks one layout; kind and layout together choose it.
enum class Layout : std::uint16_t {
  kPlain = 0,       // as in the .tflite file, or no weights at all
  kPortable = 1,    // kernels/portable
  kCortexMDsp = 2,  // kernels/cortex_m_dsp
  kHelium = 3,      // kernels/helium
  kAvx2 = 4,        // kernels/avx2
};

enum class ImageType : std::uint8_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kInt32 = 4,
  kFloat32 = 5,
  kBool = 6,
  kInt64 = 7
};

struct ImageHeader {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t header_bytes;                  // sizeof(ImageHeader)
  std::uint32_t image_bytes;                   // of the whole image, a multiple of kImageAlignment
  std::uint32_t crc32;                         // CRC-32 (IEEE 802.3, as in zlib) of the bytes from 16 on
  std::uint8_t sha256[32];                     // of the bytes from 48 on
  std::uint32_t arena_bytes;                   // state_bytes + activation_bytes
  std::uint32_t state_bytes;                   // kStateBytes
  std::uint32_t activation_bytes;              // tensors and scratch, behind the state
  std::uint32_t activation_lower_bound_bytes;  // no plan for these kernels needs less
  std::uint32_t max_live_bytes;                // tensors alive at once; no plan without overlap needs less
  std::uint32_t operators;                     // ImageOperator[operator_count], in execution order
  std::uint32_t operator_count;
  std::uint32_t tensors;  // ImageTensor[input_count + output_count]: inputs, then outputs
  std::uint16_t input_count;
  std::uint16_t output_count;
  std::uint32_t head;          // ImageHead, or 0 when the model has no trainable head
  std::uint32_t source_crc32;  // of the .tflite file
  std::uint32_t reserved;      // 0
};
static_assert(sizeof(ImageHeader) == 96);

struct ImageTensor {
  std::uint32_t offset;  // in the activation area
  std::uint32_t bytes;
  ImageType type;
  std::uint8_t rank;
  std::uint16_t reserved;
  float scale;
  std::int32_t zero_point;
  std::uint32_t dimensions[kImageRankMax];
};
static_assert(sizeof(ImageTensor) == 44);

enum class Place : std::uint32_t { kArena = 0, kImage = 1 };

// What an operator reads or writes: bytes of the activation area, or constants.
struct ImageOperand {
  std::uint32_t offset;  // in the activation area or in the image
  std::uint32_t bytes;
  Place place;  // outputs: kArena
};
static_assert(sizeof(ImageOperand) == 12);

struct ImageOperator {
  KernelKind kind;
  Layout layout;
  std::uint16_t source_operator;  // BuiltinOperator of the .tflite schema
  std::uint16_t source_index;     // among the .tflite file's operators
  std::uint32_t parameters;       // the struct of its kind, see kernels.h
  std::uint32_t operands;         // ImageOperand[input_count + output_count]: inputs, then outputs
  std::uint16_t input_count;
  std::uint16_t output_count;
  std::uint32_t scratch;  // in the activation area
  std::uint32_t scratch_bytes;
  std::uint32_t multiply_accumulates;
};
static_assert(sizeof(ImageOperator) == 32);

// The trainable head: the last fully connected layer. Everything before it is the frozen backbone. Its
// weights and folded biases are its operator's; a bias of the .tflite file is the folded one plus
// input_zero_point times the sum of its row of weights.
struct ImageHead {
  std::uint32_t operator_index;
  std::uint32_t weight_scales;       // float[weight_scale_count]
  std::uint32_t weight_scale_count;  // 1, or one per output
  std::uint32_t reserved;
  ImageTensor features;  // the head's input, int8
  ImageTensor scores;    // its output, int8
};
static_assert(sizeof(ImageHead) == 104);

}  // namespace sotto::device
