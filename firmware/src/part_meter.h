// Which part of a session its instructions go to. The linker leads calls of the primitives through
// part_meter_calls.cc (--wrap; the list is in CMakeLists.txt), so that what is measured is what a product
// links.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sotto::board {

enum class Part : std::uint8_t { kRest, kVerify, kSign, kX25519, kKeystream, kShamir, kSeal };
inline constexpr std::array<const char*, 7> kPartNames = {"rest",      "verify", "sign", "x25519",
                                                          "keystream", "shamir", "seal"};

struct PartAccount {
  std::uint64_t instructions = 0;
  std::uint32_t calls = 0;
};

// Instructions and calls since start(). A part within another counts for itself only. One at a time.
class PartMeter {
 public:
  using Accounts = std::array<PartAccount, kPartNames.size()>;

  // Everything from here on is kRest, or a part that is entered.
  static void start();
  // What was before goes on in the part that it was in.
  static void stop();

  [[nodiscard]] static const Accounts& accounts() { return accounts_; }
  static void clear() { accounts_ = {}; }
  [[nodiscard]] static std::uint64_t total();

  // While one lives the part is entered.
  class Within {
   public:
    explicit Within(Part part);
    ~Within();
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Part before_;
  };

 private:
  static void charge();

  static inline Accounts accounts_{};
  static inline Part part_ = Part::kRest;
  static inline std::uint32_t since_ = 0;
  static inline bool running_ = false;
};

}  // namespace sotto::board
