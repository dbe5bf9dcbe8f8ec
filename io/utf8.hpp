// Is this text UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF)? Pure.
#pragma once

#include "pipeline/types.hpp"

namespace io {

bool valid_utf8(pipeline::Bytes text);

} // namespace io
