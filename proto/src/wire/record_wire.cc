#include "record_wire.h"

#include <google/protobuf/descriptor.h>

namespace sotto::proto {

const google::protobuf::FieldDescriptor& wire_field(const google::protobuf::Message& message,
                                                    const Field& field) {
  const auto* found = message.GetDescriptor()->FindFieldByName(field.name);
  SOTTO_CHECK(found != nullptr);
  return *found;
}

}  // namespace sotto::proto
