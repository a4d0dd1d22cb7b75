#include "sotto/client/update_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <utility>

#include "sotto/base/limits.h"
#include "sotto/host/file.h"

namespace sotto::client {
namespace {

using model_update::Manifest;
using model_update::Refusal;
using Buffer = std::vector<std::uint8_t>;

constexpr int kChallengesMax = 3;
constexpr std::size_t kPartHeadBytes = sizeof(crypto::Digest);  // SHA-256 of the manifest that it is of

// One call, whose answer is of kind T.
template <typename T>
Result<Reply> call(Transport& transport, const Request& request) {
  auto answered = std::make_shared<std::promise<Result<Reply>>>();
  std::future<Result<Reply>> future = answered->get_future();
  transport.send(request, [answered](Result<Reply> reply) { answered->set_value(std::move(reply)); });
  Result<Reply> reply = future.get();
  if (!reply || std::holds_alternative<T>(*reply)) return reply;
  return data_loss("the coordinator answers with something else than was asked for");
}

std::chrono::milliseconds drawn_from(const proto::RetryWindow& window, Random& random) {
  const std::uint64_t width = window.delay_max_ms - window.delay_min_ms;
  return std::chrono::milliseconds(window.delay_min_ms + random.below(width + 1));
}

}  // namespace

std::filesystem::path UpdateFolder::manifest_file() const {
  return options_.folder / (options_.task + ".manifest");
}
std::filesystem::path UpdateFolder::part_file() const { return options_.folder / (options_.task + ".part"); }
std::filesystem::path UpdateFolder::content_file(std::uint64_t sequence) const {
  return options_.folder / fmt::format("{}-{}.update", options_.task, sequence);
}
std::filesystem::path UpdateFolder::newest_file() const { return content_file(sequence_); }

Result<UpdateFolder> UpdateFolder::open(UpdateFolderOptions options) {
  for (const std::string* name : {&options.device_id, &options.task, &options.device_class}) {
    if (!proto::valid_name(*name)) {
      return invalid_argument("\"" + *name +
                              "\": a device, a task and a class have 1 to 64 bytes of A-Z a-z 0-9 . _ -");
    }
  }
  SOTTO_RETURN_IF_ERROR(host::make_private_folder(options.folder));
  UpdateFolder folder(std::move(options));
  SOTTO_RETURN_IF_ERROR(folder.load());
  return folder;
}

// What somebody else has put there is no update; what has become damaged is fetched again.
Status UpdateFolder::load() {
  const auto message = host::read_file(manifest_file(), model_update::kManifestBytesMax);
  if (!message) return message.error();
  Manifest manifest;
  if (!message->has_value() ||
      model_update::read_signed(**message, options_.owner, manifest) != Refusal::kNone ||
      manifest.kind != model_update::Kind::kImage || manifest.task.view() != options_.task ||
      manifest.device_class.view() != options_.device_class) {
    return {};
  }
  sequence_ = manifest.sequence;
  const auto content = host::read_file(content_file(sequence_), manifest.size);
  if (!content && content.error().code() != StatusCode::kDataLoss) return content.error();
  if (content && content->has_value() && check_bytes(manifest, **content) == Refusal::kNone) {
    newest_ = manifest;
  }
  return {};
}

proto::OfferUpdateRequest UpdateFolder::question() const {
  return {.device_id = options_.device_id,
          .task = options_.task,
          .device_class = options_.device_class,
          .sequence = newest_ || sequence_ == 0 ? sequence_ : sequence_ - 1,
          .enrolled = options_.identity != nullptr,
          .pass = pass_};
}

Result<Reply> UpdateFolder::ask(Transport& transport) {
  proto::OfferUpdateRequest request = question();
  for (int challenges = 0; challenges <= kChallengesMax; ++challenges) {
    Result<Reply> reply = call<proto::OfferUpdateReply>(transport, request);
    if (!reply) return reply;
    const auto& answer = std::get<proto::OfferUpdateReply>(*reply);
    const auto* offer = std::get_if<proto::UpdateOffer>(&answer);
    if (offer != nullptr && !offer->pass.empty()) pass_ = offer->pass;
    const auto* challenge = std::get_if<proto::UpdateChallenge>(&answer);
    if (challenge == nullptr) return reply;
    if (options_.identity == nullptr) {
      return Status(StatusCode::kPermissionDenied, "the coordinator asks who this device is (--identity)");
    }
    secagg::Identity identity = *options_.identity;
    const secagg::Statement statement =
        secagg::update_statement(challenge->coordinator, challenge->challenge, options_.device_id);
    request.proof =
        proto::UpdateProof{challenge->challenge,
                           secagg::make_credential(identity.signer, identity.endorsement, statement.bytes())};
  }
  return Status(StatusCode::kUnavailable, "the coordinator challenges this device again and again");
}

// As a board does; one that was taken and is damaged may come once more.
Result<Manifest> UpdateFolder::check(Bytes message, std::uint64_t now) const {
  Manifest manifest;
  const Refusal refusal = check_image(message,
                                      {.owner = options_.owner,
                                       .device_class = options_.device_class,
                                       .task = options_.task,
                                       .sequence = question().sequence,
                                       .now = now,
                                       .slot_bytes = options_.bytes_max,
                                       .ram_bytes = options_.ram_bytes},
                                      manifest);
  if (refusal == Refusal::kNone) return manifest;
  return invalid_argument(std::string("the update that is offered: ") + model_update::describe(refusal));
}

// How many bytes of it are there already.
Result<std::uint64_t> UpdateFolder::begin_part(Bytes message, const Manifest& manifest) {
  const crypto::Digest of = crypto::sha256({message});
  std::error_code absent;
  const std::uint64_t size = std::filesystem::file_size(part_file(), absent);
  if (!absent && size >= kPartHeadBytes && size - kPartHeadBytes <= manifest.size) {
    crypto::Digest head{};
    std::ifstream part(part_file(), std::ios::binary);
    part.read(reinterpret_cast<char*>(head.data()), sizeof head);
    if (part && head == of) return size - kPartHeadBytes;
  }
  SOTTO_RETURN_IF_ERROR(host::write_file(part_file(), of, host::kSecretFile));
  return std::uint64_t{0};
}

// A coordinator that was started anew knows no pass of before: it is asked for the offer once more.
Result<Reply> UpdateFolder::next_piece(Transport& transport, const Manifest& manifest, std::uint64_t offset) {
  for (bool again = false;; again = true) {
    Result<Reply> reply =
        call<proto::ModelChunk>(transport, proto::FetchUpdateRequest{.device_id = options_.device_id,
                                                                     .task = options_.task,
                                                                     .device_class = options_.device_class,
                                                                     .sequence = manifest.sequence,
                                                                     .offset = offset,
                                                                     .bytes_max = limits::kUpdateChunkBytes,
                                                                     .pass = pass_});
    if (!reply && reply.error().code() == StatusCode::kFailedPrecondition && !again) {
      const Result<Reply> offered = ask(transport);
      if (!offered) return offered;
      continue;
    }
    if (!reply) return reply;
    const auto& chunk = std::get<proto::ModelChunk>(*reply);
    if (chunk.offset != offset || chunk.total_bytes != manifest.size || chunk.bytes.empty()) {
      return data_loss("the pieces of the update do not fit together: try again");
    }
    return reply;
  }
}

Status UpdateFolder::fetch(Transport& transport, Bytes message, const Manifest& manifest) {
  auto there = begin_part(message, manifest);
  if (!there) return there.error();
  std::ofstream part(part_file(), std::ios::binary | std::ios::app);
  for (std::uint64_t offset = *there; offset < manifest.size;) {
    const Result<Reply> piece = next_piece(transport, manifest, offset);
    if (!piece) return piece.error();
    const Buffer& bytes = std::get<proto::ModelChunk>(*piece).bytes;
    part.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!part.flush()) return io_error("cannot write " + part_file().string());
    offset += bytes.size();
  }
  return {};
}

// The content first, the manifest last: it says what counts.
Status UpdateFolder::take(Bytes message, const Manifest& manifest) {
  const auto part = host::read_file(part_file(), kPartHeadBytes + manifest.size);
  if (!part) return part.error();
  const Bytes content = part->has_value() && (*part)->size() >= kPartHeadBytes
                            ? Bytes(**part).subspan(kPartHeadBytes)
                            : Bytes();
  if (check_bytes(manifest, content) != Refusal::kNone) {
    SOTTO_RETURN_IF_ERROR(host::remove_file(part_file()));
    return data_loss(std::string("the update that was fetched: ") +
                     model_update::describe(Refusal::kWrongDigest));
  }
  const std::filesystem::path before = newest_file();
  SOTTO_RETURN_IF_ERROR(host::write_file(content_file(manifest.sequence), content, host::kSecretFile));
  SOTTO_RETURN_IF_ERROR(host::write_file(manifest_file(), message, host::kSecretFile));
  const bool replaces = sequence_ != 0 && sequence_ != manifest.sequence;
  sequence_ = manifest.sequence;
  newest_ = manifest;
  if (replaces) SOTTO_RETURN_IF_ERROR(host::remove_file(before));
  return host::remove_file(part_file());
}

Result<UpdateFolder::Looked> UpdateFolder::look(Transport& transport, Random& random, std::uint64_t now) {
  const Result<Reply> reply = ask(transport);
  if (!reply) return reply.error();
  const auto& answer = std::get<proto::OfferUpdateReply>(*reply);
  if (const auto* none = std::get_if<proto::NoUpdate>(&answer)) {
    return Looked{.taken = false, .ask_again = drawn_from(none->window, random)};
  }
  const Buffer& message = std::get<proto::UpdateOffer>(answer).manifest;
  const auto manifest = check(message, now);
  if (!manifest) return manifest.error();
  SOTTO_RETURN_IF_ERROR(fetch(transport, message, *manifest));
  SOTTO_RETURN_IF_ERROR(take(message, *manifest));
  return Looked{.taken = true, .ask_again = {}};
}

}  // namespace sotto::client
