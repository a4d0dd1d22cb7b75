// Every bound of the system in one place, tied together. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sotto::limits {

// Secure session.
inline constexpr std::size_t kParticipantsMax = 10'000;  // one cohort; larger rounds use several cohorts
// Of a float session, whose fixed point has 63 bits.
inline constexpr std::size_t kFloatParticipantsMax = 1024;
inline constexpr std::size_t kParticipantsMin = 3;           // below this a sum hides nobody
inline constexpr std::size_t kU16LaneParticipantsMax = 257;  // 257 * 255 = 65,535
inline constexpr std::size_t kCompleteGraphMax = 64;         // cohorts up to here use the complete graph
inline constexpr std::size_t kParametersMax = std::size_t{1} << 24;

// Enrolment.
inline constexpr std::size_t kRevokedIdentitiesMax = 4096;  // above that a new epoch costs less than the list
inline constexpr std::size_t kRotationsMax = 8;  // changes of an authority's key that a bulletin tells of

// Messages.
inline constexpr std::size_t kUpdateBytesMax = 4 * kParametersMax + 4096;  // float32 yardstick is the widest
// Values' lanes in one-shot sessions with two helpers, whose sums of masks have 8 bytes for each lane.
inline constexpr std::size_t kTwoHelperLanesMax = kParametersMax / 2;
inline constexpr std::size_t kMessageBytesMax = kUpdateBytesMax + 65536;
inline constexpr std::size_t kModelChunkBytes = 256 * 1024;
inline constexpr std::size_t kSmallRequestBytesMax = 4096;  // a device's calls but Exchange
inline constexpr std::size_t kPassBytesMax = 128;
inline constexpr std::size_t kUpdateManifestBytesMax = 512;  // of a board's model, signed
inline constexpr std::size_t kUpdateChunkBytes = 32 * 1024;
inline constexpr std::size_t kPlanBytesMax = 2048;
inline constexpr std::size_t kDeviceIdBytesMax = 64;
inline constexpr std::size_t kNameBytesMax = 64;
inline constexpr std::size_t kReasonBytesMax = 256;
inline constexpr std::size_t kTrainersPerDeviceMax = 16;

// Coordinator.
inline constexpr std::size_t kTasksMax = 256;
inline constexpr std::size_t kSessionsMax = 200'000;  // devices between check-in and the end of their round
inline constexpr std::size_t kEventQueueMax = 65'536;
// Signatures of devices that wait to be verified: a second's work or two of one core.
inline constexpr std::size_t kVerificationsMax = 8'192;
inline constexpr std::size_t kRoundsOpenMax = 16;  // of one task, at once
// Round numbers of a task that are reserved in the store at a time, before the first of them is used.
inline constexpr std::size_t kRoundsReserved = 64;
// Devices of a task that the coordinator remembers as spent (their ledgers let nothing leave).
inline constexpr std::size_t kSpentDevicesMax = kSessionsMax;
// Devices that the coordinator remembers by name or identity, of each kind, and what of a device's own words
// on why it failed.
inline constexpr std::size_t kDeviceRecordsMax = 65'536;
inline constexpr std::size_t kDeviceReasonBytesMax = 200;
// Requests to the store that are under way: those that a caller waits for, and of each task's own one that
// records and one that reserves.
inline constexpr std::size_t kStoreCallsMax = 1024;
inline constexpr std::size_t kStoreRequestsMax = kStoreCallsMax + 2 * kTasksMax;
inline constexpr std::int64_t kHoldCallMsMax = 20'000;  // a unary call is answered "wait" after this long

static_assert(kU16LaneParticipantsMax * 255 == 65'535);
static_assert(kParticipantsMax <= 0xffff);
static_assert(kRoundsOpenMax < kRoundsReserved / 2, "the next block is reserved in time");
static_assert(kStoreRequestsMax < kEventQueueMax, "the store's answers come as events");
static_assert(8 * kTwoHelperLanesMax + 4096 <= kUpdateBytesMax);
static_assert(kDeviceReasonBytesMax < kReasonBytesMax, "a sentence of ours has room for a device's");
static_assert(kUpdateBytesMax < kMessageBytesMax);
static_assert(2 * kDeviceIdBytesMax + kTrainersPerDeviceMax * (kNameBytesMax + 4) + kPassBytesMax + 1024 <
                  kSmallRequestBytesMax,
              "a check-in with all that it may hold");
static_assert(kReasonBytesMax + 256 < kSmallRequestBytesMax, "a device that leaves says why");
static_assert(kMessageBytesMax < (std::size_t{1} << 31), "gRPC and protobuf count message bytes in int");

}  // namespace sotto::limits
