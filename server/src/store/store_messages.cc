#include "sotto/server/store_messages.h"

#include <algorithm>

namespace sotto::server {
namespace {

template <typename Value>
StoreReply reply_of(Result<Value> result) {
  if (!result) return result.error();
  return std::move(*result);
}

std::vector<proto::UpdateStatus> statuses(const ModelUpdates& updates) {
  std::vector<proto::UpdateStatus> all;
  for (const PublishedUpdate& update : updates.all()) {
    const model_update::Manifest& manifest = update.manifest;
    all.push_back({.task = std::string(manifest.task.view()),
                   .device_class = std::string(manifest.device_class.view()),
                   .sequence = manifest.sequence,
                   .bytes = manifest.size,
                   .digest = manifest.digest,
                   .expires_at = manifest.expires_at,
                   .share = update.share,
                   .self_tests = manifest.self_tests,
                   .owner = crypto::sha256({update.owner})});
  }
  return all;
}

struct Answer {
  Store& store;
  ModelUpdates* updates;

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
  StoreReply operator()(const FindUpdateRequest& request) const {
    if (updates == nullptr) return FoundUpdate{};
    const PublishedUpdate* offer = updates->offer(question_of(request.question), request.now);
    return offer == nullptr ? FoundUpdate{} : FoundUpdate{offer->message};
  }
  // A device that goes on with an update which is no longer its newest is told so.
  StoreReply operator()(const ReadUpdateRequest& request) const {
    if (updates == nullptr) return no_updates();
    const proto::FetchUpdateRequest& question = request.question;
    const PublishedUpdate* offer = updates->offer({.task = question.task,
                                                   .device_class = question.device_class,
                                                   .device_id = question.device_id,
                                                   .sequence = question.sequence - 1},
                                                  request.now);
    if (question.sequence == 0 || offer == nullptr || offer->manifest.sequence != question.sequence) {
      return not_found("this update is not offered to this device, or no longer: ask for the newest");
    }
    auto bytes = updates->content(*offer, question.offset, question.bytes_max);
    if (!bytes) return bytes.error();
    const std::uint64_t total = offer->manifest.size;
    return proto::ModelChunk{total, std::min(question.offset, total), std::move(*bytes)};
  }
  StoreReply operator()(const KeepUpdateRequest& request) const {
    if (updates == nullptr) return no_updates();
    const auto kept = updates->publish({.manifest = request.request.manifest,
                                        .content = request.content,
                                        .owner = request.request.owner,
                                        .share = request.request.share},
                                       request.now);
    if (!kept) return kept.error();
    return statuses(*updates);
  }
  StoreReply operator()(const SetUpdateShareRequest& request) const {
    if (updates == nullptr) return no_updates();
    const proto::ShareUpdateRequest& change = request.request;
    SOTTO_RETURN_IF_ERROR(updates->set_share(change.task, change.device_class, change.share));
    return statuses(*updates);
  }
  StoreReply operator()(const ListUpdatesRequest&) const {
    return updates == nullptr ? std::vector<proto::UpdateStatus>() : statuses(*updates);
  }

  static UpdateQuestion question_of(const proto::OfferUpdateRequest& request) {
    return {.task = request.task,
            .device_class = request.device_class,
            .device_id = request.device_id,
            .sequence = request.sequence};
  }
  static Status no_updates() { return not_found("this coordinator keeps no updates of boards' models"); }
};

}  // namespace

StoreReply answer_request(const StoreParts& parts, const StoreRequest& request) {
  return std::visit(Answer{parts.store, parts.updates}, request);
}

StoreReply answer_act(const StoreParts& parts, AuditLog& audit, const StoreRequest& request, const Act& act) {
  if (const Status recorded = audit.append(act); !recorded.ok()) return recorded;
  parts.store.mark_act(audit.head());
  StoreReply reply = answer_request(parts, request);
  parts.store.mark_act({});
  const auto* status = std::get_if<Status>(&reply);
  if (status == nullptr || status->ok()) return reply;
  audit.append_failure(act, status->message());
  return reply;
}

}  // namespace sotto::server
