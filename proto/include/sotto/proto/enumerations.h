// The enumerations of plans, messages and tasks, with the words by which people and files know them. Numbers
// are the wire's. Freestanding.
#pragma once

#include <cstdint>

#include "sotto/base/enum_names.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/update_layout.h"

namespace sotto::proto {

enum class Architecture : std::uint8_t {
  // weights [features][classes], then bias [classes]
  kSoftmax = 1,
  // for each layer weights [inputs][outputs], then bias [outputs]; ReLU between layers
  kDense = 2,
  // what a trainer of this name makes of it
  kCustom = 3,
  // Kept free: 4 head (of a named backbone), 5 statistics (no model).
};

enum class Aggregation : std::uint8_t { kSecure = 1, kPlain = 2, kFloat = 3, kOneShot = 4 };

using secagg::Adversary;
using secagg::Packing;

// The steps of a session in order. Plain and float sessions have kJoin and kCollect only; kConfirm is in
// semi-malicious sessions only.
enum class Step : std::uint8_t {
  kJoin = 1,     // READY: update trained. Payload: join message (secure) or empty
  kShare = 2,    // payload: shares message
  kCollect = 3,  // payload: the (masked) vector
  kConfirm = 4,  // payload: signature of who survived
  kUnmask = 5,   // payload: unmask answer
};

enum class TaskState : std::uint8_t { kActive = 1, kPaused = 2, kComplete = 3 };

enum class RoundOutcome : std::uint8_t { kCommitted = 1, kAbandoned = 2 };

// Where a device is in its session.
// kTurnedAway: its signature was not accepted.
enum class DeviceState : std::uint8_t {
  kAway = 1,
  kTraining = 2,
  kJoined = 3,
  kInCohort = 4,
  kTurnedAway = 5
};

// How a device's last session ended.
enum class DeviceOutcome : std::uint8_t { kNone = 1, kCounted = 2, kLeft = 3, kRefused = 4, kSilent = 5 };

// Why a device's ledger does not let it follow a plan.
enum class LedgerRefusal : std::uint8_t {
  kStopped = 1,
  kRoundUsed = 2,
  kModelSpent = 3,
  kTaskSpent = 4,
  kPeriodSpent = 5,
};

// "unknown" for a number that is no enumerator.
template <NamedEnum E>
[[nodiscard]] constexpr const char* to_string(E value) {
  return word_of(value);
}

}  // namespace sotto::proto

namespace sotto {

template <>
struct EnumNames<proto::Architecture> {
  static constexpr EnumName<proto::Architecture> kAll[] = {
      {proto::Architecture::kSoftmax, "softmax", "softmax regression"},
      {proto::Architecture::kDense, "dense", "hidden layers of ReLU units"},
      {proto::Architecture::kCustom, "custom", "values that a trainer of the fleet's own makes sense of"},
  };
};

template <>
struct EnumNames<proto::Aggregation> {
  static constexpr EnumName<proto::Aggregation> kAll[] = {
      {proto::Aggregation::kSecure, "secure", "int8, masked: the coordinator learns the sum only"},
      {proto::Aggregation::kPlain, "plain",
       "int8 without masks, to measure what masking costs; hides nothing"},
      {proto::Aggregation::kFloat, "float", "float32 without masks, the yardstick; hides nothing"},
      {proto::Aggregation::kOneShot, "one_shot",
       "int8, masked, one message from devices that sleep; needs a helper, and coordinator and helper "
       "together "
       "would see the update"},
  };
};

template <>
struct EnumNames<secagg::Encoding> {
  static constexpr EnumName<secagg::Encoding> kAll[] = {
      {secagg::Encoding::kSigned, "signed", "numbers, in 255 steps of the clip"},
      {secagg::Encoding::kCount, "count", "whole numbers, exact"},
  };
};

template <>
struct EnumNames<secagg::Weighting> {
  static constexpr EnumName<secagg::Weighting> kAll[] = {
      {secagg::Weighting::kExamples, "examples", "a device counts as often as its examples"},
      {secagg::Weighting::kOne, "one", "every device counts once"},
  };
};

template <>
struct EnumNames<secagg::Adversary> {
  static constexpr EnumName<secagg::Adversary> kAll[] = {
      {secagg::Adversary::kCurious, "curious", "a coordinator that only looks; devices need no identity"},
      {secagg::Adversary::kSemiMalicious, "semi-malicious",
       "a coordinator that lies; enrolled devices, signed sessions"},
  };
};

template <>
struct EnumNames<crypto::Prg> {
  static constexpr EnumName<crypto::Prg> kAll[] = {
      {crypto::Prg::kChaCha20, "chacha20", "quick everywhere"},
      {crypto::Prg::kAes128Ctr, "aes-128-ctr", "for devices with AES hardware"},
  };
};

template <>
struct EnumNames<secagg::Packing> {
  static constexpr EnumName<secagg::Packing> kAll[] = {
      {secagg::Packing::kWords, "words", "as they are"},
      {secagg::Packing::kBits, "bits",
       "without bits that no sum fills: a few per cent less to send, more work for the device"},
  };
};

template <>
struct EnumNames<proto::Step> {
  static constexpr EnumName<proto::Step> kAll[] = {{proto::Step::kJoin, "join"},
                                                   {proto::Step::kShare, "share"},
                                                   {proto::Step::kCollect, "collect"},
                                                   {proto::Step::kConfirm, "confirm"},
                                                   {proto::Step::kUnmask, "unmask"}};
};

template <>
struct EnumNames<proto::TaskState> {
  static constexpr EnumName<proto::TaskState> kAll[] = {{proto::TaskState::kActive, "active"},
                                                        {proto::TaskState::kPaused, "paused"},
                                                        {proto::TaskState::kComplete, "complete"}};
};

template <>
struct EnumNames<proto::LedgerRefusal> {
  static constexpr EnumName<proto::LedgerRefusal> kAll[] = {
      {proto::LedgerRefusal::kStopped, "stopped", "the device's owner has stopped it"},
      {proto::LedgerRefusal::kRoundUsed, "round used", "it has joined this round or one above it"},
      {proto::LedgerRefusal::kModelSpent, "model spent", "its vector for this version of the model has left"},
      {proto::LedgerRefusal::kTaskSpent, "task spent",
       "as many vectors as its owner allows left for the task"},
      {proto::LedgerRefusal::kPeriodSpent, "period spent",
       "as many vectors as its owner allows left in the present period"},
  };
};

template <>
struct EnumNames<proto::DeviceState> {
  static constexpr EnumName<proto::DeviceState> kAll[] = {{proto::DeviceState::kAway, "away"},
                                                          {proto::DeviceState::kTraining, "training"},
                                                          {proto::DeviceState::kJoined, "joined"},
                                                          {proto::DeviceState::kInCohort, "in cohort"},
                                                          {proto::DeviceState::kTurnedAway, "turned away"}};
};

template <>
struct EnumNames<proto::DeviceOutcome> {
  static constexpr EnumName<proto::DeviceOutcome> kAll[] = {{proto::DeviceOutcome::kNone, "none"},
                                                            {proto::DeviceOutcome::kCounted, "counted"},
                                                            {proto::DeviceOutcome::kLeft, "left"},
                                                            {proto::DeviceOutcome::kRefused, "refused"},
                                                            {proto::DeviceOutcome::kSilent, "silent"}};
};

template <>
struct EnumNames<proto::RoundOutcome> {
  static constexpr EnumName<proto::RoundOutcome> kAll[] = {{proto::RoundOutcome::kCommitted, "committed"},
                                                           {proto::RoundOutcome::kAbandoned, "abandoned"}};
};

}  // namespace sotto
