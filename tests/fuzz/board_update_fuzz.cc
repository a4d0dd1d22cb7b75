// A board that asks for updates of its model, behind a gateway and a coordinator that lie: nothing is staged
// but what its owner has signed. And what the decoder of update trusts makes of anything in flash.
#include <algorithm>
#include <optional>

#include "app/enrolment.h"
#include "app/update_fetcher.h"
#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "support/enrolment.h"
#include "support/nor_flash.h"
#include "unit/device-runtime/update/update_cases.h"
#include "unit/firmware/scripted_line.h"

namespace {

using namespace sotto;
namespace link = proto::link;
using Buffer = std::vector<std::uint8_t>;
using Look = board::UpdateFetcher::Look;

constexpr int kCallsMax = 24;  // then the gateway has no answer any more

Buffer bytes_of(const link::Answer& answer) {
  Buffer bytes(link::encoded_bytes(answer));
  ByteWriter out(bytes);
  SOTTO_CHECK(link::encode(answer, out));
  return bytes;
}

// Zero is what an honest coordinator would do; whatever it says may be changed on the way.
class Liar {
 public:
  explicit Liar(fuzz::FuzzInput& input) : input_(input) {
    static const crypto::Es256PrivateKey owner = model_update::key_number(1);
    trust.owner = owner.public_key();
    SOTTO_CHECK(trust.device_class.assign(std::string_view("m4")) &&
                trust.task.assign(std::string_view("activity")));
    model_update::Manifest manifest = model_update::image_manifest();
    manifest.device_class = trust.device_class;
    manifest.task = trust.task;
    manifest.size = static_cast<std::uint32_t>(content.size());
    manifest.digest = crypto::sha256({content});
    manifest_ = model_update::signed_by(owner, manifest);
  }

  Buffer answer(const link::Call& call) {
    if (++calls_ > kCallsMax) return bytes_of(link::Failed{.code = 6, .reason = "gone"});
    Buffer bytes = bytes_of(honest(call));
    if (input_.chance(64)) fuzz::mutate(input_, bytes);
    return bytes;
  }

  board::UpdateTrust trust;
  Buffer content = Buffer(9000, 3);

 private:
  link::Answer honest(const link::Call& call) {
    const std::size_t lie = input_.below(16);
    if (lie == 1) return link::UpdateChallenge{.coordinator = digest_, .challenge = Bytes(digest_)};
    if (lie == 2) return link::NoUpdate{.window = {.delay_min_ms = 1, .delay_max_ms = UINT32_MAX}};
    if (lie == 3) return link::Failed{.code = 4, .reason = "no"};
    if (const auto* fetch = std::get_if<link::FetchUpdate>(&call)) {
      const std::size_t from = std::min<std::size_t>(fetch->offset, content.size());
      const std::size_t bytes = std::min<std::size_t>(fetch->bytes_max, content.size() - from);
      return link::Chunk{
          .total_bytes = content.size(), .offset = from, .bytes = Bytes(content).subspan(from, bytes)};
    }
    return link::UpdateOffered{.pass = digest_, .manifest = manifest_};
  }

  fuzz::FuzzInput& input_;
  Buffer manifest_;
  Buffer digest_ = Buffer(32, 1);
  int calls_ = 0;
};

void provision(support::NorFlash& flash, const board::UpdateTrust& trust) {
  board::Journal journal(flash, 0, board::kJournalPages);
  SOTTO_CHECK(journal.open() == board::Journal::Result::kBlank);
  Buffer bytes(board::UpdateTrust::kBytesMax);
  bytes.resize(board::encode_update_trust(trust, bytes));
  SOTTO_CHECK(journal.put(board::kUpdateTrustNumber, bytes) == board::Journal::Result::kOk);
}

void play(fuzz::FuzzInput& input) {
  Liar liar(input);
  support::NorFlash flash(board::kFlashFileGeometry);
  provision(flash, liar.trust);
  board::ScriptedLine line(flash, [&](const link::Call& call) { return liar.answer(call); });
  static const secagg::Enrolment device(7);
  crypto::SeededRandom random(1);
  bool staged = false;
  for (int starts = 0; starts < 3 && !staged; ++starts) {
    board::Journal journal(flash, 0, board::kJournalPages);
    SOTTO_CHECK(journal.open() == board::Journal::Result::kOk);
    board::UpdateFetcher fetcher({.port = line,
                                  .journal = journal,
                                  .identity = device.identity,
                                  .keys = random,
                                  .device_id = "board-1",
                                  .ram_bytes = 64 * 1024});
    SOTTO_CHECK(fetcher.open() == nullptr);
    board::UpdateFetcher::Room room(line, 1);
    staged = fetcher.look(room) == Look::kStaged;
    const Bytes image = fetcher.image({});
    SOTTO_CHECK(staged == !image.empty());
    SOTTO_CHECK(!staged || std::ranges::equal(image, liar.content));
  }
}

void decode_anything(Bytes bytes) {
  board::UpdateTrust trust;
  if (!board::decode_update_trust(bytes, trust)) return;
  Buffer again(board::UpdateTrust::kBytesMax);
  again.resize(board::encode_update_trust(trust, again));
  SOTTO_CHECK(again == Buffer(bytes.begin(), bytes.end()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decode_anything({data, size});
  fuzz::FuzzInput input(data, size);
  play(input);
  return 0;
}
