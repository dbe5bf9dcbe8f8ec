// What a command prints, and its exit code. One thread.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tests {

struct CommandSaid {
    int code = 0;
    std::string out, err;
};
template <class Command>
CommandSaid said_by(Command command) {
    char* bytes[2] = {};
    std::size_t sizes[2] = {};
    std::FILE* const out = open_memstream(&bytes[0], &sizes[0]);
    std::FILE* const err = open_memstream(&bytes[1], &sizes[1]);
    CommandSaid result;
    result.code = command(out, err);
    (void)std::fclose(out);
    (void)std::fclose(err);
    result.out.assign(bytes[0], sizes[0]);
    result.err.assign(bytes[1], sizes[1]);
    std::free(bytes[0]);
    std::free(bytes[1]);
    return result;
}

} // namespace tests
