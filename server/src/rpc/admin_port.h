// The administration socket: ours, so that each call's operator is known by what the kernel says of who
// connected. Its file mode is what authenticates: whoever may open it is an operator.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "sotto/base/result.h"

namespace sotto::server {

class AdminPort {
 public:
  // Takes a connection over; on the port's own thread.
  using Take = std::function<void(int descriptor)>;

  // Makes the socket, mode 0600. kIo when it cannot be made, or when a coordinator listens there already.
  [[nodiscard]] static Result<std::unique_ptr<AdminPort>> open(const std::filesystem::path& path);
  ~AdminPort();  // stop()
  AdminPort(const AdminPort&) = delete;
  AdminPort& operator=(const AdminPort&) = delete;

  void start(Take take);
  // Nobody is let in any more, and the socket is gone. Idempotent.
  void stop();

 private:
  AdminPort(std::filesystem::path path, int listener, int wake)
      : path_(std::move(path)), listener_(listener), wake_(wake) {}
  void run(const Take& take) const;

  const std::filesystem::path path_;
  const int listener_;
  const int wake_;  // readable when the thread is to end
  bool open_ = true;
  std::thread thread_;
};

// "uid 1000": who is at the other end of the call of this peer, as gRPC names it ("fd:12"). The connection
// must be open still, as it is while a call arrives.
[[nodiscard]] std::string operator_of(const std::string& peer);

}  // namespace sotto::server
