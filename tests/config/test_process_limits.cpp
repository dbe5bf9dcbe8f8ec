// What hybrid may take: lines as in proc(5), and a child that asks for more than its limit.
#include "config/process_limits.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace config;

TEST(ProcessLimits, the_size_of_the_data_is_read_from_its_line) {
    EXPECT_EQ(data_bytes_in("VmPeak:\t 9 kB\nVmData:\t    2048 kB\nVmStk:\t 1 kB\n"),
              std::uint64_t{2} << 20);
    for (char const* bad : {"", "VmData:", "\nVmData:\t", "\nVmData:\t 12", "\nVmData: 12 MB\n",
                            "\nVmData:\t x kB\n"})
        EXPECT_EQ(data_bytes_in(bad), std::nullopt) << bad;
}

TEST(ProcessLimits, memory_beyond_the_limit_is_refused_and_below_it_given) {
    constexpr std::uint64_t most = std::uint64_t{64} << 20;
    auto const given = [](std::uint64_t bytes) {
        return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED;
    };
    pid_t const child = fork();
    if (child == 0) {
        if (!limit_hybrid(most)) std::_Exit(1);
        std::_Exit(!given(most) ? 2 : given(data_margin_bytes + most) ? 3 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}
