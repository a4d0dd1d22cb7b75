// PROTOCOL.md section 11.3. A message is its type and its fields in order; what is longest is last and has no
// length of its own.
#include "sotto/proto/link_message.h"

#include <array>

#include "sotto/secagg/bulletin.h"
#include "sotto/secagg/checked_mask.h"

namespace sotto::proto::link {
namespace {

enum class CallType : std::uint8_t {
  kCheckIn = 1,
  kFetchModel,
  kExchange,
  kAbandon,
  kOfferUpdate,
  kFetchUpdate,
};
enum class AnswerType : std::uint8_t {
  kOffer = 1,
  kRetry,
  kChallenge,
  kChunk,
  kNext,
  kWait,
  kEnd,
  kRefused,
  kLeft,
  kFailed,
  kUpdateOffered,
  kNoUpdate,
  kUpdateChallenge,
};

// Bits of flags bytes.
constexpr std::uint8_t kEnrolled = 1;
constexpr std::uint8_t kProof = 2;
constexpr std::uint8_t kPoll = 1;
constexpr std::uint8_t kPlanDigest = 2;
constexpr std::uint8_t kLedger = 1;
constexpr std::uint8_t kPlanRefused = 2;
constexpr std::uint8_t kCredential = 1;

constexpr std::size_t kDigestBytes = sizeof(crypto::Digest);
constexpr std::uint8_t kStatusCodeMax = 11;  // StatusCode::kIo
constexpr std::uint64_t kModelBytesMax = 4 * std::uint64_t{limits::kParametersMax};

// A ByteWriter that only counts.
class Counter {
 public:
  void u8(std::uint8_t) { size_ += 1; }
  void u16(std::uint16_t) { size_ += 2; }
  void u32(std::uint32_t) { size_ += 4; }
  void u64(std::uint64_t) { size_ += 8; }
  void bytes(Bytes value) { size_ += value.size(); }
  [[nodiscard]] std::size_t written() const { return size_; }

 private:
  std::size_t size_ = 0;
};

template <typename Writer>
class MessageWriter {
 public:
  explicit MessageWriter(Writer& out) : out_(out) {}

  void operator()(const CheckIn& call) {
    type(CallType::kCheckIn);
    out_.u32(call.protocol_version);
    out_.u64(call.parameters_max);
    out_.u32(call.bulletin_edition);
    out_.u8(static_cast<std::uint8_t>((call.enrolled ? kEnrolled : 0) | (call.proof ? kProof : 0)));
    short_text(call.device_id);
    short_text(call.population);
    out_.u8(static_cast<std::uint8_t>(call.trainers.size()));
    for (const Architecture trainer : call.trainers) out_.u8(static_cast<std::uint8_t>(trainer));
    out_.u8(static_cast<std::uint8_t>(call.custom_models.size()));
    for (const std::string_view name : call.custom_models) short_text(name);
    short_bytes(call.pass);
    if (!call.proof) return;
    out_.u64(call.proof->task.value);
    out_.bytes(call.proof->credential);
    out_.bytes(call.proof->challenge);
  }
  void operator()(const FetchModel& call) {
    type(CallType::kFetchModel);
    out_.bytes(call.token.value);
    out_.u64(call.task.value);
    out_.u64(call.version.value);
    out_.u64(call.offset);
  }
  void operator()(const Exchange& call) {
    type(CallType::kExchange);
    out_.bytes(call.token.value);
    out_.u8(static_cast<std::uint8_t>(call.step));
    out_.u8(
        static_cast<std::uint8_t>((call.poll ? kPoll : 0) | (call.plan_digest.empty() ? 0 : kPlanDigest)));
    out_.bytes(call.plan_digest);
    out_.bytes(call.payload);
  }
  void operator()(const Abandon& call) {
    type(CallType::kAbandon);
    out_.bytes(call.token.value);
    out_.u8(
        static_cast<std::uint8_t>((call.has_ledger ? kLedger : 0) | (call.plan_refused ? kPlanRefused : 0)));
    if (call.has_ledger) {
      out_.u8(static_cast<std::uint8_t>(call.refusal));
      out_.u64(call.until_s);
      out_.u64(call.last_round.value);
    }
    out_.bytes(text_bytes(call.reason));
  }

  void operator()(const OfferUpdate& call) {
    type(CallType::kOfferUpdate);
    out_.u32(call.protocol_version);
    out_.u64(call.sequence);
    out_.u8(static_cast<std::uint8_t>((call.enrolled ? kEnrolled : 0) | (call.proof ? kProof : 0)));
    short_text(call.device_id);
    short_text(call.task);
    short_text(call.device_class);
    short_bytes(call.pass);
    if (!call.proof) return;
    out_.bytes(call.proof->credential);
    out_.bytes(call.proof->challenge);
  }
  void operator()(const FetchUpdate& call) {
    type(CallType::kFetchUpdate);
    out_.u64(call.sequence);
    out_.u64(call.offset);
    out_.u32(call.bytes_max);
    short_text(call.device_id);
    short_text(call.task);
    short_text(call.device_class);
    short_bytes(call.pass);
  }

  void operator()(const Offer& answer) {
    type(AnswerType::kOffer);
    out_.bytes(answer.token.value);
    out_.u8(answer.credential.empty() ? 0 : kCredential);
    out_.bytes(answer.credential);
    out_.u16(static_cast<std::uint16_t>(answer.plan.size()));
    out_.bytes(answer.plan);
    short_bytes(answer.pass);
    short_bytes(answer.check_key);
    out_.bytes(answer.bulletin);
  }
  void operator()(const Retry& answer) {
    type(AnswerType::kRetry);
    window(answer.window);
  }
  void operator()(const ChallengeAnswer& answer) {
    type(AnswerType::kChallenge);
    out_.u64(answer.task.value);
    out_.bytes(answer.coordinator);
    out_.bytes(answer.challenge);
  }
  void operator()(const Chunk& answer) {
    type(AnswerType::kChunk);
    out_.u64(answer.total_bytes);
    out_.u64(answer.offset);
    out_.bytes(answer.bytes);
  }
  void operator()(const Next& answer) {
    type(AnswerType::kNext);
    out_.u8(static_cast<std::uint8_t>(answer.next));
    out_.bytes(answer.payload);
  }
  void operator()(const Wait& answer) {
    type(AnswerType::kWait);
    window(answer.window);
  }
  void operator()(const End& answer) {
    type(AnswerType::kEnd);
    out_.u8(answer.counted ? 1 : 0);
    out_.u16(static_cast<std::uint16_t>(answer.outcome.size()));
    out_.bytes(text_bytes(answer.outcome));
    window(answer.window);
  }
  void operator()(const RefusedAnswer& answer) {
    type(AnswerType::kRefused);
    out_.u8(static_cast<std::uint8_t>(answer.reason));
    window(answer.window);
  }
  void operator()(const Left&) { type(AnswerType::kLeft); }
  void operator()(const Failed& answer) {
    type(AnswerType::kFailed);
    out_.u8(answer.code);
    out_.bytes(text_bytes(answer.reason));
  }

  void operator()(const UpdateOffered& answer) {
    type(AnswerType::kUpdateOffered);
    short_bytes(answer.pass);
    out_.bytes(answer.manifest);
  }
  void operator()(const NoUpdate& answer) {
    type(AnswerType::kNoUpdate);
    window(answer.window);
  }
  void operator()(const UpdateChallenge& answer) {
    type(AnswerType::kUpdateChallenge);
    out_.bytes(answer.coordinator);
    out_.bytes(answer.challenge);
  }

 private:
  template <typename Type>
  void type(Type type) {
    out_.u8(static_cast<std::uint8_t>(type));
  }
  void short_bytes(Bytes bytes) {
    out_.u8(static_cast<std::uint8_t>(bytes.size()));
    out_.bytes(bytes);
  }
  void short_text(std::string_view text) { short_bytes(text_bytes(text)); }
  void window(const Window& window) {
    out_.u32(window.delay_min_ms);
    out_.u32(window.delay_max_ms);
    out_.bytes(text_bytes(window.reason));
  }

  Writer& out_;
};

[[nodiscard]] bool is_name(std::string_view text) {
  if (text.empty() || text.size() > limits::kNameBytesMax) return false;
  for (const char c : text) {
    const bool named = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!named) return false;
  }
  return true;
}

// For logs and people: short, and nothing in it that moves a cursor.
[[nodiscard]] bool is_reason(std::string_view text) {
  if (text.size() > limits::kReasonBytesMax) return false;
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

// Reads as ByteReader does, and remembers whether every value was within its bounds.
class MessageReader {
 public:
  explicit MessageReader(Bytes bytes) : in_(bytes) {}

  std::uint8_t u8() { return in_.u8(); }
  std::uint16_t u16() { return in_.u16(); }
  std::uint32_t u32() { return in_.u32(); }
  std::uint64_t u64() { return in_.u64(); }
  void token(SessionToken& token) { in_.copy(token.value); }
  Bytes bytes(std::size_t count) { return in_.bytes(count); }
  Bytes rest() { return in_.bytes(in_.remaining()); }
  Bytes rest(std::size_t low, std::size_t high) {
    const Bytes bytes = rest();
    check(bytes.size() >= low && bytes.size() <= high);
    return bytes;
  }
  Bytes short_bytes(std::size_t longest) {
    const std::size_t size = in_.u8();
    check(size <= longest);
    return in_.bytes(size);
  }
  std::string_view name() {
    const std::string_view text = bytes_text(short_bytes(limits::kNameBytesMax));
    check(is_name(text));
    return text;
  }
  std::string_view reason(Bytes bytes) {
    check(is_reason(bytes_text(bytes)));
    return bytes_text(bytes);
  }
  // Bits outside `known` are none.
  std::uint8_t flags(std::uint8_t known) {
    const std::uint8_t flags = in_.u8();
    check((flags & ~known) == 0);
    return flags;
  }
  template <NamedEnum E>
  E enumerator() {
    const E value = static_cast<E>(in_.u8());
    check(find_name(value) != nullptr);
    return value;
  }
  Window window() {
    Window window{.delay_min_ms = in_.u32(), .delay_max_ms = in_.u32()};
    check(window.delay_min_ms <= window.delay_max_ms);
    window.reason = reason(rest());
    return window;
  }
  void check(bool holds) { sound_ = sound_ && holds; }
  [[nodiscard]] Rejection verdict() const {
    return sound_ && in_.finished() ? Rejection::kNone : Rejection::kMalformed;
  }

 private:
  ByteReader in_;
  bool sound_ = true;
};

void read(MessageReader& in, CheckIn& call) {
  call.protocol_version = in.u32();
  call.parameters_max = in.u64();
  call.bulletin_edition = in.u32();
  const std::uint8_t flags = in.flags(kEnrolled | kProof);
  call.enrolled = (flags & kEnrolled) != 0;
  call.device_id = in.name();
  call.population = in.name();
  const std::size_t trainers = in.u8();
  in.check(call.trainers.resize(trainers));
  for (Architecture& trainer : call.trainers) trainer = in.enumerator<Architecture>();
  const std::size_t models = in.u8();
  in.check(call.custom_models.resize(models));
  for (std::string_view& name : call.custom_models) name = in.name();
  call.pass = in.short_bytes(limits::kPassBytesMax);
  if ((flags & kProof) == 0) return;
  Proof& proof = call.proof.emplace();
  proof.task = TaskId{in.u64()};
  proof.credential = in.bytes(secagg::kCredentialBytes);
  proof.challenge = in.rest(1, secagg::kChallengeBytesMax);
}

void read(MessageReader& in, FetchModel& call) {
  in.token(call.token);
  call.task = TaskId{in.u64()};
  call.version = ModelVersion{in.u64()};
  call.offset = in.u64();
}

void read(MessageReader& in, Exchange& call) {
  in.token(call.token);
  call.step = in.enumerator<Step>();
  const std::uint8_t flags = in.flags(kPoll | kPlanDigest);
  call.poll = (flags & kPoll) != 0;
  if ((flags & kPlanDigest) != 0) call.plan_digest = in.bytes(kDigestBytes);
  call.payload = in.rest(0, call.poll ? 0 : limits::kUpdateBytesMax);
}

void read(MessageReader& in, Abandon& call) {
  in.token(call.token);
  const std::uint8_t flags = in.flags(kLedger | kPlanRefused);
  call.has_ledger = (flags & kLedger) != 0;
  call.plan_refused = (flags & kPlanRefused) != 0;
  if (call.has_ledger) {
    call.refusal = in.enumerator<LedgerRefusal>();
    call.until_s = in.u64();
    in.check(call.until_s <= kUnixSecondsMax);
    call.last_round = RoundId{in.u64()};
  }
  call.reason = in.reason(in.rest());
}

void read(MessageReader& in, OfferUpdate& call) {
  call.protocol_version = in.u32();
  call.sequence = in.u64();
  const std::uint8_t flags = in.flags(kEnrolled | kProof);
  call.enrolled = (flags & kEnrolled) != 0;
  call.device_id = in.name();
  call.task = in.name();
  call.device_class = in.name();
  call.pass = in.short_bytes(limits::kPassBytesMax);
  if ((flags & kProof) == 0) return;
  UpdateProof& proof = call.proof.emplace();
  proof.credential = in.bytes(secagg::kCredentialBytes);
  proof.challenge = in.rest(1, secagg::kChallengeBytesMax);
}

void read(MessageReader& in, FetchUpdate& call) {
  call.sequence = in.u64();
  call.offset = in.u64();
  call.bytes_max = in.u32();
  in.check(call.bytes_max >= 1 && call.bytes_max <= limits::kUpdateChunkBytes);
  call.device_id = in.name();
  call.task = in.name();
  call.device_class = in.name();
  call.pass = in.short_bytes(limits::kPassBytesMax);
}

void read(MessageReader& in, Offer& answer) {
  in.token(answer.token);
  if (in.flags(kCredential) != 0) answer.credential = in.bytes(secagg::kCredentialBytes);
  const std::size_t plan = in.u16();
  in.check(plan >= 1 && plan <= limits::kPlanBytesMax);
  answer.plan = in.bytes(plan);
  answer.pass = in.short_bytes(limits::kPassBytesMax);
  answer.check_key = in.short_bytes(secagg::kCheckKeyBytes);
  in.check(answer.check_key.empty() || answer.check_key.size() == secagg::kCheckKeyBytes);
  answer.bulletin = in.rest(0, secagg::kBulletinBytesMax);
}

void read(MessageReader& in, Retry& answer) { answer.window = in.window(); }

void read(MessageReader& in, ChallengeAnswer& answer) {
  answer.task = TaskId{in.u64()};
  answer.coordinator = in.bytes(kDigestBytes);
  answer.challenge = in.rest(1, secagg::kChallengeBytesMax);
}

void read(MessageReader& in, Chunk& answer) {
  answer.total_bytes = in.u64();
  answer.offset = in.u64();
  answer.bytes = in.rest(0, limits::kModelChunkBytes);
  in.check(answer.total_bytes <= kModelBytesMax && answer.offset <= answer.total_bytes &&
           answer.bytes.size() <= answer.total_bytes - answer.offset);
}

void read(MessageReader& in, Next& answer) {
  answer.next = in.enumerator<Step>();
  answer.payload = in.rest(0, limits::kUpdateBytesMax);
}

void read(MessageReader& in, Wait& answer) { answer.window = in.window(); }

void read(MessageReader& in, End& answer) {
  answer.counted = in.flags(1) != 0;
  const std::size_t outcome = in.u16();
  answer.outcome = in.reason(in.bytes(outcome));
  answer.window = in.window();
}

void read(MessageReader& in, RefusedAnswer& answer) {
  answer.reason = in.enumerator<Rejection>();
  answer.window = in.window();
}

void read(MessageReader&, Left&) {}

void read(MessageReader& in, Failed& answer) {
  answer.code = in.u8();
  in.check(answer.code >= 1 && answer.code <= kStatusCodeMax);
  answer.reason = in.reason(in.rest());
}

void read(MessageReader& in, UpdateOffered& answer) {
  answer.pass = in.short_bytes(limits::kPassBytesMax);
  answer.manifest = in.rest(1, limits::kUpdateManifestBytesMax);
}

void read(MessageReader& in, NoUpdate& answer) { answer.window = in.window(); }

void read(MessageReader& in, UpdateChallenge& answer) {
  answer.coordinator = in.bytes(kDigestBytes);
  answer.challenge = in.rest(1, secagg::kChallengeBytesMax);
}

template <typename Kind, typename Message>
Rejection read_as(MessageReader& in, Message& message) {
  message = Kind{};
  read(in, *std::get_if<Kind>(&message));
  return in.verdict();
}

template <typename Message>
std::size_t count(const Message& message) {
  Counter counter;
  std::visit(MessageWriter<Counter>(counter), message);
  return counter.written();
}

template <typename Message>
bool write(const Message& message, ByteWriter& out) {
  std::visit(MessageWriter<ByteWriter>(out), message);
  return out.ok();
}

}  // namespace

std::size_t encoded_bytes(const Call& call) { return count(call); }
std::size_t encoded_bytes(const Answer& answer) { return count(answer); }
bool encode(const Call& call, ByteWriter& out) { return write(call, out); }
bool encode(const Answer& answer, ByteWriter& out) { return write(answer, out); }

Rejection decode_call(Bytes bytes, Call& call) {
  MessageReader in(bytes);
  switch (static_cast<CallType>(in.u8())) {
    case CallType::kCheckIn:
      return read_as<CheckIn>(in, call);
    case CallType::kFetchModel:
      return read_as<FetchModel>(in, call);
    case CallType::kExchange:
      return read_as<Exchange>(in, call);
    case CallType::kAbandon:
      return read_as<Abandon>(in, call);
    case CallType::kOfferUpdate:
      return read_as<OfferUpdate>(in, call);
    case CallType::kFetchUpdate:
      return read_as<FetchUpdate>(in, call);
  }
  return Rejection::kMalformed;
}

Rejection decode_answer(Bytes bytes, Answer& answer) {
  MessageReader in(bytes);
  switch (static_cast<AnswerType>(in.u8())) {
    case AnswerType::kOffer:
      return read_as<Offer>(in, answer);
    case AnswerType::kRetry:
      return read_as<Retry>(in, answer);
    case AnswerType::kChallenge:
      return read_as<ChallengeAnswer>(in, answer);
    case AnswerType::kChunk:
      return read_as<Chunk>(in, answer);
    case AnswerType::kNext:
      return read_as<Next>(in, answer);
    case AnswerType::kWait:
      return read_as<Wait>(in, answer);
    case AnswerType::kEnd:
      return read_as<End>(in, answer);
    case AnswerType::kRefused:
      return read_as<RefusedAnswer>(in, answer);
    case AnswerType::kLeft:
      return read_as<Left>(in, answer);
    case AnswerType::kFailed:
      return read_as<Failed>(in, answer);
    case AnswerType::kUpdateOffered:
      return read_as<UpdateOffered>(in, answer);
    case AnswerType::kNoUpdate:
      return read_as<NoUpdate>(in, answer);
    case AnswerType::kUpdateChallenge:
      return read_as<UpdateChallenge>(in, answer);
  }
  return Rejection::kMalformed;
}

}  // namespace sotto::proto::link
