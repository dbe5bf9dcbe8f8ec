// One request on the admin socket, in either of its two forms (interface.md section 3):
//
//   rollback --reason "bad alerts"
//   {"command":["rollback"],"args":{"reason":"bad alerts"}}
//
// Pure. Limits: the socket bounds the line; here words and arguments are bounded as well.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

inline constexpr std::size_t admin_words_max = 16;
inline constexpr std::size_t admin_args_max = 32;

struct AdminRequest {
    std::vector<std::string> words;          // "rollout", "status"
    std::map<std::string, std::string> args; // without the dashes; a switch has the value "true"
    bool json = false;                       // answer in JSON
};

// The error is a sentence for the person who asked.
[[nodiscard]] std::expected<AdminRequest, std::string> parse_admin_request(std::string_view line);

// The body of an emergency rollback over HTTP: {"reason":"...","operator":"..."}, both optional, or
// nothing. The error is a sentence.
struct RollbackOrder {
    std::string reason = "emergency";
    std::string operator_name;
};
[[nodiscard]] std::expected<RollbackOrder, std::string> parse_rollback_order(std::string_view body);

// The known name nearest to a mistyped one; empty when nothing is near.
std::string_view nearest(std::string_view typed, std::vector<std::string_view> const& known);

} // namespace stages
