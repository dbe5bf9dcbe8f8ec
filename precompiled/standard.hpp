// What nearly every source includes, parsed once for each library. The compiler puts it before a
// source by itself, so nobody names it and everybody still names what they use: packages and
// clang-tidy compile without it. Small on purpose, because each source pays for loading it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
