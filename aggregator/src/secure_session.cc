// Steps and messages of the secure session; secure_unmasking.cc has what happens after the last of them.
#include "secure_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "ring_sum.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/parameters.h"

namespace sotto::aggregator {
namespace {

using proto::Step;

secagg::GraphRequest request_of(const proto::AggregationSpec& spec, std::uint32_t participants) {
  return {.participants = participants,
          .adversary = spec.adversary,
          .corrupt_fraction = spec.corrupt_fraction,
          .dropout_fraction = spec.dropout_fraction,
          .honest_min = spec.honest_min};
}

Status nothing_serves(const proto::AggregationSpec& spec, std::uint32_t participants,
                      const std::string& advice) {
  const std::string floor = secagg::is_signed(spec.adversary)
                                ? fmt::format(" and leaves {} honest in every sum", spec.honest_min)
                                : "";
  return invalid_argument(fmt::format(
      "no threshold serves {} participants, of whom {} may be corrupt and {} drop out, against a {} "
      "server{}: {}",
      participants, secagg::corrupt_heads(spec.corrupt_fraction, participants),
      secagg::dropped_heads(spec.dropout_fraction, participants), proto::to_string(spec.adversary), floor,
      advice));
}

crypto::X25519PrivateKey draw_key(Random& random) {
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  random.fill(scalar.reveal_mutable());
  return crypto::X25519PrivateKey(scalar);
}

std::uint32_t count_of(const std::vector<bool>& members) {
  return static_cast<std::uint32_t>(std::count(members.begin(), members.end(), true));
}

}  // namespace

Status SecureSession::check_plan(const proto::Plan& plan) {
  const proto::AggregationSpec& spec = plan.aggregation;
  if (secagg::choose_graph(request_of(spec, spec.participants_max))) return {};
  return nothing_serves(spec, spec.participants_max,
                        "lower honest_min, the corrupt fraction or the drop-out fraction, or raise "
                        "participants_max");
}

SecureSession::SecureSession(const proto::Plan& plan, Bytes plan_bytes, Random& random,
                             const secagg::Trust& authority, std::uint64_t now)
    : AttendedSession(plan, random),
      layout_(proto::ring_layout(plan)),
      context_(proto::session_context(plan, plan_bytes)),
      probe_(draw_key(random)),
      revoked_(authority.revoked.begin(), authority.revoked.end()),
      authority_(authority),
      now_(now),
      accumulator_(layout_.byte_count()) {
  authority_.revoked = revoked_;
  random.fill(session_id_);
}

// ---- what devices send ----

Rejection SecureSession::accept_join(Bytes payload, Signature signature) {
  secagg::JoinMessage join;
  Rejection rejection = secagg::decode_join(payload, plan().aggregation.adversary, join);
  if (accepted(rejection)) rejection = accept_keys(join.keys);
  if (accepted(rejection) && is_signed())
    rejection = accept_credential(payload.first(secagg::kAdvertiseBytes), join.credential, signature);
  if (!accepted(rejection)) return rejection;
  keys_seen_.insert(join.keys.channel);
  keys_seen_.insert(join.keys.mask);
  keys_.push_back(join.keys);
  return Rejection::kNone;
}

Rejection SecureSession::accept_keys(const secagg::AdvertisedKeys& keys) {
  if (keys.channel == keys.mask || keys_seen_.contains(keys.channel) || keys_seen_.contains(keys.mask)) {
    return Rejection::kBadKey;
  }
  // Neighbours would refuse the whole roster for such a key.
  crypto::SecretBytes<crypto::kX25519Bytes> shared;
  const bool usable = probe_->agree(keys.channel, shared) && probe_->agree(keys.mask, shared);
  return usable ? Rejection::kNone : Rejection::kBadKey;
}

// So would they for an identity that is there twice or proves nothing.
Rejection SecureSession::accept_credential(Bytes keys, const secagg::Credential& credential,
                                           Signature signature) {
  const crypto::Digest identity = secagg::identity_of(credential.key);
  if (identities_seen_.contains(identity)) return Rejection::kBadKey;
  if (signature == Signature::kToVerify) {
    const secagg::Statement joins = secagg::join_statement(context_.plan_digest, keys);
    const secagg::CredentialCheck check{
        .role = secagg::Role::kDevice, .trust = authority_, .message = joins.bytes(), .now = now_};
    const Rejection rejection = secagg::check_credential(credential, check, verifier_);
    if (!accepted(rejection)) return rejection;
  }
  identities_seen_.insert(identity);
  credentials_.push_back(credential);
  return Rejection::kNone;
}

Rejection SecureSession::accept(ParticipantIndex from, Bytes payload) {
  const std::size_t i = from.value;
  switch (step()) {
    case Step::kJoin:
      break;
    case Step::kShare: {
      if (payload.size() != secagg::shares_bytes(graph_.parameters().neighbours))
        return Rejection::kWrongLength;
      std::copy_n(payload.begin(), commitments_[i].size(), commitments_[i].begin());
      const std::size_t tags = secagg::share_record_offset(graph_.parameters().neighbours);
      const Bytes records = payload.first(tags).subspan(commitments_[i].size());
      records_[i].assign(records.begin(), records.end());
      pair_tags_[i].assign(payload.begin() + static_cast<std::ptrdiff_t>(tags), payload.end());
      return Rejection::kNone;
    }
    case Step::kCollect: {
      const Rejection rejection = secagg::ring_add_message(layout_, accumulator_, payload);
      if (accepted(rejection)) counted_[i] = true;
      return rejection;
    }
    case Step::kConfirm:
      return accept_confirmation(i, payload);
    case Step::kUnmask: {
      if (payload.size() != secagg::unmask_answer_bytes(graph_.count(i, alive_), missing_neighbours(i)))
        return Rejection::kWrongLength;
      answers_[i].assign(payload.begin(), payload.end());
      return Rejection::kNone;
    }
  }
  return Rejection::kWrongPhase;
}

Rejection SecureSession::accept_confirmation(std::size_t from, Bytes payload) {
  crypto::Es256Signature signature;
  if (payload.size() != signature.size()) return Rejection::kWrongLength;
  std::copy(payload.begin(), payload.end(), signature.begin());
  const ParticipantIndex signer{static_cast<std::uint16_t>(from)};
  const secagg::Statement statement = secagg::survivors_statement(transcript_, signer, survivors_digest_);
  if (!verifier_.verify(credentials_[from].key, statement.bytes(), signature))
    return Rejection::kBadSignature;
  confirmations_[from] = signature;
  confirmed_[from] = true;
  return Rejection::kNone;
}

// ---- the ends of steps ----

Result<std::optional<Step>> SecureSession::end_step() {
  switch (step()) {
    case Step::kJoin:
      return end_join();
    case Step::kShare:
      return end_share();
    case Step::kCollect:
      return end_collect();
    case Step::kConfirm:
      return end_confirm();
    case Step::kUnmask:
      return end_unmask();
  }
  return aborted("no such step");
}

// For a cohort of a size that nothing serves: heads are whole, so one may be served and the next not.
std::string SecureSession::advice() const {
  const auto smallest =
      secagg::smallest_served(request_of(plan().aggregation, plan().aggregation.participants_max));
  return fmt::format("raise cohort_min to {}, from where on all sizes are served", smallest.value_or(0));
}

Result<std::optional<Step>> SecureSession::end_join() {
  const auto graph = secagg::choose_graph(request_of(plan().aggregation, participant_count()));
  if (!graph) return aborted(nothing_serves(plan().aggregation, participant_count(), advice()).message());
  write_roster(*graph);
  probe_.reset();
  keys_seen_.clear();
  identities_seen_.clear();
  commitments_.resize(keys_.size());
  records_.resize(keys_.size());
  pair_tags_.resize(keys_.size());
  counted_.resize(keys_.size());
  confirmed_.resize(keys_.size());
  confirmations_.resize(credentials_.size());
  answers_.resize(keys_.size());
  return std::optional(Step::kShare);
}

void SecureSession::write_roster(const secagg::GraphParameters& graph) {
  const secagg::Adversary adversary = plan().aggregation.adversary;
  std::vector<std::uint8_t> entries(keys_.size() * secagg::entry_bytes(adversary));
  ByteWriter writer(entries);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    secagg::encode_advertise(keys_[i],
                             writer.reserve(secagg::kAdvertiseBytes).first<secagg::kAdvertiseBytes>());
    if (is_signed()) writer.bytes(secagg::identity_of(credentials_[i].key));
  }
  const secagg::Roster roster{.prg = context_.prg,
                              .adversary = adversary,
                              .ring_bits = layout_.bits(),
                              .session_id = session_id_,
                              .graph = graph,
                              .entries = entries};
  roster_head_.resize(secagg::roster_head_bytes(adversary, keys_.size()));
  secagg::encode_roster(roster, roster_head_);
  const crypto::Digest root = secagg::roster_root(roster);
  transcript_ = secagg::transcript_digest(context_, roster, root);
  graph_ = Neighbourhood(graph, secagg::graph_seed(roster, root));
}

// A participant with fewer than t live neighbours could not be recovered and would refuse the delivery. It is
// left out before anybody masks with it; that may leave others short, hence the repetition until nobody is.
std::vector<bool> SecureSession::sustainable() const {
  std::vector<bool> members(keys_.size());
  for (std::uint16_t i = 0; i < participant_count(); ++i) members[i] = answered(ParticipantIndex{i});
  bool changed = true;
  while (changed) {
    changed = false;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (!members[i] || graph_.count(i, members) >= graph_.parameters().threshold) continue;
      members[i] = false;
      changed = true;
    }
  }
  return members;
}

Result<std::optional<Step>> SecureSession::end_share() {
  const std::uint32_t shared = answered_count();
  alive_ = sustainable();
  const std::uint32_t left = count_of(alive_);
  if (left < plan().aggregation.cohort_min) {
    return aborted(
        fmt::format("{} participants shared, but only {} of them have the {} live neighbours they need; at "
                    "least {} such participants are needed",
                    shared, left, graph_.parameters().threshold, plan().aggregation.cohort_min));
  }
  for (std::uint16_t i = 0; i < participant_count(); ++i) {
    if (!alive_[i]) drop(ParticipantIndex{i});
  }
  return std::optional(Step::kCollect);
}

SecureSession::Need SecureSession::need_of(std::size_t owner) const {
  if (counted_[owner]) return Need::kSelfSeed;
  // Without a counted neighbour its masks are in no counted vector.
  return alive_[owner] && graph_.count(owner, counted_) > 0 ? Need::kMaskSeed : Need::kNothing;
}

std::size_t SecureSession::missing_neighbours(std::size_t of) const {
  return graph_.count(of, alive_) - graph_.count(of, counted_);  // whoever is counted was alive
}

Status SecureSession::too_few_shares(std::size_t owner, std::size_t shares) const {
  if (shares >= graph_.parameters().threshold) return {};
  const char* seed = need_of(owner) == Need::kSelfSeed ? "self" : "mask";
  return aborted(fmt::format("the {} seed of participant {} has {} shares left, {} are needed", seed, owner,
                             shares, graph_.parameters().threshold));
}

Status SecureSession::check_holders(const std::vector<bool>& holders) const {
  for (std::size_t owner = 0; owner < keys_.size(); ++owner) {
    if (need_of(owner) == Need::kNothing) continue;
    SOTTO_RETURN_IF_ERROR(too_few_shares(owner, graph_.count(owner, holders)));
  }
  return {};
}

Result<std::optional<Step>> SecureSession::end_collect() {
  vectors_ = count_of(counted_);
  SOTTO_RETURN_IF_ERROR(check_holders(counted_));
  records_.clear();
  survivors_.assign(secagg::confirm_request_bytes(keys_.size()), 0);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (counted_[i]) secagg::bitmap_set(survivors_, i);
  }
  survivors_digest_ = crypto::sha256({survivors_});
  return std::optional(is_signed() ? Step::kConfirm : Step::kUnmask);
}

// Who signed is asked for shares, if enough of its neighbours signed, too: it would refuse fewer. Whoever did
// not is in the sum all the same.
Result<std::optional<Step>> SecureSession::end_confirm() {
  std::vector<bool> asked = confirmed_;
  for (std::uint16_t i = 0; i < participant_count(); ++i) {
    if (!confirmed_[i] || graph_.count(i, confirmed_) >= graph_.parameters().threshold) continue;
    asked[i] = false;
    drop(ParticipantIndex{i});
  }
  const Status enough = check_holders(asked);
  if (enough.ok()) return std::optional(Step::kUnmask);
  return aborted(fmt::format(
      "{} of {} survivors confirmed who survived, {} of them with {} neighbours that did; {}",
      count_of(confirmed_), vectors_, count_of(asked), graph_.parameters().threshold, enough.message()));
}

Result<std::optional<Step>> SecureSession::end_unmask() {
  sort_answers_by_owner();
  for (std::size_t owner = 0; owner < keys_.size(); ++owner) {
    const Need need = need_of(owner);
    const bool opened = need == Need::kSelfSeed || (need == Need::kMaskSeed && lacks_a_pair(owner));
    if (opened) SOTTO_RETURN_IF_ERROR(too_few_shares(owner, held_[owner].shares.size()));
  }
  return std::optional<Step>();
}

// ---- what devices receive ----

std::vector<std::uint8_t> SecureSession::message_for(ParticipantIndex participant) const {
  if (!open() || !awaited(participant)) return {};
  switch (step()) {
    case Step::kJoin:
      return {};
    case Step::kShare:
      return roster_for(participant.value);
    case Step::kCollect:
      return share_delivery(participant.value);
    case Step::kConfirm:
      return survivors_;
    case Step::kUnmask:
      return is_signed() ? unmask_request(participant.value) : survivors_;
  }
  return {};
}

std::vector<std::uint8_t> SecureSession::roster_for(std::size_t to) const {
  if (!is_signed()) return roster_head_;
  const std::span<const std::uint16_t> neighbours = graph_.of(to);
  std::vector<std::uint8_t> message(roster_head_.size() + neighbours.size() * secagg::kCredentialBytes);
  ByteWriter writer(message);
  writer.bytes(roster_head_);
  for (const std::uint16_t neighbour : neighbours) {
    secagg::encode_credential(credentials_[neighbour],
                              writer.reserve(secagg::kCredentialBytes).first<secagg::kCredentialBytes>());
  }
  return message;
}

std::vector<std::uint8_t> SecureSession::share_delivery(std::size_t to) const {
  const std::span<const std::uint16_t> neighbours = graph_.of(to);
  std::vector<std::uint8_t> message(secagg::bitmap_bytes(neighbours.size()));
  message.reserve(secagg::delivery_bytes(neighbours.size(), neighbours.size()));
  for (std::size_t rank = 0; rank < neighbours.size(); ++rank) {
    const std::size_t sender = neighbours[rank];
    if (!alive_[sender]) continue;
    secagg::bitmap_set(message, rank);
    const Bytes record =
        Bytes(records_[sender])
            .subspan(graph_.rank(sender, to) * secagg::kShareRecordBytes, secagg::kShareRecordBytes);
    message.insert(message.end(), record.begin(), record.end());
  }
  return message;
}

// Signed sessions: as many signatures as the device needs, of the first neighbours that confirmed.
std::vector<std::uint8_t> SecureSession::unmask_request(std::size_t to) const {
  const std::span<const std::uint16_t> neighbours = graph_.of(to);
  const std::size_t needed = graph_.parameters().threshold;
  std::vector<std::uint8_t> message(secagg::unmask_request_bytes(neighbours.size(), needed));
  ByteWriter signatures(MutableBytes(message).subspan(secagg::bitmap_bytes(neighbours.size())));
  for (std::size_t rank = 0;
       rank < neighbours.size() && signatures.written() < needed * crypto::kEs256SignatureBytes; ++rank) {
    if (!confirmed_[neighbours[rank]]) continue;
    secagg::bitmap_set(message, rank);
    signatures.bytes(confirmations_[neighbours[rank]]);
  }
  return message;
}

}  // namespace sotto::aggregator
