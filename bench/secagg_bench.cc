// Secure aggregation beside what its primitives cost alone, on one core: unmasking, summing, one participant.
//
//   secagg_bench [--json FILE] [--quick]
//
// Every row is the median of several runs; the limit is measured between them. Times are processor time of
// one thread, and time on the wall where there are more. Unmasking is everything from the last answer to the
// decoded sum. The sums are checked: a wrong one ends the run.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "secagg_cohort.h"
#include "secagg_limits.h"
#include "side_by_side.h"
#include "sotto/base/check.h"
#include "sotto/base/executor.h"

namespace sotto::bench {
namespace {

using aggregator::CohortSession;
using crypto::Prg;
using proto::Step;

struct Row {
  std::string name;
  double ours = 0;   // seconds
  double limit = 0;  // seconds
  std::size_t bytes = 0;
};

class Report {
 public:
  void add(const Row& row) {
    std::printf("%-58s %10.2f %10.2f %7.3f %9zu\n", row.name.c_str(), 1e3 * row.ours, 1e3 * row.limit,
                row.ours / row.limit, row.bytes);
    std::fflush(stdout);
    rows_.push_back({{"case", row.name},
                     {"ours_ms", 1e3 * row.ours},
                     {"limit_ms", 1e3 * row.limit},
                     {"ratio", row.ours / row.limit},
                     {"bytes", row.bytes}});
  }
  // What one device sends in a whole session, beside its packed or unpacked vector alone.
  void add_uplink(const std::string& name, std::size_t parameters, std::size_t session, std::size_t vector) {
    const auto of_each = [&](std::size_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(parameters);
    };
    std::printf("%-58s %8.4f B %8.4f B %7.3f %9zu\n", name.c_str(), of_each(session), of_each(vector),
                of_each(session) / of_each(vector), session);
    rows_.push_back({{"case", name},
                     {"ours_bytes_per_parameter", of_each(session)},
                     {"limit_bytes_per_parameter", of_each(vector)},
                     {"ratio", of_each(session) / of_each(vector)},
                     {"bytes", session}});
  }
  [[nodiscard]] bool write(const std::string& file) const {
    std::ofstream out(file);
    out << rows_.dump(2) << '\n';
    return out.good();
  }

 private:
  nlohmann::json rows_ = nlohmann::json::array();
};

std::string name_of(const char* what, const CohortOptions& options) {
  std::string name = std::string(what) + " n=" + std::to_string(options.devices) +
                     " d=" + std::to_string(options.parameters);
  if (options.dropout_fraction > 0)
    name += " drop=" + std::to_string(static_cast<int>(100 * options.dropout_fraction + 0.5)) + "%";
  name += options.prg == Prg::kChaCha20 ? " chacha20" : " aes-128-ctr";
  if (options.adversary == proto::Adversary::kSemiMalicious) name += " signed";
  return name + (options.packing == proto::Packing::kBits ? " packed" : "");
}

double unmask_seconds(const RecordedCohort& cohort, Executor& executor) {
  const std::unique_ptr<CohortSession> session = cohort.session_at(Step::kUnmask);
  cohort.submit(*session);
  bool right = false;
  const auto work = [&] {
    SOTTO_CHECK(session->close_step().has_value());
    const auto sum = session->finish(executor);
    right = sum.has_value() && cohort.sum_is_right(*sum);
  };
  const double seconds = executor.thread_count() == 1 ? processor_seconds_of(work) : seconds_of(work);
  SOTTO_CHECK(right);
  return seconds;
}

struct UnmaskOptions {
  std::size_t threads = 1;
  std::size_t repeats = 1;
};

void unmask(const CohortOptions& options, const RecordedCohort& cohort, const UnmaskOptions& runs,
            Report& report) {
  std::vector<double> ours;
  std::vector<double> limit;
  const auto executor = make_thread_pool(runs.threads);
  for (std::size_t i = 0; i < runs.repeats; ++i) {
    limit.push_back(keystream_seconds(options.prg, cohort.masks(), cohort.layout().byte_count()));
    ours.push_back(unmask_seconds(cohort, *executor));
  }
  std::string name = name_of("unmask", options);
  if (runs.threads > 1) name += " threads=" + std::to_string(runs.threads);
  report.add({.name = name,
              .ours = median(std::move(ours)),
              .limit = median(std::move(limit)) / static_cast<double>(runs.threads),
              .bytes = cohort.masks() * cohort.layout().byte_count()});
}

// What it takes a session to have the vectors of all its devices, which nothing has read before.
void sum_inputs(const CohortOptions& options, const RecordedCohort& cohort, std::size_t repeats,
                Report& report) {
  std::vector<std::vector<std::uint8_t>> vectors;
  crypto::SeededRandom random(5);
  for (std::size_t i = 0; i < options.devices; ++i) {
    random.fill(vectors.emplace_back(cohort.layout().message_bytes()));
    vectors.back().back() = 0;  // where padding may be
  }
  std::vector<double> ours;
  std::vector<double> limit;
  for (std::size_t i = 0; i < repeats; ++i) {
    const std::unique_ptr<CohortSession> session = cohort.session_at(Step::kCollect);
    limit.push_back(addition_seconds(vectors));
    ours.push_back(processor_seconds_of([&] {
      for (std::uint16_t device = 0; device < options.devices; ++device)
        SOTTO_CHECK(accepted(session->receive(ParticipantIndex{device}, Step::kCollect, vectors[device])));
    }));
  }
  CohortOptions all = options;
  all.dropout_fraction = 0;
  report.add({.name = name_of("sum of inputs", all),
              .ours = median(std::move(ours)),
              .limit = median(std::move(limit)),
              .bytes = vectors.size() * cohort.layout().message_bytes()});
}

// What a participant verifies in all, as it does, beside signatures alone: both in seconds.
struct Verifying {
  double ours = 0;
  double limit = 0;
};
Verifying signatures(const CohortOptions& options, const RecordedCohort& cohort, Report& report) {
  crypto::SystemRandom random;
  const crypto::Es256PrivateKey key = crypto::Es256PrivateKey::generate(random);
  const std::vector<std::uint8_t> message(secagg::Statement::kBytesMax / 2, 1);
  const crypto::Es256Signature signature = key.sign(message);
  std::vector<double> ours;
  std::vector<double> limit;
  for (int i = 0; i < 9; ++i) {
    limit.push_back(verification_seconds(cohort.signatures()));
    crypto::Es256Verifier verifier;
    ours.push_back(processor_seconds_of([&] {
      for (std::size_t done = 0; done < cohort.signatures(); ++done)
        SOTTO_CHECK(verifier.verify(key.public_key(), message, signature));
    }));
  }
  const Verifying seconds{.ours = median(std::move(ours)), .limit = median(std::move(limit))};
  report.add(
      {.name = name_of("signatures of a participant", options) + " s=" + std::to_string(cohort.signatures()),
       .ours = seconds.ours,
       .limit = seconds.limit,
       .bytes = cohort.signatures() * crypto::kEs256SignatureBytes});
  return seconds;
}

// Two agreements per neighbour, one mask per neighbour and its own. Signatures have their own row, and are in
// the row of the whole: what is left after they are taken away is a small difference of large figures.
void participant(const CohortOptions& options, const RecordedCohort& cohort, Report& report) {
  const std::size_t neighbours = cohort.graph().neighbours;
  std::vector<double> limit;
  for (int i = 0; i < 9; ++i) {
    limit.push_back(keystream_seconds(options.prg, neighbours + 1, cohort.layout().byte_count()) +
                    agreement_seconds(2 * neighbours));
  }
  const ParticipantCost cost = cohort.participant_cost();
  CohortOptions named = options;
  named.dropout_fraction = 0;
  const Verifying verifying = cohort.signatures() == 0 ? Verifying{} : signatures(named, cohort, report);
  const double masking = median(std::move(limit));
  const std::string at = " k=" + std::to_string(neighbours);
  report.add({.name = name_of("participant", named) + at,
              .ours = cost.seconds - verifying.ours,
              .limit = masking,
              .bytes = cost.bytes});
  if (verifying.limit > 0) {
    report.add({.name = name_of("participant with its signatures", named) + at,
                .ours = cost.seconds,
                .limit = masking + verifying.limit,
                .bytes = cost.bytes});
  }
  report.add_uplink(name_of("uplink of a session", options), options.parameters, cost.bytes,
                    cohort.layout().message_bytes());
}

// Neighbours and threshold are those that the rule of PROTOCOL.md 6.13 gives.
void signed_session(const CohortOptions& options, Report& report) {
  const RecordedCohort cohort(options);
  unmask(options, cohort, {.threads = 1, .repeats = 3}, report);
  participant(options, cohort, report);
}

CohortOptions signed_options(std::uint16_t devices, std::uint32_t parameters) {
  return {.devices = devices,
          .parameters = parameters,
          .dropout_fraction = 0.1,
          .adversary = proto::Adversary::kSemiMalicious};
}

// A signed session and a packed one, each with what it is about.
void signed_and_packed(std::uint16_t devices, std::uint32_t parameters, Report& report) {
  signed_session(signed_options(devices, parameters), report);
  const CohortOptions packed{.devices = devices,
                             .parameters = parameters,
                             .dropout_fraction = 0.3,
                             .packing = proto::Packing::kBits};
  const RecordedCohort packed_cohort(packed);
  sum_inputs(packed, packed_cohort, 5, report);
  participant(packed, packed_cohort, report);
}

void quick(Report& report) {
  for (const std::uint16_t ring : {std::uint16_t{0}, std::uint16_t{300}}) {
    const CohortOptions options{
        .devices = 70, .parameters = 2000, .dropout_fraction = 0.3, .ring_participants = ring};
    const RecordedCohort cohort(options);
    unmask(options, cohort, {.threads = 1, .repeats = 1}, report);
    unmask(options, cohort, {.threads = 2, .repeats = 1}, report);
    sum_inputs(options, cohort, 1, report);
    participant(options, cohort, report);
  }
  signed_and_packed(70, 2000, report);
}

void hundred_devices(Report& report) {
  for (const Prg prg : {Prg::kAes128Ctr, Prg::kChaCha20}) {
    const CohortOptions options{.devices = 100, .parameters = 100'000, .dropout_fraction = 0.3, .prg = prg};
    const RecordedCohort cohort(options);
    for (const std::size_t threads : {1, 2})
      unmask(options, cohort, {.threads = threads, .repeats = 9}, report);
    participant(options, cohort, report);
  }
  const CohortOptions options{.devices = 100, .parameters = 1'000'000, .dropout_fraction = 0.3};
  const RecordedCohort cohort(options);
  for (const std::size_t threads : {1, 2})
    unmask(options, cohort, {.threads = threads, .repeats = 5}, report);
  signed_and_packed(100, 100'000, report);
  CohortOptions packed = signed_options(100, 100'000);
  packed.packing = proto::Packing::kBits;
  signed_session(packed, report);
}

// The largest cohort of a task that does not say otherwise, nearly.
void two_hundred_and_fifty_devices(Report& report) { signed_session(signed_options(250, 100'000), report); }

void thousand_devices(Report& report) {
  for (const double dropout_fraction : {0.1, 0.3}) {
    const CohortOptions options{.devices = 1000, .parameters = 100'000, .dropout_fraction = dropout_fraction};
    const RecordedCohort cohort(options);
    for (const std::size_t threads : {1, 2})
      unmask(options, cohort, {.threads = threads, .repeats = 3}, report);
    if (dropout_fraction > 0.2) participant(options, cohort, report);
    if (dropout_fraction < 0.2) sum_inputs(options, cohort, 5, report);
  }
  signed_and_packed(1000, 100'000, report);
}

int run(int argc, char** argv) {
  std::string json;
  bool is_quick = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      is_quick = true;
    } else if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      json = argv[++i];
    } else {
      std::fprintf(stderr, "usage: secagg_bench [--json FILE] [--quick]\n");
      return 2;
    }
  }
  std::printf("%-58s %10s %10s %7s %9s\n", "case", "ours ms", "limit ms", "ratio", "bytes");
  Report report;
  if (is_quick) {
    quick(report);
  } else {
    hundred_devices(report);
    two_hundred_and_fifty_devices(report);
    thousand_devices(report);
  }
  if (json.empty() || report.write(json)) return 0;
  std::fprintf(stderr, "secagg_bench: cannot write %s\n", json.c_str());
  return 1;
}

}  // namespace
}  // namespace sotto::bench

int main(int argc, char** argv) { return sotto::bench::run(argc, argv); }
