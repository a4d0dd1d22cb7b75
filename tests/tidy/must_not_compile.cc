// Pairs from one source: without a SOTTO_CASE_* macro everything here compiles; each macro turns one correct
// line into the mistake that the types are there to refuse. check_must_not_compile.py tries them all. After
// "expect:" stands a part of the diagnostic, so that a case cannot pass by failing for another reason.
#include <iostream>
#include <string>
#include <utility>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/random.h"
#include "sotto/base/result.h"
#include "sotto/crypto/backend_object.h"
#include "sotto/crypto/secret_buffer.h"
#include "sotto/crypto/secret_bytes.h"

namespace {

sotto::Result<int> count() { return 1; }
sotto::Status save() { return {}; }
sotto::RoundId next(sotto::TaskId, sotto::RoundId round) { return {round.value + 1}; }
void send(sotto::Bytes) {}
struct Zeros final : sotto::Random {
  void fill(sotto::MutableBytes) override {}
};

}  // namespace

int main() {
#ifdef SOTTO_CASE_IGNORED_RESULT  // expect: nodiscard
  count();
#else
  const sotto::Result<int> counted = count();
#endif

#ifdef SOTTO_CASE_IGNORED_STATUS  // expect: nodiscard
  save();
#else
  const sotto::Status saved = save();
#endif

  const sotto::TaskId task{1};
  const sotto::RoundId round{2};
#ifdef SOTTO_CASE_SWAPPED_IDS  // expect: could not convert
  const sotto::RoundId after = next(round, task);
#else
  const sotto::RoundId after = next(task, round);
#endif

#ifdef SOTTO_CASE_NUMBER_FOR_ID  // expect: could not convert
  const sotto::RoundId later = next(task, std::uint64_t{2});
#else
  const sotto::RoundId later = next(task, sotto::RoundId{2});
#endif

#ifdef SOTTO_CASE_COMPARED_IDS  // expect: no match for 'operator=='
  const bool equal = task == round;
#else
  const bool equal = after == round;
#endif

  auto* const zeros = new Zeros;
#ifdef SOTTO_CASE_SOURCE_OWNED_BY_ITS_BASE  // expect: is protected within this context
  delete static_cast<sotto::Random*>(zeros);
#else
  delete zeros;
#endif

#ifdef SOTTO_CASE_BACKEND_WITHOUT_ROOM  // expect: promises less than the object needs
  sotto::crypto::BackendObject<7> room;
#else
  sotto::crypto::BackendObject<8> room;
#endif
  room.create<std::uint64_t>();

  sotto::crypto::SecretBytes<16> secret;
#ifdef SOTTO_CASE_COPIED_SECRET  // expect: use of deleted function
  const sotto::crypto::SecretBytes<16> other = secret;
#else
  const sotto::crypto::SecretBytes<16> other = std::move(secret);
#endif

#ifdef SOTTO_CASE_SECRET_SENT_IN_CLEAR  // expect: could not convert
  send(other);
#else
  send(other.reveal());
#endif

  sotto::crypto::SecretBuffer key(std::size_t{16});
#ifdef SOTTO_CASE_COPIED_KEY  // expect: use of deleted function
  const sotto::crypto::SecretBuffer kept = key;
#else
  const sotto::crypto::SecretBuffer kept = std::move(key);
#endif

#ifdef SOTTO_CASE_KEY_SENT_IN_CLEAR  // expect: could not convert
  send(kept);
#else
  send(kept.reveal());
#endif

#ifdef SOTTO_CASE_PRINTED_SECRET  // expect: no match for 'operator<<'
  std::cout << other;
#endif
#ifdef SOTTO_CASE_PRINTED_KEY  // expect: no match for 'operator<<'
  std::cout << kept;
#endif
#ifdef SOTTO_CASE_KEY_AS_TEXT  // expect: conversion from
  const std::string text = kept;
#endif
  return counted.has_value() && saved.ok() && later == after && !equal ? 0 : 1;
}
