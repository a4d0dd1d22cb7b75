#include "sotto/device_runtime/sotto_device.h"

extern "C" const char* sotto_error_text(sotto_error error) {
  switch (error) {
    case SOTTO_OK:
      return "no error";
    case SOTTO_ERROR_MISALIGNED:
      return "the image or the arena does not start on a 16-byte boundary";
    case SOTTO_ERROR_NOT_AN_IMAGE:
      return "these bytes are no model image";
    case SOTTO_ERROR_VERSION:
      return "the model image has another format version than this runtime: compile the model again";
    case SOTTO_ERROR_CHECKSUM:
      return "the model image is damaged: its CRC-32 differs";
    case SOTTO_ERROR_BAD_IMAGE:
      return "the model image contradicts itself: compile the model again";
    case SOTTO_ERROR_ARENA_TOO_SMALL:
      return "the arena is smaller than sotto_image_arena_bytes() says";
    case SOTTO_ERROR_KERNEL_ABSENT:
      return "the kernel table lacks an operator or a weight layout of this image: link it, or compile for "
             "these kernels";
  }
  return "unknown error";
}
