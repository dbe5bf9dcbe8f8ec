// Transactions on a real file: whole or not at all, whoever is killed when.
#include "io/files.hpp"
#include "io/records.hpp"
#include "tests/io/turns.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>

namespace io::testing {
namespace {

using pipeline::as_bytes;
using pipeline::as_text;

using Table = std::map<std::string, std::string>;

struct Filing {
    TemporaryDirectory directory;
    std::string path = directory / "state.mdb";
    RecordsOptions options{.bytes_max = 16 << 20};

    Records::Opened open() const {
        auto opened = Records::open(path, {"names", "prices"}, options);
        EXPECT_TRUE(opened) << describe(opened.error());
        return opened ? std::move(*opened) : Records::Opened{};
    }
};

Table all(Records const& records, std::size_t table = 0) {
    Table found;
    auto const read = records.read();
    EXPECT_TRUE(read);
    auto const walked = (*read)->for_each(table, [&](auto key, auto value) {
        found.emplace(as_text(key), as_text(value));
        return true;
    });
    EXPECT_TRUE(walked);
    return found;
}

TEST(Records, a_transaction_is_there_when_it_is_committed_and_not_before) {
    Filing const world;
    auto const records = world.open().records;
    {
        auto write = records->write();
        write.put(0, as_bytes("a"), as_bytes("1"));
        write.put(1, as_bytes("a"), as_bytes("2"));
        EXPECT_EQ(all(*records), Table{});
        ASSERT_TRUE(write.commit());
    }
    EXPECT_EQ(all(*records), (Table{{"a", "1"}}));
    EXPECT_EQ(all(*records, 1), (Table{{"a", "2"}}));
    {
        auto write = records->write();
        write.put(0, as_bytes("b"), as_bytes("given up"));
        write.clear(1);
    }
    EXPECT_EQ(all(*records), (Table{{"a", "1"}}));
    EXPECT_EQ(all(*records, 1), (Table{{"a", "2"}}));
}

TEST(Records, behind_the_last_record_comes_the_first) {
    Filing const world;
    auto const records = world.open().records;
    auto write = records->write();
    write.remove_next(0, as_bytes("a")); // there is none
    for (char const* key : {"a", "b", "c", "d"}) write.put(0, as_bytes(key), as_bytes("1"));
    EXPECT_EQ(write.size(0), 4U);
    write.remove_next(0, as_bytes("b"));
    write.remove_next(0, as_bytes("d"));
    write.remove_next(0, as_bytes("c")); // it is not there: behind what?
    EXPECT_EQ(write.size(0), 2U);
    ASSERT_TRUE(write.commit());
    EXPECT_EQ(all(*records), (Table{{"b", "1"}, {"d", "1"}}));
    EXPECT_EQ((*records->read())->size(0), 2U);
    EXPECT_EQ((*records->read())->size(1), 0U);
    auto alone = records->write();
    alone.remove_next(0, as_bytes("d"));
    alone.remove_next(0, as_bytes("d")); // itself
    ASSERT_TRUE(alone.commit());
    EXPECT_EQ(all(*records), Table{});
}
TEST(Records, who_reads_sees_what_there_was_when_it_began) {
    Filing const world;
    auto const records = world.open().records;
    auto first = records->write();
    first.put(0, as_bytes("a"), as_bytes("old"));
    ASSERT_TRUE(first.commit());
    auto const read = records->read();
    ASSERT_TRUE(read);
    auto second = records->write();
    second.put(0, as_bytes("a"), as_bytes("new"));
    ASSERT_TRUE(second.commit());
    auto const found = (*read)->get(0, as_bytes("a"));
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(as_text(**found), "old");
    EXPECT_FALSE(*(*read)->get(0, as_bytes("b")));
    EXPECT_EQ(all(*records)["a"], "new");
}

TEST(Records, does_what_maps_do_over_many_restarts) {
    Filing const world;
    std::mt19937 random(11); // NOLINT: a fixed seed
    std::array<Table, 2> model;
    for (int round = 0; round < 30; ++round) {
        auto const opened = world.open();
        ASSERT_EQ(opened.note, "");
        auto wanted = model;
        auto write = opened.records->write();
        for (int i = 0; i < 40; ++i) {
            std::size_t const table = random() % 2;
            std::string const key = std::to_string(random() % 100);
            std::string const value(random() % 9'000, static_cast<char>('a' + random() % 26));
            switch (random() % 12) {
            case 0:
                write.remove_before(table, as_bytes(key));
                wanted[table].erase(wanted[table].begin(), wanted[table].lower_bound(key));
                break;
            case 1:
            case 2:
                write.remove(table, as_bytes(key));
                wanted[table].erase(key);
                break;
            case 3:
                if (random() % 8 > 0) break;
                write.clear(table);
                wanted[table].clear();
                break;
            default: write.put(table, as_bytes(key), as_bytes(value)); wanted[table][key] = value;
            }
        }
        if (random() % 4 > 0) {
            ASSERT_TRUE(write.commit());
            model = wanted;
        }
        EXPECT_EQ(all(*opened.records), model[0]) << "round " << round;
        EXPECT_EQ(all(*opened.records, 1), model[1]) << "round " << round;
    }
}

TEST(Records, what_does_not_fit_is_refused_and_nothing_of_it_is_there) {
    Filing world;
    world.options.bytes_max = Records::bytes_min;
    auto const records = world.open().records;
    auto small = records->write();
    small.put(0, as_bytes("a"), as_bytes("1"));
    ASSERT_TRUE(small.commit());
    {
        auto write = records->write();
        std::string const value(4'000, 'v');
        for (int i = 0; i < 400; ++i) write.put(0, as_bytes(std::to_string(i)), as_bytes(value));
        auto const done = write.commit();
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, StoreCode::full);
    }
    EXPECT_EQ(all(*records), (Table{{"a", "1"}}));
    auto again = records->write();
    again.put(0, as_bytes("b"), as_bytes("2"));
    EXPECT_TRUE(again.commit());
}

// Dies with `pending` records that were not committed.
TEST(Records, a_kill_within_a_transaction_leaves_the_one_before) {
    Filing const world;
    for (int pending : {0, 1, 100, 1'000}) {
        pid_t const child = ::fork();
        if (child == 0) {
            auto opened = Records::open(world.path, {"names", "prices"}, world.options);
            if (!opened) ::_exit(1);
            auto first = opened->records->write();
            first.put(0, as_bytes("whole"), as_bytes(std::to_string(pending)));
            if (!first.commit()) ::_exit(1);
            auto second = opened->records->write();
            second.put(0, as_bytes("whole"), as_bytes("half"));
            std::string const value(3'000, 'v');
            for (int i = 0; i < pending; ++i)
                second.put(0, as_bytes(std::to_string(i)), as_bytes(value));
            ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        ASSERT_TRUE(::waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        auto const opened = world.open();
        EXPECT_EQ(opened.note, "");
        EXPECT_EQ(all(*opened.records), (Table{{"whole", std::to_string(pending)}}));
    }
}

TEST(Records, a_second_one_is_refused_and_any_damage_is_noticed) {
    Filing const world;
    {
        auto const opened = world.open();
        auto write = opened.records->write();
        for (int i = 0; i < 300; ++i)
            write.put(0, as_bytes(std::to_string(i)), as_bytes(std::string(500, 'v')));
        ASSERT_TRUE(write.commit());
        auto const second = Records::open(world.path, {"names", "prices"}, world.options);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, StoreCode::in_use);
    }
    std::string const mark = *read_file(world.path + ".mark");
    std::string const whole = *read_file(world.path);
    std::mt19937 random(7); // NOLINT: a fixed seed
    for (int i = 0; i < 20; ++i) {
        std::string text = whole;
        text[random() % text.size()] ^= static_cast<char>(1 << random() % 8);
        ASSERT_TRUE(write_file(world.path, text) && write_file(world.path + ".mark", mark));
        auto const opened = world.open();
        EXPECT_EQ(opened.note, world.path + ": it is not what was written; it was moved to " +
                                   world.path + ".damaged and an empty one begun");
        EXPECT_EQ(all(*opened.records), Table{});
    }
    ASSERT_TRUE(write_file(world.path, whole) && write_file(world.path + ".mark", mark));
    auto const opened = world.open();
    EXPECT_EQ(opened.note, "");
    EXPECT_EQ(all(*opened.records).size(), 300U);
}

TEST(Records, a_foreign_file_is_moved_aside) {
    Filing const world;
    ASSERT_TRUE(write_file(world.path, "my diary"));
    auto const opened = world.open();
    EXPECT_NE(opened.note.find("it was not written by this program"), std::string::npos);
    EXPECT_EQ(read_file(world.path + ".damaged").value_or(""), "my diary");
}

} // namespace
} // namespace io::testing
