// One unary call: parse, post to the coordinator's loop, answer when it answers. Messages arrive as raw bytes
// and are parsed here, because gRPC's own answer to bytes that do not parse (UNIMPLEMENTED) would mislead.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "door/doorkeeper.h"
#include "rpc_status.h"
#include "sotto/proto/convert.h"
#include "sotto/server/coordinator_loop.h"

namespace sotto::server {

// Owns itself from construction until gRPC is done with it. Nothing in it blocks.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  using Answer = std::function<grpc::Status(const CoordinatorLoop::ReplyBody&)>;

  [[nodiscard]] static UnaryCall* refused(const grpc::Status& status) {
    UnaryCall* call = new UnaryCall(nullptr);
    call->Finish(status);
    return call;
  }
  // The same after `hold`, or when the caller gives up; `ticket` is given back then.
  [[nodiscard]] static UnaryCall* refused_later(const grpc::Status& status, std::chrono::milliseconds hold,
                                                Ticket ticket) {
    if (hold.count() <= 0) return refused(status);
    UnaryCall* call = new UnaryCall(nullptr);
    call->ticket_ = std::move(ticket);
    call->alarm_.Set(std::chrono::system_clock::now() + hold, [call, status](bool) { call->Finish(status); });
    return call;
  }
  // With a status of OK the response is written already.
  [[nodiscard]] static UnaryCall* finished(const grpc::Status& status) { return refused(status); }
  // Answered by what `work` makes of the store, on its thread. Going away does not call it off.
  [[nodiscard]] static UnaryCall* with_store(CoordinatorLoop& loop,
                                             std::function<grpc::Status(Store&)> work) {
    UnaryCall* call = new UnaryCall(nullptr);
    const bool asked =
        loop.with_store([call, work = std::move(work)](Store& store) { call->Finish(work(store)); });
    if (!asked) call->Finish({grpc::StatusCode::UNAVAILABLE, "the coordinator is shutting down"});
    return call;
  }
  // `answer` writes the response and may run on any thread. `ticket` is given back when gRPC is done with the
  // call, and so with its bytes.
  template <CallEvent Event>
  [[nodiscard]] static UnaryCall* posted(CoordinatorLoop& loop, Event event, Answer answer,
                                         Ticket ticket = {}) {
    UnaryCall* call = new UnaryCall(&loop);
    call->ticket_ = std::move(ticket);
    const auto done = [call, answer = std::move(answer)](const CoordinatorLoop::ReplyBody& body) {
      call->Finish(answered(answer, body));
    };
    // gRPC does not let go of a reactor before the method that made it returns, so `call` is still alive
    // below.
    const CallId id = loop.submit(std::move(event), done);
    const std::lock_guard lock(call->mutex_);
    call->id_ = id;
    return call;
  }

 private:
  explicit UnaryCall(CoordinatorLoop* loop) : self_(this), loop_(loop) {}

  static grpc::Status answered(const Answer& answer, const CoordinatorLoop::ReplyBody& body) {
    try {
      return answer(body);
    } catch (const std::exception& exception) {  // no memory for it
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              std::string("the answer could not be written: ") + exception.what()};
    }
  }

  // The device went away, its deadline passed, or the server is shutting down.
  void OnCancel() override {
    if (loop_ == nullptr) return alarm_.Cancel();  // whose callback finishes, if it was set
    CallId id;
    {
      const std::lock_guard lock(mutex_);
      id = id_;
    }
    if (loop_->cancel(id)) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { const std::unique_ptr<UnaryCall> last = std::move(self_); }

  std::unique_ptr<UnaryCall> self_;
  CoordinatorLoop* const loop_;
  Ticket ticket_;
  grpc::Alarm alarm_;
  std::mutex mutex_;
  CallId id_;
};

template <typename Message>
[[nodiscard]] Status parse(const grpc::ByteBuffer& bytes, Message& message) {
  grpc::ByteBuffer copy(bytes);  // shares the slices
  if (grpc::SerializationTraits<Message>::Deserialize(&copy, &message).ok()) return {};
  return invalid_argument("the request is not a " + message.GetTypeName() + " (" +
                          std::to_string(bytes.Length()) +
                          " bytes that do not decode): check the schema version");
}

template <typename Message>
[[nodiscard]] grpc::Status serialize(const Message& message, grpc::ByteBuffer& bytes) {
  bool own_buffer = false;
  return grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own_buffer);
}

// Writes the coordinator's reply of kind Reply as a WireReply, or returns its refusal.
template <typename Reply, typename WireReply>
[[nodiscard]] grpc::Status write_reply(const CoordinatorLoop::ReplyBody& body, Audience audience,
                                       grpc::ByteBuffer& response) {
  using proto::to_wire;
  if (const auto* refusal = std::get_if<Status>(&body)) return to_rpc_status(*refusal, audience);
  const auto* reply = std::get_if<Reply>(&body);
  SOTTO_CHECK(reply != nullptr);  // the coordinator answers every event with its own kind of reply
  WireReply wire;
  to_wire(*reply, wire);
  return serialize(wire, response);
}

}  // namespace sotto::server
