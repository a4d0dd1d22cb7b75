// The committed vectors (tests/golden/README.md), made by the Python participant: equal bytes, and the same
// refusals.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "golden_json.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/bulletin.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/sum_units.h"

namespace sotto::secagg {
namespace {

// ---- plans ----

template <typename Text>
Text inline_of(const Message& bytes) {
  Text text;
  EXPECT_TRUE(text.resize(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), text.begin());
  return text;
}

proto::Plan plan_from_fields(const Json& fields) {
  proto::Plan plan;
  plan.task.value = fields.at("task");
  plan.round.value = fields.at("round");
  plan.issued_at = fields.at("issued_at");
  plan.not_after = fields.at("not_after");
  plan.model_version.value = fields.at("model_version");
  plan.model_digest = array_of<32>(fields, "model_hash");
  plan.model = {.architecture = static_cast<proto::Architecture>(fields.at("architecture").get<int>()),
                .features = fields.at("features"),
                .classes = fields.at("classes"),
                .parameters = fields.at("custom_parameters")};
  plan.model.name = inline_of<decltype(plan.model.name)>(bytes_of(fields, "name"));
  plan.model.configuration = inline_of<decltype(plan.model.configuration)>(bytes_of(fields, "configuration"));
  for (const std::uint32_t units : fields.at("hidden")) EXPECT_TRUE(plan.model.hidden.push_back(units));
  for (const Json& segment : fields.at("segments")) {
    EXPECT_TRUE(plan.model.segments.push_back(
        {.length = segment.at("length"),
         .clip = segment.at("clip"),
         .encoding = static_cast<Encoding>(segment.at("encoding").get<int>()),
         .count_bytes = segment.at("count_bytes"),
         .weighting = static_cast<Weighting>(segment.at("weighting").get<int>()),
         .clipped_lane = segment.at("clipped_lane") == 1}));
  }
  plan.model.metrics = {};
  for (const Json& metric : fields.at("metrics")) {
    EXPECT_TRUE(plan.model.metrics.push_back(
        {.name = inline_of<decltype(proto::Metric::name)>(bytes_of(metric, "name")),
         .bytes = metric.at("bytes"),
         .scale = metric.at("scale")}));
  }
  const Json& input = fields.at("input");
  const auto text = [&](auto& to, std::size_t place) {
    to = inline_of<std::remove_reference_t<decltype(to)>>(bytes_in(input.at(place)));
  };
  text(plan.model.input.features, 0);
  text(plan.model.input.unit, 1);
  text(plan.model.input.labels, 2);
  text(plan.model.input.front_end, 3);
  plan.training = {.local_epochs = fields.at("local_epochs"),
                   .batch_size = fields.at("batch_size"),
                   .learning_rate = fields.at("learning_rate"),
                   .momentum = fields.at("momentum"),
                   .proximal_mu = fields.at("proximal_mu")};
  plan.aggregation = {.kind = static_cast<proto::Aggregation>(fields.at("aggregation").get<int>()),
                      .adversary = static_cast<proto::Adversary>(fields.at("adversary").get<int>()),
                      .prg = prg_of(fields),
                      .cohort_min = fields.at("cohort_min"),
                      .participants_max = fields.at("participants_max"),
                      .corrupt_fraction = fields.at("corrupt_fraction"),
                      .dropout_fraction = fields.at("dropout_fraction"),
                      .clip = fields.at("clip"),
                      .weight_max = fields.at("weight_max"),
                      .packing = static_cast<Packing>(fields.at("packing").get<int>()),
                      .honest_min = fields.at("honest_min")};
  plan.report_within_ms = fields.at("report_within_ms");
  return plan;
}

TEST(GoldenVectors, PlansHaveTheseBytesAndFields) {
  for (const Json& fields : read_cases("plan")) {
    const proto::Plan plan = plan_from_fields(fields);
    const Message bytes = bytes_of(fields, "bytes");
    EXPECT_EQ(hex_of(proto::encode_plan(plan)), fields.at("bytes"));
    EXPECT_EQ(hex_of(crypto::sha256({bytes})), fields.at("hash"));
    EXPECT_EQ(plan.model.parameter_count(), fields.at("parameters"));
    const auto decoded = proto::decode_plan(bytes);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, plan);
  }
}

TEST(GoldenVectors, PlansOutOfRangeAreRefused) {
  for (const Json& refused : read_cases("plan", "refused")) {
    EXPECT_FALSE(proto::decode_plan(bytes_of(refused, "bytes")).has_value()) << refused.at("why");
  }
}

TEST(GoldenVectors, PlansHoldAtTheseTimes) {
  for (const Json& age : read_cases("plan", "ages")) {
    const auto plan = proto::decode_plan(bytes_of(age, "bytes"));
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(proto::age_of(*plan, age.at("now")) == proto::PlanAge::kCurrent, age.at("holds")) << age;
  }
}

// ---- vectors ----

TEST(GoldenVectors, UpdatesHaveTheseLanes) {
  for (const Json& update : read_cases("update")) {
    const Message packed = bytes_of(update, "delta");
    std::vector<float> delta(packed.size() / sizeof(float));
    ByteReader reader(packed);
    for (float& value : delta) value = reader.f32();
    UpdateMetrics metrics;
    metrics.examples = update.at("examples");
    metrics.sums[0] = update.at("correct");
    const UpdateLayout layout = UpdateLayout::classification(static_cast<std::uint32_t>(delta.size()),
                                                             update.at("clip"), update.at("weight_max"));
    metrics.weight = std::min(metrics.examples, layout.weight_max);
    double loss = 0;
    std::memcpy(&loss, bytes_of(update, "loss").data(), sizeof loss);
    metrics.sums[1] = sum_units(loss, 1024, 6);
    ScriptedRandom draws(bytes_of(update, "draws"));
    Message lanes(layout.lane_count());
    quantize_update(delta, layout, metrics, draws, lanes);
    EXPECT_EQ(hex_of(lanes), update.at("lanes"));
  }
}

TEST(GoldenVectors, SegmentsHaveTheseLanes) {
  for (const Json& update : read_cases("segments")) {
    const auto plan = proto::decode_plan(bytes_of(update, "plan"));
    ASSERT_TRUE(plan.has_value()) << plan.error().message();
    const UpdateLayout layout = plan->update_layout();
    const Message packed = bytes_of(update, "values");
    std::vector<float> values(packed.size() / sizeof(float));
    ByteReader reader(packed);
    for (float& value : values) value = reader.f32();
    UpdateMetrics metrics{.weight = std::min(update.at("examples").get<std::uint32_t>(), layout.weight_max),
                          .examples = update.at("examples")};
    const Message sums = bytes_of(update, "sums");
    for (std::size_t i = 0; i < plan->model.metrics.size(); ++i) {
      double sum = 0;
      std::memcpy(&sum, sums.data() + i * sizeof sum, sizeof sum);
      metrics.sums[i] = sum_units(sum, plan->model.metrics[i].scale, plan->model.metrics[i].bytes);
    }
    ScriptedRandom draws(bytes_of(update, "draws"));
    Message lanes(layout.lane_count());
    quantize_update(values, layout, metrics, draws, lanes);
    EXPECT_EQ(hex_of(lanes), update.at("lanes"));
    EXPECT_TRUE(draws.exhausted());
  }
}

std::vector<std::uint32_t> lanes_of(const RingLayout& layout, Bytes ring) {
  std::vector<std::uint32_t> lanes(layout.lane_count());
  ring_decode(layout, ring, lanes);
  return lanes;
}

TEST(GoldenVectors, RingVectorsAddMaskAndPackToTheseBytes) {
  for (const Json& ring : read_cases("ring")) {
    const Message left = bytes_of(ring, "left");
    const RingLayout layout(ring.at("participants_max"), left.size());
    EXPECT_EQ(layout.bits(), ring.at("bits"));
    EXPECT_EQ(layout.values_per_word(), ring.at("lanes_per_word"));
    Message sum(layout.byte_count());
    Message right(layout.byte_count());
    ring_encode(layout, left, sum);
    EXPECT_EQ(hex_of(sum), ring.at("left_vector"));
    ring_encode(layout, bytes_of(ring, "right"), right);
    EXPECT_EQ(hex_of(right), ring.at("right_vector"));
    ring_add(layout, sum, right);
    EXPECT_EQ(hex_of(sum), ring.at("sum"));
    std::vector<std::uint32_t> lane_sums(layout.lane_count());
    ring_decode(layout, sum, lane_sums);
    EXPECT_EQ(Json(lane_sums), ring.at("lane_sums"));
    crypto::Keystream stream(prg_of(ring));
    for (const auto& [sign, field] :
         {std::pair(MaskSign::kAdd, "sum_plus_mask"), std::pair(MaskSign::kSubtract, "sum_minus_mask")}) {
      stream.rekey(secret_of<crypto::kPrgKeyBytes>(ring, "key"));
      Message masked = sum;
      ring_apply_mask(layout, masked, stream, sign);
      EXPECT_EQ(hex_of(masked), ring.at(field));
      if (sign != MaskSign::kAdd) continue;
      const RingLayout packed(ring.at("participants_max"), left.size(), Packing::kBits);
      const Message before = masked;
      EXPECT_EQ(hex_of(ring_pack(packed, masked)), ring.at("packed"));
      Message unpacked(packed.byte_count());
      ASSERT_EQ(ring_add_message(packed, unpacked, bytes_of(ring, "packed")), Rejection::kNone);
      EXPECT_EQ(lanes_of(packed, unpacked), lanes_of(packed, before));
    }
    stream.rekey(secret_of<crypto::kPrgKeyBytes>(ring, "key"));
    stream.read(right);
    EXPECT_EQ(hex_of(right), ring.at("keystream"));
  }
}

// ---- keys, graph, shares ----

TEST(GoldenVectors, DerivedKeysHaveTheseBytes) {
  for (const Json& keys : read_cases("keys")) {
    const ParticipantIndex own = index_of(keys, "own");
    const ParticipantIndex peer = index_of(keys, "peer");
    const auto transcript = array_of<32>(keys, "transcript");
    const auto mask_private = mask_private_key(secret_of<kSeedBytes>(keys, "mask_seed"));
    EXPECT_EQ(hex_of(mask_private.public_key()), keys.at("mask_public"));
    const crypto::X25519PrivateKey same(secret_of<32>(keys, "mask_private"));
    EXPECT_EQ(hex_of(same.public_key()), keys.at("mask_public"));
    MaskKey key;
    ASSERT_TRUE(pair_mask_key(mask_private, array_of<32>(keys, "peer_mask"), transcript, own, peer, key));
    EXPECT_EQ(hex_of(key.reveal()), keys.at("pair_mask_key"));
    EXPECT_EQ(hex_of(pair_tag(key, transcript, own, peer)), keys.at("pair_tag"));
    const auto self_seed = secret_of<kSeedBytes>(keys, "self_seed");
    self_mask_key(self_seed, transcript, own, key);
    EXPECT_EQ(hex_of(key.reveal()), keys.at("self_mask_key"));
    EXPECT_EQ(hex_of(self_seed_commitment(self_seed, transcript, own)), keys.at("commitment"));
  }
}

TEST(GoldenVectors, ShareRecordsOpenAndSealToTheseBytes) {
  for (const Json& keys : read_cases("keys")) {
    Message numbers(4);
    store_le(numbers.data(), index_of(keys, "own").value);
    store_le(numbers.data() + 2, index_of(keys, "peer").value);
    const Message transcript = bytes_of(keys, "transcript");
    crypto::SecretBytes<32> shared;
    const crypto::X25519PrivateKey channel(secret_of<32>(keys, "channel_private"));
    EXPECT_EQ(hex_of(channel.public_key()), keys.at("channel_public"));
    ASSERT_TRUE(channel.agree(array_of<32>(keys, "peer_channel"), shared));
    const std::string_view text("sotto/v2 share\0", 15);
    Message info(text.begin(), text.end());
    info.insert(info.end(), numbers.begin(), numbers.end());
    crypto::SecretBytes<32> key;
    crypto::hkdf_sha256({.input_key = shared.reveal(), .salt = transcript, .info = info},
                        key.reveal_mutable());
    EXPECT_EQ(hex_of(key.reveal()), keys.at("share_key"));
    Message associated = transcript;
    associated.insert(associated.end(), numbers.begin(), numbers.end());
    Message record(kShareRecordBytes);
    crypto::aead_seal({.key = key, .nonce = {}, .associated_data = associated}, bytes_of(keys, "plaintext"),
                      record);
    EXPECT_EQ(hex_of(record), keys.at("record"));
  }
}

TEST(GoldenVectors, GraphsHaveTheseNeighbours) {
  for (const Json& graph : read_cases("graph")) {
    std::vector<std::uint16_t> order(graph.at("n").get<std::size_t>());
    permute(array_of<32>(graph, "seed"), order);
    EXPECT_EQ(Json(order), graph.at("order"));
    for (const auto& [participant, expected] : graph.at("neighbours").items()) {
      std::vector<std::uint16_t> neighbours(graph.at("k").get<std::size_t>());
      neighbours_of({static_cast<std::uint16_t>(std::stoi(participant))}, order, neighbours);
      EXPECT_EQ(Json(neighbours), expected);
    }
  }
}

TEST(GoldenVectors, NeighboursAndThresholdFollowFromTheRequest) {
  for (const Json& request : read_cases("parameters")) {
    const auto graph = choose_graph({.participants = request.at("n"),
                                     .adversary = static_cast<Adversary>(request.at("adversary").get<int>()),
                                     .corrupt_fraction = request.at("corrupt_fraction"),
                                     .dropout_fraction = request.at("dropout_fraction")});
    ASSERT_EQ(graph.has_value(), !request.at("k").is_null()) << request;
    if (!graph) continue;
    EXPECT_EQ(graph->neighbours, request.at("k")) << request;
    EXPECT_EQ(graph->threshold, request.at("t")) << request;
  }
}

// ---- identities ----

// Whom a party believes that pins `authority`: what a case says that was taken back. Keeps the list.
class CaseTrust {
 public:
  CaseTrust(const crypto::Es256PublicKey& authority, const Json& change) : trust_(authority) {
    for (const Json& one : change.value("revoked", Json::array())) {
      const auto identity = crypto::unhex_array<32>(one.get<std::string>());
      revoked_.insert(revoked_.end(), identity.begin(), identity.end());
    }
    trust_.endorsements_from = change.value("endorsements_from", 0u);
    trust_.revoked = revoked_;
  }
  CaseTrust(const CaseTrust&) = delete;
  CaseTrust& operator=(const CaseTrust&) = delete;
  [[nodiscard]] const Trust& get() const { return trust_; }

 private:
  Message revoked_;
  Trust trust_;
};

Rejection verdict_on(const Json& identity) {
  Credential credential;
  EXPECT_EQ(decode_credential(bytes_of(identity, "credential"), credential), Rejection::kNone);
  const Role role = identity.at("role") == "device" ? Role::kDevice : Role::kCoordinator;
  const CaseTrust trust(array_of<crypto::kEs256PublicKeyBytes>(identity, "authority"), identity);
  const Message message = bytes_of(identity, "message");
  return check_credential(
      credential,
      {.role = role, .trust = trust.get(), .message = message, .now = identity.value("now", kNoClock)});
}

TEST(GoldenVectors, CredentialsHoldOrDoNot) {
  for (const Json& identity : read_cases("identity"))
    EXPECT_EQ(verdict_on(identity), Rejection::kNone) << identity;
  for (const Json& identity : read_cases("identity", "refused")) {
    EXPECT_EQ(static_cast<int>(verdict_on(identity)), identity.at("reason").get<int>()) << identity.at("why");
  }
}

// ---- bulletins ----

// Shows the case's bulletins to a party that pins its key; how the last one is taken.
BulletinVerdict show_bulletins(const Json& fields, std::vector<Message>& shown, Trust& trust) {
  trust = array_of<crypto::kEs256PublicKeyBytes>(fields, "pinned");
  BulletinVerdict verdict = BulletinVerdict::kMalformed;
  for (const Json& one : fields.at("bulletins")) {
    EXPECT_TRUE(shown.empty() || verdict == BulletinVerdict::kTaken) << fields;
    shown.push_back(crypto::unhex(one.get<std::string>()));
    verdict = take_bulletin(shown.back(), trust);
  }
  return verdict;
}

TEST(GoldenVectors, BulletinsAreTaken) {
  for (const Json& fields : read_cases("bulletin")) {
    std::vector<Message> shown;
    Trust trust;
    ASSERT_EQ(show_bulletins(fields, shown, trust), BulletinVerdict::kTaken) << fields;
    EXPECT_EQ(hex_of(trust.authority), fields.at("authority"));
    EXPECT_EQ(trust.authority_since, fields.at("authority_since"));
    const std::string before = fields.at("authority_before");
    EXPECT_EQ(hex_of(trust.authority_before), before.empty() ? std::string(130, '0') : before);
    EXPECT_EQ(trust.edition, fields.at("edition"));
    EXPECT_EQ(trust.endorsements_from, fields.at("endorsements_from"));
    std::string revoked;
    for (const Json& one : fields.at("revoked")) revoked += one.get<std::string>();
    EXPECT_EQ(hex_of(trust.revoked), revoked);
  }
}

TEST(GoldenVectors, BulletinsAreNotTaken) {
  const std::map<std::string, BulletinVerdict> verdicts = {{"known", BulletinVerdict::kKnown},
                                                           {"malformed", BulletinVerdict::kMalformed},
                                                           {"untrusted", BulletinVerdict::kUntrusted},
                                                           {"older", BulletinVerdict::kOlder},
                                                           {"contradicts", BulletinVerdict::kContradicts}};
  std::set<std::string> seen;
  for (const Json& fields : read_cases("bulletin", "refused")) {
    std::vector<Message> shown;
    Trust trust;
    EXPECT_EQ(show_bulletins(fields, shown, trust), verdicts.at(fields.at("verdict"))) << fields.at("why");
    seen.insert(fields.at("verdict").get<std::string>());
  }
  EXPECT_EQ(seen.size(), verdicts.size());
}

// The points and shares of a case; only the first `count`.
bool combine(const Json& shamir, std::size_t count, Seed& seed) {
  std::vector<std::uint32_t> xs;
  std::vector<Share> shares;
  for (std::size_t i = 0; i < count; ++i) {
    xs.push_back(shamir.at("holders").at(i).get<std::uint32_t>() + 1);
    shares.push_back(crypto::unhex_array<kShareBytes>(shamir.at("shares").at(i).get<std::string>()));
  }
  std::vector<std::uint64_t> weights(count);
  EXPECT_TRUE(lagrange_at_zero(xs, weights));
  return combine_shares(shares, weights, seed);
}

TEST(GoldenVectors, SeedsShareAndCombineToTheseBytes) {
  for (const Json& shamir : read_cases("shamir")) {
    const std::size_t threshold = shamir.at("threshold");
    ScriptedRandom random(bytes_of(shamir, "coefficient_key"));
    SeedSharing sharing(secret_of<kSeedBytes>(shamir, "seed"), threshold, random);
    for (std::size_t i = 0; i < shamir.at("holders").size(); ++i) {
      const std::uint32_t x = shamir.at("holders").at(i).get<std::uint32_t>() + 1;
      EXPECT_EQ(hex_of(sharing.share_at(x)), shamir.at("shares").at(i));
    }
    Seed seed;
    ASSERT_TRUE(combine(shamir, threshold, seed));
    EXPECT_EQ(hex_of(seed.reveal()), shamir.at("seed"));
  }
}

TEST(GoldenVectors, WrongSharesOpenNothing) {
  for (const Json& shamir : read_cases("shamir", "refused")) {
    Seed seed;
    EXPECT_FALSE(combine(shamir, shamir.at("shares").size(), seed)) << shamir.at("why");
  }
}

// ---- sessions ----

Message secrets_of(const Json& session) {
  Message drawn;
  for (const char* field :
       {"channel_private", "mask_seed", "self_seed", "self_coefficient_key", "mask_coefficient_key"}) {
    const Message part = bytes_of(session, field);
    drawn.insert(drawn.end(), part.begin(), part.end());
  }
  return drawn;
}

// Holds the recorded signatures instead of a key, and gives each for the message it was made for.
class RecordedSigner final : public Signer {
 public:
  explicit RecordedSigner(const Json& session) {
    if (!session.contains("public_key")) return;  // a curious session
    key_ = array_of<crypto::kEs256PublicKeyBytes>(session, "public_key");
    const Message joined = bytes_of(session, "advertise");
    for (const Message& signature :
         {Message(joined.end() - kEs256, joined.end()), bytes_of(session, "confirmed")})
      std::copy(signature.begin(), signature.end(), signatures_.emplace_back().begin());
  }
  [[nodiscard]] const crypto::Es256PublicKey& public_key() const override { return key_; }
  // All zero for a message that was not recorded: a device's own signatures are not its to check.
  [[nodiscard]] crypto::Es256Signature sign(Bytes message) override {
    const auto made_for = [&](const auto& signature) {
      return crypto::es256_verify(key_, message, signature);
    };
    const auto found = std::find_if(signatures_.begin(), signatures_.end(), made_for);
    return found == signatures_.end() ? crypto::Es256Signature{} : *found;
  }

 private:
  static constexpr std::ptrdiff_t kEs256 = crypto::kEs256SignatureBytes;
  crypto::Es256PublicKey key_{};
  std::vector<crypto::Es256Signature> signatures_;
};

SessionContext context_of(const proto::Plan& plan, Bytes plan_bytes) {
  return {.round = plan.round.value,
          .plan_digest = crypto::sha256({plan_bytes}),
          .model_digest = plan.model_digest,
          .prg = plan.aggregation.prg};
}

// The recorded device, with the randomness of the record. `session` may have other messages than the recorded
// ones.
class RecordedDevice {
 public:
  RecordedDevice(const Json& session, std::uint16_t own_minimum)
      : session_(session),
        plan_bytes_(bytes_of(session, "plan")),
        random_(secrets_of(session)),
        signer_(session),
        identity_{.signer = signer_, .endorsement = {}, .trust = {}} {
    auto plan = proto::decode_plan(plan_bytes_);
    if (!plan) throw std::runtime_error("the vector's plan: " + plan.error().message());
    plan_ = *plan;
    if (session.contains("authority")) {
      if (!accepted(decode_endorsement(bytes_of(session, "endorsement"), identity_.endorsement)))
        throw std::runtime_error("the vector's endorsement");
      trust_.emplace(array_of<crypto::kEs256PublicKeyBytes>(session, "authority"), session);
      identity_.trust = trust_->get();
    }
    const proto::AggregationSpec& aggregation = plan_.aggregation;
    participant_.emplace(context_of(plan_, plan_bytes_),
                         ParticipantRules{.cohort_min = std::max(aggregation.cohort_min, own_minimum),
                                          .participants_max = aggregation.participants_max,
                                          .adversary = aggregation.adversary,
                                          .corrupt_fraction = aggregation.corrupt_fraction,
                                          .dropout_fraction = aggregation.dropout_fraction,
                                          .honest_min = aggregation.honest_min,
                                          .now = session.value("now", kNoClock)},
                         &identity_, slots_, order_, random_);
  }

  Rejection advertise() {
    std::size_t written = 0;
    answer_.assign(join_bytes(plan_.aggregation.adversary), 0);
    const Rejection rejection = participant_->advertise(answer_, written);
    answer_.resize(written);
    return rejection;
  }

  // What the device answers to the record's message of a step; empty when it refuses.
  Rejection take_step(const std::string& step) {
    answer_.assign(shares_bytes(slots_.size()), 0);
    std::size_t written = 0;
    Rejection rejection = Rejection::kNone;
    if (step == "share") {
      rejection = participant_->receive_roster(bytes_of(session_, "roster"), answer_, written);
    } else if (step == "collect") {
      rejection = collect(written);
    } else if (step == "confirm") {
      rejection = participant_->receive_confirm(bytes_of(session_, "survivors"), answer_, written);
    } else {
      rejection = participant_->receive_unmask(bytes_of(session_, "request"), answer_, written);
    }
    answer_.resize(written);
    return rejection;
  }

  void replace_messages(const Json& session) { session_ = session; }
  [[nodiscard]] const Message& answer() const { return answer_; }
  [[nodiscard]] const Participant& participant() const { return *participant_; }
  [[nodiscard]] const ScriptedRandom& random() const { return random_; }

 private:
  Rejection collect(std::size_t& written) {
    const RingLayout layout(plan_.aggregation.participants_max, update_lanes(plan_.model.parameter_count()),
                            plan_.aggregation.packing);
    answer_ = bytes_of(session_, "vector");
    Rejection rejection = participant_->receive_delivery(bytes_of(session_, "delivery"));
    if (accepted(rejection)) rejection = participant_->mask(layout, answer_);
    if (accepted(rejection)) written = ring_pack(layout, answer_).size();
    return rejection;
  }

  Json session_;
  Message plan_bytes_;
  proto::Plan plan_;
  ScriptedRandom random_;
  RecordedSigner signer_;
  std::optional<CaseTrust> trust_;
  Identity identity_;
  std::vector<NeighbourSlot> slots_{128};
  std::vector<std::uint16_t> order_ = std::vector<std::uint16_t>(128);
  std::optional<Participant> participant_;
  Message answer_;
};

// The steps after the join, and where a session has their answers.
std::vector<std::pair<std::string, const char*>> steps_of(const Json& session) {
  std::vector<std::pair<std::string, const char*>> steps = {
      {"share", "shares"}, {"collect", "masked"}, {"unmask", "answer"}};
  if (session.contains("survivors")) steps.insert(steps.end() - 1, {"confirm", "confirmed"});
  return steps;
}

TEST(GoldenVectors, RosterDigestsHaveTheseBytes) {
  for (const Json& session : read_cases("session")) {
    const Message message = bytes_of(session, "roster");
    Roster roster;
    ASSERT_EQ(decode_roster(message, roster), Rejection::kNone);
    Message encoded(message.size());
    encode_roster(roster, encoded);
    EXPECT_EQ(encoded, message);
    const auto plan = proto::decode_plan(bytes_of(session, "plan"));
    ASSERT_TRUE(plan.has_value());
    const SessionContext context = context_of(*plan, bytes_of(session, "plan"));
    const crypto::Digest root = roster_root(roster);
    EXPECT_EQ(hex_of(root), session.at("root"));
    EXPECT_EQ(hex_of(graph_seed(roster, root)), session.at("graph_seed"));
    EXPECT_EQ(hex_of(transcript_digest(context, roster, root)), session.at("transcript"));
  }
}

TEST(GoldenVectors, ParticipantsSendTheseBytes) {
  for (const Json& session : read_cases("session")) {
    SCOPED_TRACE(session.at("name").get<std::string>());
    RecordedDevice device(session, 3);
    ASSERT_EQ(device.advertise(), Rejection::kNone);
    EXPECT_EQ(hex_of(device.answer()), session.at("advertise"));
    for (const auto& [step, field] : steps_of(session)) {
      ASSERT_EQ(device.take_step(step), Rejection::kNone) << step;
      EXPECT_EQ(hex_of(device.answer()), session.at(field)) << step;
    }
    EXPECT_EQ(device.participant().index().value, session.at("index"));
    EXPECT_EQ(device.participant().state(), Participant::State::kDone);
    EXPECT_TRUE(device.random().exhausted());
  }
}

// The recorded session with the messages that a case puts in their places.
Json altered(Json session, const Json& change) {
  for (const char* field :
       {"plan", "roster", "delivery", "survivors", "request", "now", "endorsements_from", "revoked"}) {
    if (change.contains(field)) session[field] = change.at(field);
  }
  return session;
}

bool skips(const Json& change, const std::string& step) {
  return change.contains("skip") && change.at("skip").at(0) == step;
}

void expect_reason(const Json& session, const Json& change) {
  std::string last = change.at("step");
  const bool again = last.ends_with(" again");
  if (again) last.resize(last.size() - std::string_view(" again").size());
  // Up to a repeated step everything is as recorded.
  RecordedDevice device(again ? session : altered(session, change),
                        change.value("own_minimum", std::uint16_t{3}));
  ASSERT_EQ(device.advertise(), Rejection::kNone);
  for (const auto& [step, field] : steps_of(session)) {
    if (step == last && !again) break;
    if (skips(change, step)) continue;
    ASSERT_EQ(device.take_step(step), Rejection::kNone) << step;
    if (step == last) break;
  }
  device.replace_messages(altered(session, change));
  const Rejection rejection = device.take_step(last);
  EXPECT_EQ(static_cast<int>(rejection), change.at("reason"));
  if (accepted(rejection)) return;
  EXPECT_TRUE(device.answer().empty());
  EXPECT_EQ(device.participant().state(), Participant::State::kFailed);
  EXPECT_EQ(device.take_step("unmask"), Rejection::kWrongPhase);
}

TEST(GoldenVectors, ParticipantsRefuseWithTheseReasons) {
  std::map<std::string, Json> sessions;
  for (const Json& session : read_cases("session")) sessions[session.at("name")] = session;
  const Json refusals = read_cases("refusal");
  EXPECT_GT(refusals.size(), 100u);
  for (const Json& change : refusals) {
    SCOPED_TRACE(change.at("step").get<std::string>() + ": " + change.at("why").get<std::string>());
    expect_reason(sessions.at(change.at("session")), change);
  }
}

}  // namespace
}  // namespace sotto::secagg
