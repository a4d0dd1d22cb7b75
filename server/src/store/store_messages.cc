#include "sotto/server/store_messages.h"

namespace sotto::server {
namespace {

template <typename Value>
StoreReply reply_of(Result<Value> result) {
  if (!result) return result.error();
  return std::move(*result);
}

struct Answer {
  Store& store;

  StoreReply operator()(const CreateTaskRequest& request) const {
    return reply_of(store.create_task(request.spec, request.initial));
  }
  StoreReply operator()(const SetTaskStateRequest& request) const {
    return store.set_task_state(request.task, request.state);
  }
  StoreReply operator()(const ReserveRoundsRequest& request) const {
    return store.reserve_rounds(request.task, request.through);
  }
  StoreReply operator()(const ReissueModelRequest& request) const {
    return store.reissue_model(request.task, request.version);
  }
  StoreReply operator()(const RollBackModelRequest& request) const {
    return reply_of(store.roll_back_model(request.task, request.back));
  }
  StoreReply operator()(const EditTaskRequest& request) const {
    return store.edit_task(request.task, request.spec, request.state);
  }
  StoreReply operator()(const NoteActRequest&) const { return store.note_act(); }
  StoreReply operator()(const SetBanRequest& request) const { return store.set_ban(request.ban); }
  StoreReply operator()(const LiftBanRequest& request) const { return store.lift_ban(request.device); }
  StoreReply operator()(const DeleteTaskRequest& request) const {
    return store.delete_task(request.task, request.now_ms);
  }
  StoreReply operator()(const RecordRoundRequest& request) const {
    return store.record_round(request.record, request.model ? &*request.model : nullptr, request.state);
  }
  StoreReply operator()(const ListRoundsRequest& request) const {
    return reply_of(store.rounds(request.task, request.count_max));
  }
  StoreReply operator()(const ListModelsRequest& request) const {
    return reply_of(store.models(request.task));
  }
  StoreReply operator()(const LoadModelRequest& request) const {
    return reply_of(store.model(request.task, request.version));
  }
};

}  // namespace

StoreReply answer_request(Store& store, const StoreRequest& request) {
  return std::visit(Answer{store}, request);
}

StoreReply answer_act(Store& store, AuditLog& audit, const StoreRequest& request, const Act& act) {
  if (const Status recorded = audit.append(act); !recorded.ok()) return recorded;
  store.mark_act(audit.head());
  StoreReply reply = answer_request(store, request);
  store.mark_act({});
  const auto* status = std::get_if<Status>(&reply);
  if (status == nullptr || status->ok()) return reply;
  audit.append_failure(act, status->message());
  return reply;
}

}  // namespace sotto::server
