// Partial sums as bytes:
//   "SSUM" || version u8 || bytes per value u8 (4 or 8) || H(plan) (32) || unit f64 || weight_max u32 ||
//   devices u32
//   || count, weight, examples, correct, loss, clipped u64 each || values u32 || values, two's complement
//   || SHA-256 of all that (32).   Little-endian.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::aggregator {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'S', 'U', 'M'};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kDigestBytes = sizeof(crypto::Digest);
constexpr std::size_t kHeaderBytes = kMagic.size() + 2 + kDigestBytes + 8 + 4 + 4 + 6 * 8 + 4;
constexpr std::uint32_t kWeightMaxLimit = 1u << 20;  // the plan's bound

std::uint8_t bytes_per_value(const std::vector<std::int64_t>& values) {
  const bool narrow = std::all_of(values.begin(), values.end(), [](std::int64_t value) {
    return value == static_cast<std::int32_t>(value);
  });
  return narrow ? 4 : 8;
}

std::array<std::uint64_t*, 6> fields_of(secagg::MetricSums& metrics) {
  return {&metrics.count,   &metrics.weight,    &metrics.examples,
          &metrics.correct, &metrics.loss_1024, &metrics.clipped};
}

Status damaged(const std::string& what) {
  return data_loss("a partial sum " + what + ": have it written again");
}

// Everything after the plan's hash.
Status read_body(ByteReader& reader, std::uint8_t width, CohortSum& sum) {
  sum.unit = std::bit_cast<double>(reader.u64());
  sum.weight_max = reader.u32();
  sum.devices = reader.u32();
  for (std::uint64_t* field : fields_of(sum.metrics)) *field = reader.u64();
  const std::uint32_t count = reader.u32();
  const bool plausible = std::isfinite(sum.unit) && sum.unit > 0 && sum.weight_max >= 1 &&
                         sum.weight_max <= kWeightMaxLimit && sum.devices >= 1 && count >= 1 &&
                         count <= limits::kParametersMax && (width == 4 || width == 8);
  if (!reader.ok() || !plausible) return damaged("has a header that no sum has");
  if (reader.remaining() != std::size_t{count} * width) {
    return damaged("of " + std::to_string(count) + " values has " + std::to_string(reader.remaining()) +
                   " bytes for them");
  }
  sum.sum.resize(count);
  for (std::int64_t& value : sum.sum) {
    value = width == 4 ? static_cast<std::int32_t>(reader.u32()) : static_cast<std::int64_t>(reader.u64());
  }
  return {};
}

}  // namespace

std::vector<std::uint8_t> encode_cohort_sum(const CohortSum& sum, const crypto::Digest& plan_digest) {
  SOTTO_CHECK(sum.devices >= 1 && !sum.sum.empty() && sum.sum.size() <= limits::kParametersMax);
  const std::uint8_t width = bytes_per_value(sum.sum);
  std::vector<std::uint8_t> bytes(kHeaderBytes + sum.sum.size() * width + kDigestBytes);
  ByteWriter writer(bytes);
  writer.bytes(kMagic);
  writer.u8(kVersion);
  writer.u8(width);
  writer.bytes(plan_digest);
  writer.u64(std::bit_cast<std::uint64_t>(sum.unit));
  writer.u32(sum.weight_max);
  writer.u32(sum.devices);
  secagg::MetricSums metrics = sum.metrics;
  for (const std::uint64_t* field : fields_of(metrics)) writer.u64(*field);
  writer.u32(static_cast<std::uint32_t>(sum.sum.size()));
  for (const std::int64_t value : sum.sum) {
    if (width == 4) {
      writer.u32(static_cast<std::uint32_t>(value));
    } else {
      writer.u64(static_cast<std::uint64_t>(value));
    }
  }
  writer.bytes(crypto::sha256({Bytes(bytes).first(bytes.size() - kDigestBytes)}));
  SOTTO_CHECK(writer.ok() && writer.written() == bytes.size());
  return bytes;
}

Result<CohortSum> decode_cohort_sum(Bytes bytes, const crypto::Digest& plan_digest) {
  if (bytes.size() < kHeaderBytes + kDigestBytes) {
    return damaged("has " + std::to_string(bytes.size()) + " bytes, at least " +
                   std::to_string(kHeaderBytes + kDigestBytes) + " are needed");
  }
  const Bytes body = bytes.first(bytes.size() - kDigestBytes);
  const crypto::Digest digest = crypto::sha256({body});
  if (!std::equal(digest.begin(), digest.end(), bytes.last(kDigestBytes).begin())) {
    return damaged("does not have the SHA-256 at its end");
  }
  ByteReader reader(body);
  std::array<std::uint8_t, kMagic.size()> magic{};
  crypto::Digest plan{};
  reader.copy(magic);
  const std::uint8_t version = reader.u8();
  const std::uint8_t width = reader.u8();
  reader.copy(plan);
  if (magic != kMagic) return damaged("does not begin with SSUM");
  if (version != kVersion) {
    return failed_precondition("a partial sum is of version " + std::to_string(version) +
                               ", this program reads version " + std::to_string(kVersion));
  }
  if (plan != plan_digest) {
    return failed_precondition(
        "a partial sum is of another plan: only sums of one round's plan can be merged");
  }
  CohortSum sum;
  SOTTO_RETURN_IF_ERROR(read_body(reader, width, sum));
  return sum;
}

}  // namespace sotto::aggregator
