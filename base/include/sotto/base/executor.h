// Where parallel work runs. Cores hand loops to an Executor and start no threads of their own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace sotto {

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs body(0) .. body(count - 1), each exactly once, in any order and on any thread; returns when all are
  // done. `body` must not throw and must not call back into this executor.
  virtual void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) = 0;
  [[nodiscard]] virtual std::size_t thread_count() const = 0;
};

// Runs everything on the calling thread.
class InlineExecutor final : public Executor {
 public:
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) override {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
  [[nodiscard]] std::size_t thread_count() const override { return 1; }
};

// A fixed pool, of fewer threads where no more are to be had; the calling thread works too. parallel_for is
// thread-safe: concurrent calls take turns.
[[nodiscard]] std::unique_ptr<Executor> make_thread_pool(std::size_t threads);

}  // namespace sotto
