// Included before everything else in the mutated copy of the tree. One build holds every planted fault;
// SOTTO_MUTANT names the one that is active. SOTTO_MUTANT_REACHED names a file of kMutantsMax bytes: the byte
// of each fault whose place is run becomes 1, in forked and dying processes too.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstddef>
#include <cstdlib>

namespace sotto_mutation {

inline constexpr std::size_t kMutantsMax = 65536;

inline unsigned active() {
  const char* text = std::getenv("SOTTO_MUTANT");
  return text == nullptr ? 0 : static_cast<unsigned>(std::atoi(text));
}

inline unsigned char* reached_bytes() {
  const char* path = std::getenv("SOTTO_MUTANT_REACHED");
  if (path == nullptr) return nullptr;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) std::abort();
  void* bytes = ::mmap(nullptr, kMutantsMax, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (bytes == MAP_FAILED) std::abort();
  return static_cast<unsigned char*>(bytes);
}

// Zero until they are initialised: what runs before main in another file runs as it was written.
inline const unsigned kActive = active();
inline unsigned char* const kReached = reached_bytes();

inline bool chosen(unsigned mutant) {
  if (kReached != nullptr) *static_cast<volatile unsigned char*>(kReached + mutant) = 1;
  return mutant == kActive;
}

}  // namespace sotto_mutation

// What the compiler evaluates stays as it was written.
constexpr bool sotto_mutant(unsigned mutant) {
  return !__builtin_is_constant_evaluated() && sotto_mutation::chosen(mutant);
}
