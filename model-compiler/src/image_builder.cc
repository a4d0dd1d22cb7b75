#include "image_builder.h"

#include "sotto/crypto/primitives.h"
#include "sotto/device_runtime/crc32.h"

namespace sotto::model_compiler {

std::vector<std::uint8_t> ImageBuilder::finish(device::ImageHeader header) {
  constexpr std::size_t kChecksummedFrom = 16;
  constexpr std::size_t kDigestedFrom = 48;
  bytes_.resize((bytes_.size() + device::kImageAlignment - 1) / device::kImageAlignment *
                device::kImageAlignment);
  header.magic = device::kImageMagic;
  header.header_bytes = sizeof(device::ImageHeader);
  header.image_bytes = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &header, sizeof header);
  const crypto::Digest digest = crypto::sha256({Bytes(bytes_).subspan(kDigestedFrom)});
  std::memcpy(header.sha256, digest.data(), digest.size());
  std::memcpy(bytes_.data(), &header, sizeof header);
  header.crc32 = device::crc32(bytes_.data() + kChecksummedFrom, bytes_.size() - kChecksummedFrom);
  std::memcpy(bytes_.data(), &header, sizeof header);
  return std::move(bytes_);
}

}  // namespace sotto::model_compiler
