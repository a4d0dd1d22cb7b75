// Check-ins a second through the whole shell (TLS, parsing, the coordinator's queue and thread, a memory
// store) beside a raw gRPC service that returns the same bytes for the same request: same process, TLS,
// connections, calls in flight and client code. The ratio is what the coordinator costs. Three kinds: of a
// device that is sent away because there is no task, of one whose pass spares it the signature, and of one
// that signs; the last is also held to the time that its signatures alone take.
//
//   check_in_bench [SECONDS PER MEASUREMENT, default 2] [ENROLLED DEVICES, default 10000]
#include <fmt/core.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sotto.grpc.pb.h"
#include "sotto/client/admin_client.h"
#include "sotto/crypto/primitives.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/proto/convert.h"
#include "sotto/proto/grpc_locks.h"
#include "sotto/secagg/identity.h"
#include "sotto/server/coordinator_loop.h"
#include "sotto/server/grpc_server.h"

namespace sotto {
namespace {

constexpr std::size_t kConnections = 16;
constexpr std::size_t kInFlight = 8;  // on each connection
constexpr std::size_t kCallers = kConnections * kInFlight;
constexpr std::size_t kRuns = 3;
constexpr const char* kMethod = "/sotto.v1.Fleet/CheckIn";

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

grpc::ByteBuffer to_buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

// Answers every check-in with the same bytes, unread.
class RawService final : public v1::Fleet::WithRawCallbackMethod_CheckIn<v1::Fleet::Service> {
 public:
  // Between measurements only.
  void answer_with(const std::string& reply) { reply_ = to_buffer(reply); }
  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                    grpc::ByteBuffer* response) override {
    *response = reply_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  grpc::ByteBuffer reply_;
};

// What a caller sends after this reply, null at first; nothing when it is done.
using Script = std::function<std::optional<grpc::ByteBuffer>(const grpc::ByteBuffer*)>;

// What all callers of one measurement share.
struct Measurement {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> failures{0};
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t active = 0;
};

// Keeps one call in flight until told to stop or done.
class Caller {
 public:
  Caller(const std::shared_ptr<grpc::Channel>& channel, Script script, Measurement& measurement)
      : stub_(channel), script_(std::move(script)), measurement_(measurement) {}

  void begin() { next(nullptr); }

 private:
  void next(const grpc::ByteBuffer* reply) {
    std::optional<grpc::ByteBuffer> request;
    if (!measurement_.stop) request = script_(reply);
    if (!request) return end();
    request_ = *std::move(request);
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    stub_.UnaryCall(context_.get(), kMethod, {}, &request_, &response_, [this](const grpc::Status& status) {
      ++(status.ok() ? measurement_.calls : measurement_.failures);
      status.ok() ? next(&response_) : end();
    });
  }
  void end() {
    const std::lock_guard lock(measurement_.mutex);
    --measurement_.active;
    measurement_.idle.notify_all();
  }

  grpc::GenericStub stub_;
  Script script_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::unique_ptr<grpc::ClientContext> context_;
  Measurement& measurement_;
};

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

Channels connect(int port, const std::string& ca_pem) {
  Channels channels;
  for (std::size_t i = 0; i < kConnections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channels.push_back(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                                 grpc::SslCredentials({ca_pem, "", ""}), arguments));
    if (!channels.back()->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      throw std::runtime_error("no connection to the server under test");
    }
  }
  return channels;
}

// `script` makes that of each caller, 0 .. kConnections * kInFlight - 1. For so many seconds, or until all
// are done.
double calls_per_second(const Channels& channels, const std::function<Script(std::size_t)>& script,
                        std::optional<double> seconds) {
  Measurement measurement;
  std::vector<std::unique_ptr<Caller>> callers;
  for (std::size_t i = 0; i < kCallers; ++i) {
    callers.push_back(std::make_unique<Caller>(channels[i % kConnections], script(i), measurement));
  }
  measurement.active = callers.size();
  const auto start = std::chrono::steady_clock::now();
  for (const auto& caller : callers) caller->begin();
  std::unique_lock lock(measurement.mutex);
  const auto are_idle = [&] { return measurement.active == 0; };
  if (seconds) {
    measurement.idle.wait_for(lock, std::chrono::duration<double>(*seconds), are_idle);
  } else {
    measurement.idle.wait(lock, are_idle);
  }
  const std::uint64_t calls = measurement.calls;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  measurement.stop = true;
  measurement.idle.wait(lock, are_idle);
  if (measurement.failures > 0) throw std::runtime_error("calls failed: the figures would mean nothing");
  return static_cast<double>(calls) / elapsed.count();
}

// All say the same, over and over.
double repeated_calls(const Channels& channels, const std::string& request, double seconds) {
  const auto script = [&](std::size_t) {
    return [&](const grpc::ByteBuffer*) { return std::optional(to_buffer(request)); };
  };
  return calls_per_second(channels, script, seconds);
}

std::string to_text(const grpc::ByteBuffer& bytes) {
  grpc::Slice whole;
  if (!bytes.DumpToSingleSlice(&whole).ok()) throw std::runtime_error("a reply has no bytes");
  return {whole.begin(), whole.end()};
}

std::string one_reply(const std::shared_ptr<grpc::Channel>& channel, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  const grpc::ByteBuffer bytes = to_buffer(request);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, kMethod, {}, &bytes, &response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  if (!done.get_future().get().ok()) throw std::runtime_error("the check-in failed");
  return to_text(response);
}

proto::CheckInRequest check_in_of(const std::string& device) {
  return {.device_id = device,
          .population = "benchmark",
          .trainers = {proto::Architecture::kSoftmax, proto::Architecture::kDense},
          .parameters_max = 1 << 20};
}

std::string encoded(const proto::CheckInRequest& request) {
  v1::CheckInRequest wire;
  proto::to_wire(request, wire);
  return wire.SerializeAsString();
}

proto::CheckInReply decoded(const std::string& reply) {
  v1::CheckInReply wire;
  if (!wire.ParseFromString(reply)) throw std::runtime_error("a reply cannot be parsed");
  return must(proto::from_wire(wire));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// ---- enrolled devices ----

// A key that the authority has endorsed. Stays where it is made: its identity refers to its signer.
struct Enrolled {
  Enrolled(secagg::Signer& authority, secagg::Role role, Random& random)
      : signer(crypto::Es256PrivateKey::generate(random)),
        identity{.signer = signer,
                 .endorsement = secagg::endorse(authority, role, signer.public_key(), {}),
                 .trust = authority.public_key()} {}
  Enrolled(const Enrolled&) = delete;
  Enrolled& operator=(const Enrolled&) = delete;

  secagg::KeySigner signer;
  secagg::Identity identity;
};

struct Device {
  Device(const std::string& name, secagg::Signer& authority, Random& random)
      : enrolled(authority, secagg::Role::kDevice, random), request(check_in_of(name)) {
    request.enrolled = true;
  }
  // Signs the challenge that the reply holds.
  [[nodiscard]] proto::CheckInRequest signed_request(const proto::Challenge& challenge) {
    proto::CheckInRequest proof = request;
    const secagg::Statement statement = secagg::check_in_statement(challenge.coordinator, challenge.task,
                                                                   challenge.challenge, request.device_id);
    proof.proof = proto::CheckInProof{
        challenge.challenge, challenge.task,
        secagg::make_credential(enrolled.signer, enrolled.identity.endorsement, statement)};
    return proof;
  }

  Enrolled enrolled;
  proto::CheckInRequest request;  // with its pass, once it has one
};
using Devices = std::vector<std::unique_ptr<Device>>;

// Bytes of one device's two calls, for the raw service to repeat.
struct Recording {
  std::string greeting, challenge, proof, offer;
};

// The callers share the devices out; each device says who it is and then signs.
Script signing(Devices& devices, std::size_t caller, Recording& recording) {
  return [&devices, at = caller, &recording](const grpc::ByteBuffer* reply) mutable {
    std::optional<grpc::ByteBuffer> next;
    if (reply != nullptr) {
      Device& device = *devices[at];
      const std::string text = to_text(*reply);
      const proto::CheckInReply said = decoded(text);
      if (const auto* challenge = std::get_if<proto::Challenge>(&said)) {
        const std::string proof = encoded(device.signed_request(*challenge));
        if (at == 0) recording.challenge = text, recording.proof = proof;
        return std::optional(to_buffer(proof));
      }
      device.request.pass = std::get<proto::PlanOffer>(said).pass;
      if (at == 0) recording.offer = text;
      at += kCallers;
    }
    if (at < devices.size()) next = to_buffer(encoded(devices[at]->request));
    return next;
  };
}

// Each device shows its pass.
Script showing_passes(const Devices& devices, std::size_t caller) {
  return [&devices, at = caller](const grpc::ByteBuffer* reply) mutable {
    if (reply != nullptr && !std::holds_alternative<proto::PlanOffer>(decoded(to_text(*reply)))) {
      throw std::runtime_error("a pass was given no plan");
    }
    std::optional<grpc::ByteBuffer> next;
    if (at < devices.size()) next = to_buffer(encoded(devices[at]->request));
    at += kCallers;
    return next;
  };
}

// Seconds that one device's signature and the two verifications of its credential take on one processor.
double signature_seconds(Device& device) {
  constexpr int kTimes = 200;
  const proto::Challenge challenge{.challenge = std::vector<std::uint8_t>(40), .task = TaskId{1}};
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) {
    const proto::CheckInRequest request = device.signed_request(challenge);
    const secagg::Statement statement = secagg::check_in_statement(challenge.coordinator, challenge.task,
                                                                   challenge.challenge, request.device_id);
    const Rejection rejection = secagg::check_credential(
        request.proof->credential, {.trust = device.enrolled.identity.trust, .message = statement.bytes()});
    if (rejection != Rejection::kNone) throw std::runtime_error("a credential does not hold");
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / kTimes;
}

// ---- what is measured ----

class Bench {
 public:
  Bench(double seconds, std::size_t devices, const std::filesystem::path& directory)
      : seconds_(seconds),
        admin_socket_(directory / "admin.sock"),
        authority_(crypto::Es256PrivateKey::generate(random_)),
        coordinator_key_(authority_, secagg::Role::kCoordinator, random_),
        certificate_(
            must(hosting::load_or_create_tls_certificate({.directory = directory / "tls"}, clock_.now()))),
        store_(server::make_memory_store()),
        coordinator_(must(
            server::Coordinator::open({}, random_, {.identity = &coordinator_key_.identity}, clock_.now()))),
        cohorts_(random_, {}),
        loop_({*coordinator_, cohorts_, *store_, clock_}, {}) {
    for (std::size_t i = 0; i < devices; ++i) {
      devices_.push_back(std::make_unique<Device>(fmt::format("device-{:07}", i), authority_, random_));
    }
    start_shell();
    start_raw();
  }
  ~Bench() {
    shell_->shutdown(std::chrono::milliseconds(0));
    raw_->Shutdown(std::chrono::system_clock::now());
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void run() {
    std::printf("%zu connections x %zu calls in flight over TLS\n", kConnections, kInFlight);
    std::printf("client and server share %u processors; medians of %zu runs of %.1f s, and %zu devices\n\n",
                std::thread::hardware_concurrency(), kRuns, seconds_, devices_.size());
    std::printf("%-44s %8s %8s %10s %10s %6s\n", "", "request", "reply", "ours, /s", "raw, /s", "ratio");
    sent_away();
    create_task();
    const Recording recording = signed_check_ins();
    passes(recording);
  }

 private:
  void start_shell();
  void start_raw();
  void create_task();
  void sent_away();
  Recording signed_check_ins();
  void passes(const Recording& recording);
  // Of the raw service, when it answers so.
  double raw_rate(const std::string& request, const std::string& reply);

  const double seconds_;
  const std::filesystem::path admin_socket_;
  const SystemClock clock_{};
  crypto::SystemRandom random_;
  secagg::KeySigner authority_;
  Enrolled coordinator_key_;
  Devices devices_;
  hosting::TlsCertificate certificate_;
  std::unique_ptr<server::Store> store_;
  std::unique_ptr<server::Coordinator> coordinator_;
  server::CohortHost cohorts_;
  server::CoordinatorLoop loop_;
  std::unique_ptr<server::GrpcServer> shell_;
  RawService service_;
  std::unique_ptr<grpc::Server> raw_;
  Channels to_shell_, to_raw_;
};

void Bench::start_shell() {
  shell_ = must(server::GrpcServer::start({.address = "127.0.0.1:0",
                                           .certificate_pem = certificate_.certificate_pem,
                                           .private_key_pem = certificate_.private_key_pem.reveal_text(),
                                           .admin_socket = admin_socket_,
                                           .door = {.gateways = {"127.0.0.0/8"}}},
                                          loop_));
  to_shell_ = connect(shell_->port(), certificate_.ca_pem);
}

void Bench::start_raw() {
  grpc::ServerBuilder builder;
  int port = 0;
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back(
      {std::string(certificate_.private_key_pem.reveal_text()), certificate_.certificate_pem});
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  builder.RegisterService(&service_);
  raw_ = builder.BuildAndStart();
  to_raw_ = connect(port, certificate_.ca_pem);
}

void Bench::create_task() {
  proto::TaskSpec spec;
  spec.name = "benchmark";
  spec.population = "benchmark";
  spec.model = {.architecture = proto::Architecture::kSoftmax, .features = 128, .classes = 6};
  spec.participants = static_cast<std::uint32_t>(devices_.size());
  must(must(client::AdminClient::connect(admin_socket_))->create_task(spec));
}

double Bench::raw_rate(const std::string& request, const std::string& reply) {
  service_.answer_with(reply);
  return repeated_calls(to_raw_, request, seconds_);
}

void Bench::sent_away() {
  const std::string request = encoded(check_in_of("device-0000001"));
  const std::string reply = one_reply(to_shell_.front(), request);
  service_.answer_with(reply);
  repeated_calls(to_raw_, request, seconds_ / 4);  // warm up
  repeated_calls(to_shell_, request, seconds_ / 4);
  std::vector<double> ours, raw;
  for (std::size_t i = 0; i < kRuns; ++i) {
    raw.push_back(raw_rate(request, reply));
    ours.push_back(repeated_calls(to_shell_, request, seconds_));
  }
  std::printf("%-44s %8zu %8zu %10.0f %10.0f %6.2f\n", "check-in, sent away", request.size(), reply.size(),
              median(ours), median(raw), median(ours) / median(raw));
}

Recording Bench::signed_check_ins() {
  Recording recording{.greeting = encoded(devices_[0]->request), .challenge = {}, .proof = {}, .offer = {}};
  const double calls = calls_per_second(
      to_shell_, [&](std::size_t caller) { return signing(devices_, caller, recording); }, std::nullopt);
  const double greetings = raw_rate(recording.greeting, recording.challenge);
  const double proofs = raw_rate(recording.proof, recording.offer);
  const double raw_seconds = 1 / greetings + 1 / proofs;  // of a device
  const double signature = signature_seconds(*devices_[0]) / std::thread::hardware_concurrency();
  const double ours = calls / 2;
  std::printf("%-44s %8zu %8zu %10.0f %10.0f %6.2f\n", "signed check-in (two calls), given a plan",
              recording.proof.size(), recording.offer.size(), ours, 1 / raw_seconds, ours * raw_seconds);
  const double limit = 1 / (raw_seconds + signature);
  std::printf("%-44s %8s %8s %10.0f %10.0f %6.2f\n", "  beside raw calls and the signatures' time", "", "",
              ours, limit, ours / limit);
  return recording;
}

void Bench::passes(const Recording& recording) {
  const std::string request = encoded(devices_[0]->request);
  std::vector<double> ours, raw;
  for (int i = 0; i < 2; ++i) {  // a device takes its place over twice in a round, no more
    raw.push_back(raw_rate(request, recording.offer));
    ours.push_back(calls_per_second(
        to_shell_, [&](std::size_t caller) { return showing_passes(devices_, caller); }, std::nullopt));
  }
  std::printf("%-44s %8zu %8zu %10.0f %10.0f %6.2f\n", "check-in with a pass, given a plan", request.size(),
              recording.offer.size(), median(ours), median(raw), median(ours) / median(raw));
}

}  // namespace
}  // namespace sotto

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2.0;
  const int devices = argc > 2 ? std::atoi(argv[2]) : 10'000;
  if (argc > 3 || !(seconds >= 0.1 && seconds <= 60) || devices < 128 || devices > 10'000) {
    std::fprintf(stderr,
                 "usage: check_in_bench [SECONDS PER MEASUREMENT, 0.1 .. 60] [DEVICES, 128 .. 10000]\n");
    return 2;
  }
  sotto::proto::skip_grpc_lock_checks();  // as `sotto` does
  std::string name = (std::filesystem::temp_directory_path() / "sotto-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::perror(name.c_str());
    return 1;
  }
  int status = 0;
  try {
    sotto::Bench(seconds, static_cast<std::size_t>(devices), name).run();
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "check_in_bench: %s\n", exception.what());
    status = 1;
  }
  std::error_code ignored;
  std::filesystem::remove_all(name, ignored);
  return status;
}
