// The tab of a sketch that is its user's: here the flash of an emulated board, in the host's file `flash`.
#pragma once

#include <cstddef>
#include <new>

#include "semihosted_flash.h"

// Never destroyed: a board has no end.
inline sotto::Flash& boardFlash() {
  using sotto::board::SemihostedFlash;
  alignas(SemihostedFlash) static std::byte memory[sizeof(SemihostedFlash)];
  static SemihostedFlash& flash = *::new (static_cast<void*>(memory)) SemihostedFlash("flash");
  return flash;
}
