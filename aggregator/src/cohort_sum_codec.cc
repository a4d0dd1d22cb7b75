// Partial sums as bytes:
//   "SSUM" || version u8 || bytes per value u8 (4 or 8) || H(plan) (32) || weight_max u32 || devices u32
//   || count, weight, examples, clipped, the declared sums (8, zeros for those not declared) u64 each
//   || segments u8 || for each: length u32, unit f64, weighting u8, clipped u64
//   || values, two's complement || SHA-256 of all that (32).   Little-endian.
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::aggregator {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'S', 'U', 'M'};
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kDigestBytes = sizeof(crypto::Digest);
constexpr std::size_t kHeaderBytes =
    kMagic.size() + 2 + kDigestBytes + 4 + 4 + (4 + secagg::kSumsMax) * 8 + 1;
constexpr std::size_t kSegmentBytes = 4 + 8 + 1 + 8;
constexpr std::uint32_t kWeightMaxLimit = 1u << 20;  // the plan's bound

std::uint8_t bytes_per_value(const std::vector<std::int64_t>& values) {
  const bool narrow = std::all_of(values.begin(), values.end(), [](std::int64_t value) {
    return value == static_cast<std::int32_t>(value);
  });
  return narrow ? 4 : 8;
}

std::array<std::uint64_t*, 4 + secagg::kSumsMax> fields_of(secagg::MetricSums& metrics) {
  std::array<std::uint64_t*, 4 + secagg::kSumsMax> fields = {&metrics.count, &metrics.weight,
                                                             &metrics.examples, &metrics.clipped};
  for (std::size_t i = 0; i < secagg::kSumsMax; ++i) fields[4 + i] = &metrics.sums[i];
  return fields;
}

Status damaged(const std::string& what) {
  return data_loss("a partial sum " + what + ": have it written again");
}

bool plausible(const SumSegment& segment) {
  const bool weighted =
      segment.weighting == secagg::Weighting::kExamples || segment.weighting == secagg::Weighting::kOne;
  return segment.length >= 1 && std::isfinite(segment.unit) && segment.unit > 0 && weighted;
}

// The number of values, or nothing when the segments are none that a sum has.
std::optional<std::uint64_t> read_segments(ByteReader& reader, std::vector<SumSegment>& segments) {
  segments.resize(reader.u8());
  std::uint64_t values = 0;
  for (SumSegment& segment : segments) {
    segment.length = reader.u32();
    segment.unit = std::bit_cast<double>(reader.u64());
    segment.weighting = static_cast<secagg::Weighting>(reader.u8());
    segment.clipped = reader.u64();
    if (!reader.ok() || !plausible(segment)) return std::nullopt;
    values += segment.length;
  }
  const bool sound =
      segments.size() <= secagg::kSegmentsMax && values >= 1 && values <= limits::kParametersMax;
  return sound ? std::optional(values) : std::nullopt;
}

// Everything after the plan's hash.
Status read_body(ByteReader& reader, std::uint8_t width, CohortSum& sum) {
  sum.weight_max = reader.u32();
  sum.devices = reader.u32();
  for (std::uint64_t* field : fields_of(sum.metrics)) *field = reader.u64();
  const std::optional<std::uint64_t> count = read_segments(reader, sum.segments);
  const bool sound = sum.weight_max >= 1 && sum.weight_max <= kWeightMaxLimit && sum.devices >= 1 && count &&
                     (width == 4 || width == 8);
  if (!reader.ok() || !sound) return damaged("has a header that no sum has");
  if (reader.remaining() != *count * width) {
    return damaged(fmt::format("of {} values has {} bytes for them", *count, reader.remaining()));
  }
  sum.sum.resize(*count);
  for (std::int64_t& value : sum.sum) {
    value = width == 4 ? static_cast<std::int32_t>(reader.u32()) : static_cast<std::int64_t>(reader.u64());
  }
  return {};
}

}  // namespace

std::vector<std::uint8_t> encode_cohort_sum(const CohortSum& sum, const crypto::Digest& plan_digest) {
  SOTTO_CHECK(sum.devices >= 1 && !sum.sum.empty() && sum.sum.size() <= limits::kParametersMax);
  SOTTO_CHECK(!sum.segments.empty() && sum.segments.size() <= secagg::kSegmentsMax);
  const std::uint8_t width = bytes_per_value(sum.sum);
  std::vector<std::uint8_t> bytes(kHeaderBytes + sum.segments.size() * kSegmentBytes +
                                  sum.sum.size() * width + kDigestBytes);
  ByteWriter writer(bytes);
  writer.bytes(kMagic);
  writer.u8(kVersion);
  writer.u8(width);
  writer.bytes(plan_digest);
  writer.u32(sum.weight_max);
  writer.u32(sum.devices);
  secagg::MetricSums metrics = sum.metrics;
  for (const std::uint64_t* field : fields_of(metrics)) writer.u64(*field);
  writer.u8(static_cast<std::uint8_t>(sum.segments.size()));
  for (const SumSegment& segment : sum.segments) {
    writer.u32(segment.length);
    writer.u64(std::bit_cast<std::uint64_t>(segment.unit));
    writer.u8(static_cast<std::uint8_t>(segment.weighting));
    writer.u64(segment.clipped);
  }
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
    return damaged(
        fmt::format("has {} bytes, at least {} are needed", bytes.size(), kHeaderBytes + kDigestBytes));
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
    return failed_precondition(
        fmt::format("a partial sum is of version {}, this program reads version {}", version, kVersion));
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
