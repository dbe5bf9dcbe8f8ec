// A lock that a process holds together with those it has forked.
#include "io/group_lock.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Folder {
    Folder() { EXPECT_NE(mkdtemp(path), nullptr); }
    ~Folder() { rmdir(path); }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    char path[32] = "group-lock-XXXXXX";
};

std::unique_ptr<io::GroupLock> opened(char const* path) {
    auto lock = io::GroupLock::open(path);
    EXPECT_TRUE(lock);
    return std::move(*lock);
}

} // namespace

TEST(GroupLock, is_free_when_the_last_of_the_group_is_gone) {
    Folder const folder;
    auto mine = opened(folder.path);
    EXPECT_TRUE(mine->take());
    EXPECT_TRUE(mine->take()); // again: still mine
    int leave[2];
    ASSERT_EQ(pipe(leave), 0);
    pid_t const child = fork();
    if (child == 0) { // holds it too, until it is told to leave
        char byte = 0;
        close(leave[1]);
        while (read(leave[0], &byte, 1) > 0) {}
        _exit(0);
    }
    close(leave[0]);
    mine.reset();
    auto const other = opened(folder.path);
    EXPECT_FALSE(other->take());
    close(leave[1]);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(other->take());
}

TEST(GroupLock, names_a_folder_that_is_not_there) {
    auto const lock = io::GroupLock::open("no-such-folder");
    ASSERT_FALSE(lock);
    EXPECT_NE(io::describe(lock.error()).find("no-such-folder"), std::string::npos);
}
