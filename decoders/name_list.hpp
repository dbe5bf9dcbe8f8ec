// Names separated by '|', as the tables of this room write them: "call|proposal". Pure.
#pragma once

#include <string_view>

namespace decoders {

// Calls visit(name) for each, in order, until it returns true; whether it did.
template <class Visit>
bool any_name(std::string_view list, Visit&& visit) {
    while (!list.empty()) {
        auto const end = list.find('|');
        if (visit(list.substr(0, end))) return true;
        if (end == list.npos) break;
        list.remove_prefix(end + 1);
    }
    return false;
}

inline bool has_name(std::string_view list, std::string_view name) {
    return any_name(list, [&](std::string_view one) { return one == name; });
}

} // namespace decoders
