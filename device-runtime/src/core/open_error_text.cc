// Why an image does not open, with the figures of this image. A file of its own: who does not ask for it does
// not link it.
#include "core/model_state.h"

namespace sotto::device {
namespace {

// Text that ends where its memory does.
class TextWriter {
 public:
  TextWriter(char* text, std::size_t bytes) : at_(text), end_(text + bytes - 1) {}

  TextWriter& operator<<(const char* text) {
    while (*text != '\0' && at_ != end_) *at_++ = *text++;
    *at_ = '\0';
    return *this;
  }
  TextWriter& operator<<(std::uint32_t number) {
    char digits[11];
    char* first = digits + sizeof digits - 1;
    *first = '\0';
    do {
      *--first = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return *this << first;
  }

 private:
  char* at_;
  char* end_;
};

// The processors whose kernels read a layout; nullptr for all of them.
const char* processors_of(Layout layout) {
  switch (layout) {
    case Layout::kCortexMDsp:
      return "Cortex-M with DSP instructions (M4, M7, M33)";
    case Layout::kHelium:
      return "Cortex-M with Helium (M55, M85)";
    case Layout::kAvx2:
      return "x86-64 with AVX2";
    case Layout::kPlain:
    case Layout::kPortable:
      return nullptr;
  }
  return "processors that this runtime does not know";
}

// The first operator that the table cannot run. The image has been found sound as far as its operators.
void name_absent_kernel(const ImageHeader& header, const sotto_kernel_table& kernels, TextWriter& text) {
  const auto* image = reinterpret_cast<const std::uint8_t*>(&header);
  const auto* operators = reinterpret_cast<const ImageOperator*>(image + header.operators);
  for (std::uint32_t i = 0; i < header.operator_count; ++i) {
    if (find_kernel(kernels, operators[i]) != nullptr) continue;
    const char* processors = processors_of(operators[i].layout);
    if (processors != nullptr) {
      text << "the model image was compiled for " << processors
           << ", whose kernels are not here: compile the model for this processor, or for all of them";
      return;
    }
    text << "the kernel table lacks kind " << std::uint32_t{static_cast<std::uint16_t>(operators[i].kind)}
         << ", which operator " << i << " of the model image needs: link it";
    return;
  }
}

}  // namespace
}  // namespace sotto::device

using namespace sotto::device;

extern "C" const char* sotto_open_error_text(sotto_error error, const void* image, size_t image_bytes,
                                             size_t arena_bytes, const sotto_kernel_table* kernels,
                                             char* text, size_t text_bytes) {
  if (text_bytes == 0) return sotto_error_text(error);
  text[0] = '\0';
  TextWriter writer(text, text_bytes);
  const std::uint32_t needed = sotto_image_arena_bytes(image, image_bytes);
  if (error == SOTTO_ERROR_ARENA_TOO_SMALL && needed != 0) {
    writer << "the arena has " << static_cast<std::uint32_t>(arena_bytes) << " bytes; the model image needs "
           << needed;
  } else if (error == SOTTO_ERROR_KERNEL_ABSENT && needed != 0 && kernels != nullptr) {
    name_absent_kernel(*static_cast<const ImageHeader*>(image), *kernels, writer);
  }
  if (text[0] == '\0') writer << sotto_error_text(error);
  return text;
}
