// Looks for a secret in every block that operator delete gives back. One translation unit of a test program
// defines SOTTO_FREED_MEMORY_HOOKS before it includes this: the program's operator delete then reports to
// whoever looks.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "sotto/base/bytes.h"

namespace sotto {

class FreedMemory {
 public:
  // Any 8 consecutive bytes of `secret` count, while this object lives. One at a time.
  explicit FreedMemory(Bytes secret) : secret_(secret) { searching() = this; }
  ~FreedMemory() { searching() = nullptr; }
  FreedMemory(const FreedMemory&) = delete;
  FreedMemory& operator=(const FreedMemory&) = delete;

  [[nodiscard]] std::size_t blocks_with_secrets() const { return found_; }

  // Called with what is about to be freed.
  static void look_at(const void* block) noexcept {
    FreedMemory* const search = searching();
    if (search == nullptr || block == nullptr) return;
    const auto* const bytes = static_cast<const std::uint8_t*>(block);
    search->look_at(Bytes(bytes, malloc_usable_size(const_cast<void*>(block))));
  }

 private:
  static constexpr std::size_t kWindowBytes = 8;

  static FreedMemory*& searching() {
    static thread_local FreedMemory* search = nullptr;
    return search;
  }

  void look_at(Bytes block) noexcept {
    for (std::size_t i = 0; i + kWindowBytes <= secret_.size(); ++i) {
      const Bytes window = secret_.subspan(i, kWindowBytes);
      if (std::search(block.begin(), block.end(), window.begin(), window.end()) != block.end()) {
        ++found_;
        return;
      }
    }
  }

  Bytes secret_;
  std::size_t found_ = 0;
};

}  // namespace sotto

#ifdef SOTTO_FREED_MEMORY_HOOKS
void* operator new(std::size_t size) {
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* block) noexcept {
  sotto::FreedMemory::look_at(block);
  std::free(block);
}
void operator delete[](void* block) noexcept { operator delete(block); }
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }
#endif
