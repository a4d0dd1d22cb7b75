// Opening an image: every offset, size and parameter is checked here, once, so that invoking it checks
// nothing.
#include "core/model_state.h"
#include "sotto/device_runtime/crc32.h"

namespace sotto::device {
namespace {

constexpr std::size_t kChecksummedFrom = 16;  // behind the checksum itself

// `count` records of `record_bytes` at `offset`, on a record's alignment, within `limit`.
bool records_fit(std::uint32_t offset, std::uint32_t count, std::uint32_t record_bytes, std::uint32_t limit) {
  return offset % 4 == 0 && offset <= limit && count <= (limit - offset) / record_bytes;
}

bool area_fits(std::uint32_t offset, std::uint32_t bytes, std::uint32_t limit) {
  return offset % kActivationAlignment == 0 && offset <= limit && bytes <= limit - offset;
}

std::uint32_t type_bytes(ImageType type) {
  switch (type) {
    case ImageType::kInt8:
    case ImageType::kUint8:
    case ImageType::kBool:
      return 1;
    case ImageType::kInt16:
      return 2;
    case ImageType::kInt32:
    case ImageType::kFloat32:
      return 4;
    case ImageType::kInt64:
      return 8;
  }
  return 0;
}

bool tensor_is_sound(const ImageTensor& tensor, std::uint32_t activation_bytes) {
  std::uint32_t bytes = type_bytes(tensor.type);
  if (bytes == 0 || tensor.rank > kImageRankMax) return false;
  for (std::uint32_t i = 0; i < tensor.rank; ++i) {
    const std::uint64_t product = std::uint64_t{bytes} * tensor.dimensions[i];
    if (product == 0 || product > UINT32_MAX) return false;
    bytes = static_cast<std::uint32_t>(product);
  }
  return bytes == tensor.bytes && area_fits(tensor.offset, tensor.bytes, activation_bytes);
}

bool operand_is_sound(const ImageOperand& operand, bool is_output, const ImageHeader& header) {
  if (operand.place == Place::kArena)
    return area_fits(operand.offset, operand.bytes, header.activation_bytes);
  return operand.place == Place::kImage && !is_output && operand.offset % kImageAlignment == 0 &&
         operand.offset <= header.image_bytes && operand.bytes <= header.image_bytes - operand.offset;
}

// A kernel keeps indices in its scratch, so nothing it writes may lie there.
bool apart_from_scratch(const ImageOperand& operand, const ImageOperator& record) {
  return operand.place != Place::kArena || record.scratch_bytes == 0 || operand.bytes == 0 ||
         operand.offset + operand.bytes <= record.scratch ||
         record.scratch + record.scratch_bytes <= operand.offset;
}

sotto_error check_operator(const std::uint8_t* image, const ImageHeader& header, const ImageOperator& record,
                           const sotto_kernel_table& kernels) {
  const std::uint32_t operand_count = std::uint32_t{record.input_count} + record.output_count;
  if (!records_fit(record.operands, operand_count, sizeof(ImageOperand), header.image_bytes) ||
      record.output_count == 0 || !area_fits(record.scratch, record.scratch_bytes, header.activation_bytes)) {
    return SOTTO_ERROR_BAD_IMAGE;
  }
  const auto* operands = reinterpret_cast<const ImageOperand*>(image + record.operands);
  for (std::uint32_t i = 0; i < operand_count; ++i) {
    if (!operand_is_sound(operands[i], i >= record.input_count, header) ||
        !apart_from_scratch(operands[i], record)) {
      return SOTTO_ERROR_BAD_IMAGE;
    }
  }
  const sotto_kernel* kernel = find_kernel(kernels, record);
  if (kernel == nullptr) return SOTTO_ERROR_KERNEL_ABSENT;
  if (!records_fit(record.parameters, 1, kernel->parameters_bytes, header.image_bytes))
    return SOTTO_ERROR_BAD_IMAGE;
  const KernelCheck check{image,
                          header.image_bytes,
                          image + record.parameters,
                          operands,
                          record.input_count,
                          record.output_count,
                          record.scratch_bytes};
  return kernel->check(check) ? SOTTO_OK : SOTTO_ERROR_BAD_IMAGE;
}

// After the operators are known to lie in the image.
bool head_is_sound(const std::uint8_t* image, const ImageHeader& header) {
  if (header.head == 0) return true;
  if (!records_fit(header.head, 1, sizeof(ImageHead), header.image_bytes)) return false;
  const auto& head = *reinterpret_cast<const ImageHead*>(image + header.head);
  const auto* operators = reinterpret_cast<const ImageOperator*>(image + header.operators);
  return head.operator_index < header.operator_count &&
         operators[head.operator_index].kind == KernelKind::kFullyConnected &&
         tensor_is_sound(head.features, header.activation_bytes) &&
         tensor_is_sound(head.scores, header.activation_bytes) && head.features.type == ImageType::kInt8 &&
         head.scores.type == ImageType::kInt8 &&
         (head.weight_scale_count == 1 || head.weight_scale_count == head.scores.bytes) &&
         records_fit(head.weight_scales, head.weight_scale_count, sizeof(float), header.image_bytes);
}

// What is needed to read the header's fields at all.
sotto_error check_header(const void* image, std::size_t image_bytes) {
  if (image == nullptr || reinterpret_cast<std::uintptr_t>(image) % SOTTO_ALIGNMENT != 0)
    return SOTTO_ERROR_MISALIGNED;
  if (image_bytes < sizeof(ImageHeader)) return SOTTO_ERROR_NOT_AN_IMAGE;
  const auto& header = *static_cast<const ImageHeader*>(image);
  if (header.magic != kImageMagic) return SOTTO_ERROR_NOT_AN_IMAGE;
  if (header.version < kImageVersion || header.version > kImageVersionWithStates ||
      header.header_bytes != sizeof(ImageHeader))
    return SOTTO_ERROR_VERSION;
  const bool sound = header.image_bytes >= sizeof(ImageHeader) && header.image_bytes <= image_bytes &&
                     header.state_bytes == kStateBytes && header.arena_bytes >= kStateBytes &&
                     header.activation_bytes == header.arena_bytes - kStateBytes;
  return sound ? SOTTO_OK : SOTTO_ERROR_BAD_IMAGE;
}

sotto_error check_sections(const std::uint8_t* image, const ImageHeader& header,
                           const sotto_kernel_table& kernels) {
  const std::uint32_t tensor_count = std::uint32_t{header.input_count} + header.output_count;
  const std::uint32_t operator_count = header.operator_count + header.version - kImageVersion;
  if (operator_count < header.operator_count ||
      !records_fit(header.operators, operator_count, sizeof(ImageOperator), header.image_bytes) ||
      !records_fit(header.tensors, tensor_count, sizeof(ImageTensor), header.image_bytes) ||
      header.input_count == 0 || header.output_count == 0 || !head_is_sound(image, header)) {
    return SOTTO_ERROR_BAD_IMAGE;
  }
  const auto* tensors = reinterpret_cast<const ImageTensor*>(image + header.tensors);
  for (std::uint32_t i = 0; i < tensor_count; ++i) {
    if (!tensor_is_sound(tensors[i], header.activation_bytes)) return SOTTO_ERROR_BAD_IMAGE;
  }
  const auto* operators = reinterpret_cast<const ImageOperator*>(image + header.operators);
  for (std::uint32_t i = 0; i < operator_count; ++i) {
    const sotto_error error = check_operator(image, header, operators[i], kernels);
    if (error != SOTTO_OK) return error;
  }
  return SOTTO_OK;
}

sotto_error check_image(const std::uint8_t* image, std::size_t image_bytes, const sotto_kernel_table& kernels,
                        std::uint32_t options) {
  const sotto_error error = check_header(image, image_bytes);
  if (error != SOTTO_OK) return error;
  const auto& header = *reinterpret_cast<const ImageHeader*>(image);
  if ((options & SOTTO_OPEN_SKIP_CHECKSUM) == 0 &&
      crc32(image + kChecksummedFrom, header.image_bytes - kChecksummedFrom) != header.crc32) {
    return SOTTO_ERROR_CHECKSUM;
  }
  return check_sections(image, header, kernels);
}

}  // namespace
}  // namespace sotto::device

using namespace sotto::device;

extern "C" {

uint32_t sotto_image_arena_bytes(const void* image, size_t image_bytes) {
  if (check_header(image, image_bytes) != SOTTO_OK) return 0;
  return static_cast<const ImageHeader*>(image)->arena_bytes;
}

sotto_error sotto_model_open(const void* image, size_t image_bytes, void* arena, size_t arena_bytes,
                             const sotto_kernel_table* kernels, sotto_model** model) {
  return sotto_model_open_with(image, image_bytes, arena, arena_bytes, kernels, 0, model);
}

sotto_error sotto_model_open_with(const void* image, size_t image_bytes, void* arena, size_t arena_bytes,
                                  const sotto_kernel_table* kernels, uint32_t options, sotto_model** model) {
  *model = nullptr;
  if (kernels == nullptr) return SOTTO_ERROR_KERNEL_ABSENT;
  const auto* bytes = static_cast<const std::uint8_t*>(image);
  const sotto_error error = check_image(bytes, image_bytes, *kernels, options);
  if (error != SOTTO_OK) return error;
  const auto& header = *reinterpret_cast<const ImageHeader*>(bytes);
  if (arena_bytes < header.arena_bytes) return SOTTO_ERROR_ARENA_TOO_SMALL;
  if (arena == nullptr || reinterpret_cast<std::uintptr_t>(arena) % SOTTO_ALIGNMENT != 0)
    return SOTTO_ERROR_MISALIGNED;
  auto* state = static_cast<sotto_model*>(arena);
  *state =
      sotto_model{bytes, static_cast<std::uint8_t*>(arena) + kStateBytes, kernels, nullptr, nullptr, nullptr};
  *model = state;
  if ((options & SOTTO_OPEN_KEEP_STATES) == 0) sotto_model_reset(state);
  return SOTTO_OK;
}

}  // extern "C"
