// Sockets that listen on an address of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sotto/base/result.h"

namespace sotto::hosting {

// Closed at the end of its life. Whoever accepts from them does not block, and programs that this one starts
// do not inherit them.
class ListeningSockets {
 public:
  // host:port; a name listens on all of its addresses, 0.0.0.0 and [::] on all of this machine's, of both
  // kinds. Port 0 takes a free one, the same for all. Nobody else may listen there. Errors are those of
  // listen_address.h: kInvalidArgument, kIo.
  [[nodiscard]] static Result<ListeningSockets> open(const std::string& address);
  ~ListeningSockets();
  ListeningSockets(ListeningSockets&& other) noexcept;
  ListeningSockets& operator=(ListeningSockets&& other) noexcept;
  ListeningSockets(const ListeningSockets&) = delete;
  ListeningSockets& operator=(const ListeningSockets&) = delete;

  [[nodiscard]] const std::vector<int>& descriptors() const { return descriptors_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Refuses connections from then on, also those that nobody has accepted yet. Idempotent.
  void close();

 private:
  ListeningSockets() = default;

  std::vector<int> descriptors_;
  std::uint16_t port_ = 0;
};

}  // namespace sotto::hosting
