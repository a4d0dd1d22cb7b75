// Room for an object whose type only the backend knows, inside the object that uses it: no heap, and no
// third-party type in a header. Whoever has one calls create() in every constructor and destroy() in the
// destructor, in the backend's source. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace sotto::crypto {

template <std::size_t Bytes>
class BackendObject {
 public:
  BackendObject() = default;
  ~BackendObject() = default;
  BackendObject(const BackendObject&) = delete;
  BackendObject& operator=(const BackendObject&) = delete;

  template <typename Object, typename... Arguments>
  Object& create(Arguments&&... arguments) {
    static_assert(sizeof(Object) <= Bytes, "the backend's header promises less than the object needs");
    static_assert(alignof(Object) <= alignof(std::uint64_t));
    return *::new (static_cast<void*>(memory_)) Object{std::forward<Arguments>(arguments)...};
  }
  template <typename Object>
  [[nodiscard]] Object& get() {
    return *std::launder(reinterpret_cast<Object*>(memory_));
  }
  template <typename Object>
  [[nodiscard]] const Object& get() const {
    return *std::launder(reinterpret_cast<const Object*>(memory_));
  }
  template <typename Object>
  void destroy() {
    get<Object>().~Object();
  }

 private:
  alignas(std::uint64_t) std::byte memory_[Bytes];
};

}  // namespace sotto::crypto
