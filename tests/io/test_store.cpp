// The store on real files: what it keeps, what it does not believe, what it does when it is full.
#include "io/files.hpp"
#include "io/store.hpp"
#include "tests/io/turns.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>
#include <thread>

namespace io::testing {
namespace {

using pipeline::as_bytes;
using pipeline::as_text;

struct Keeping {
    TemporaryDirectory directory;
    std::string path = directory / "cache.mdb";
    StoreOptions options{.bytes_max = 4 << 20, .readers_max = 8, .boot_id = "boot-1"};

    Store::Opened open() const {
        auto opened = Store::open(path, {"names", "prices"}, options);
        EXPECT_TRUE(opened) << describe(opened.error());
        return opened ? std::move(*opened) : Store::Opened{};
    }
    StoreError refused() const {
        auto opened = Store::open(path, {"names", "prices"}, options);
        EXPECT_FALSE(opened);
        return opened ? StoreError{StoreCode::refused} : opened.error();
    }
    std::string file() const { return read_file(path).value_or(""); }
};

void put(Store& store, std::string_view key, std::string_view value, std::uint64_t expires = 100,
         std::size_t table = 0) {
    auto const done = store.put(table, as_bytes(key), as_bytes(value), expires);
    EXPECT_TRUE(done) << describe(done.error());
}

// "absent", or the value.
std::string get(Store::Reader& reader, std::string_view key, std::size_t table = 0) {
    std::array<std::uint8_t, Store::value_bytes_max> out{};
    auto const found = reader.get(table, as_bytes(key), out);
    EXPECT_TRUE(found) << describe(found.error());
    if (!found || !*found) return "absent";
    return std::string(as_text({out.data(), (*found)->size}));
}
std::string get(Store& store, std::string_view key, std::size_t table = 0) {
    auto const reader = store.reader();
    EXPECT_TRUE(reader);
    return get(**reader, key, table);
}

TEST(Store, keeps_tables_apart_and_replaces) {
    Keeping const world;
    auto const store = world.open().store;
    put(*store, "a", "one");
    put(*store, "a", "other", 100, 1);
    put(*store, "b", "");
    put(*store, "a", "two", 50);
    EXPECT_EQ(get(*store, "a"), "two");
    EXPECT_EQ(get(*store, "a", 1), "other");
    EXPECT_EQ(get(*store, "b"), "");
    EXPECT_EQ(get(*store, "c"), "absent");
    EXPECT_EQ(store->counts()->entries, 3U);
    EXPECT_TRUE(*store->remove(0, as_bytes("a")));
    EXPECT_FALSE(*store->remove(0, as_bytes("a")));
    EXPECT_EQ(get(*store, "a"), "absent");
    EXPECT_EQ(get(*store, "a", 1), "other");
    ASSERT_TRUE(store->clear());
    EXPECT_EQ(get(*store, "a", 1), "absent");
    EXPECT_EQ(store->counts()->entries, 0U);
}

TEST(Store, values_come_back_after_it_was_closed) {
    Keeping world;
    {
        auto const opened = world.open();
        EXPECT_EQ(opened.note, "");
        for (int i = 0; i < 1'000; ++i)
            put(*opened.store, std::to_string(i), "v" + std::to_string(i));
    }
    world.options.boot_id = "boot-2"; // what was closed is safe, whatever happened since
    auto const opened = world.open();
    EXPECT_EQ(opened.note, "");
    for (int i = 0; i < 1'000; ++i)
        ASSERT_EQ(get(*opened.store, std::to_string(i)), "v" + std::to_string(i));
    EXPECT_EQ(opened.store->counts()->entries, 1'000U);
}

TEST(Store, walks_in_the_order_of_keys_and_stops_when_told) {
    Keeping const world;
    auto const store = world.open().store;
    put(*store, "b", "2", 20);
    put(*store, "a", "1", 10);
    put(*store, "c", "3", 30);
    auto const reader = *store->reader();
    std::string seen;
    ASSERT_TRUE(reader->for_each(0, [&](auto key, auto value, std::uint64_t expires) {
        seen += std::string(as_text(key)) + std::string(as_text(value)) + std::to_string(expires);
        return as_text(key) != "b";
    }));
    EXPECT_EQ(seen, "a110b220");
    ASSERT_TRUE(reader->for_each(1, [&](auto, auto, auto) { return ADD_FAILURE(), true; }));
}

TEST(Store, takes_away_what_has_run_out_the_oldest_first) {
    Keeping const world;
    auto const store = world.open().store;
    put(*store, "late", "x", 300);
    put(*store, "early", "x", 100, 1);
    put(*store, "middle", "x", 200);
    EXPECT_EQ(*store->clear_expired(99, 10), 0U);
    EXPECT_EQ(*store->clear_expired(200, 1), 1U);
    EXPECT_EQ(get(*store, "early", 1), "absent");
    EXPECT_EQ(get(*store, "middle"), "x");
    EXPECT_EQ(*store->clear_expired(200, 10), 1U);
    EXPECT_EQ(get(*store, "middle"), "absent");
    EXPECT_EQ(get(*store, "late"), "x");
    // A value that was put again runs out by its new time alone.
    put(*store, "late", "y", 500);
    EXPECT_EQ(*store->clear_expired(499, 10), 0U);
    EXPECT_EQ(*store->clear_expired(UINT64_MAX, 10), 1U);
}

TEST(Store, refuses_what_is_over_its_limits) {
    Keeping const world;
    auto const store = world.open().store;
    std::string const key(Store::key_bytes_max, 'k'), value(Store::value_bytes_max, 'v');
    put(*store, key, value);
    EXPECT_EQ(get(*store, key), value);
    auto const code = [&](std::string const& k, std::string const& v) {
        auto const done = store->put(0, as_bytes(k), as_bytes(v), 1);
        return done ? StoreCode::refused : done.error().code;
    };
    EXPECT_EQ(code(key + "k", "v"), StoreCode::value_too_large);
    EXPECT_EQ(code(key, value + "v"), StoreCode::value_too_large);
    EXPECT_EQ(code("", "v"), StoreCode::value_too_large);
    EXPECT_EQ(get(*store, ""), "absent");
    EXPECT_EQ(get(*store, key + "k"), "absent");
    EXPECT_EQ(get(*store, key), value);
}

TEST(Store, drops_what_runs_out_first_when_it_is_full) {
    Keeping world;
    world.options.bytes_max = Store::bytes_min;
    auto const store = world.open().store;
    std::string const value(900, 'v');
    int const count = 20'000; // 20 times what there is room for
    for (int i = 0; i < count; ++i) put(*store, std::to_string(i), value, 1'000'000 + i);
    auto const counts = *store->counts();
    EXPECT_LE(counts.bytes_used, Store::bytes_min);
    EXPECT_GT(counts.entries, Store::bytes_min / 2 / (value.size() + 100));
    // Everything is accounted for: there, or dropped; and what is there are the last ones.
    EXPECT_EQ(counts.entries + counts.dropped, std::size_t{count});
    int const first = count - static_cast<int>(counts.entries);
    EXPECT_EQ(get(*store, std::to_string(first - 1)), "absent");
    for (int i = first; i < count; ++i) ASSERT_EQ(get(*store, std::to_string(i)), value) << i;
    EXPECT_LE(std::filesystem::file_size(world.path), Store::bytes_min);
}

TEST(Store, goes_on_when_large_values_follow_small_ones) {
    Keeping world;
    world.options.bytes_max = Store::bytes_min;
    auto const store = world.open().store;
    for (int i = 0; i < 30'000; ++i) put(*store, "small" + std::to_string(i), "v", 1);
    std::string const value(Store::value_bytes_max, 'v');
    for (int i = 0; i < 5'000; ++i) put(*store, "large" + std::to_string(i), value, 2);
    EXPECT_EQ(get(*store, "large4999"), value);
    EXPECT_LE(store->counts()->bytes_used, Store::bytes_min);
}

// A reader inside of a walk pins all pages of its state: nothing that is dropped becomes free.
TEST(Store, goes_on_while_a_walk_holds_its_pages) {
    Keeping world;
    world.options.bytes_max = Store::bytes_min;
    auto const store = world.open().store;
    std::string const value(900, 'v');
    for (int i = 0; i < 2'000; ++i) put(*store, std::to_string(i), value, i);
    auto const reader = *store->reader();
    int full = 0, puts = 0;
    ASSERT_TRUE(reader->for_each(0, [&](auto, auto, auto) {
        auto const done = store->put(0, as_bytes(std::to_string(puts)), as_bytes(value), 5'000);
        if (!done) {
            EXPECT_EQ(done.error().code, StoreCode::full);
            EXPECT_NE(describe(done.error()).find("while a walk"), std::string::npos);
            ++full;
        }
        return ++puts < 200;
    }));
    EXPECT_EQ(puts, 200);
    EXPECT_GT(full, 0);
    put(*store, "after", value, 9'000);
    EXPECT_EQ(get(*store, "after"), value);
}

TEST(Store, a_second_one_is_refused) {
    Keeping const world;
    {
        auto const first = world.open();
        auto const error = world.refused();
        EXPECT_EQ(error.code, StoreCode::in_use);
        EXPECT_EQ(describe(error), world.path + ": another service has it open; stop that one, or "
                                                "give this one another state_dir");
        put(*first.store, "a", "still there");
        EXPECT_EQ(get(*first.store, "a"), "still there");
    }
    EXPECT_EQ(get(*world.open().store, "a"), "still there");
}

// Ends the child with `signal` after it has put `count` values; false if it did not get so far.
bool put_and_die(Keeping const& world, int count) {
    pid_t const child = ::fork();
    if (child == 0) {
        auto opened = Store::open(world.path, {"names", "prices"}, world.options);
        for (int i = 0; opened && i < count; ++i) {
            auto const key = std::to_string(i);
            if (!opened->store->put(0, as_bytes(key), as_bytes("v"), 1)) ::_exit(1);
        }
        ::kill(::getpid(), SIGKILL);
        ::_exit(1);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFSIGNALED(status);
}

TEST(Store, a_killed_process_loses_nothing) {
    Keeping const world;
    ASSERT_TRUE(put_and_die(world, 500));
    auto const opened = world.open();
    EXPECT_EQ(opened.note, "");
    for (int i = 0; i < 500; ++i) ASSERT_EQ(get(*opened.store, std::to_string(i)), "v") << i;
}

TEST(Store, is_begun_anew_when_the_machine_went_down) {
    Keeping world;
    ASSERT_TRUE(put_and_die(world, 50));
    world.options.boot_id = "boot-2";
    auto const opened = world.open();
    EXPECT_EQ(opened.note,
              world.path + ": the machine went down while it was open; it was moved to " +
                  world.path +
                  ".damaged and an empty one begun (what was in it is asked for again)");
    EXPECT_EQ(get(*opened.store, "1"), "absent");
    EXPECT_TRUE(std::filesystem::exists(world.path + ".damaged"));
    put(*opened.store, "1", "new");
    EXPECT_EQ(get(*opened.store, "1"), "new");
}

TEST(Store, any_damage_is_noticed) {
    std::mt19937 random(7); // NOLINT: a fixed seed
    Keeping const world;
    {
        auto const store = world.open().store;
        for (int i = 0; i < 300; ++i) put(*store, std::to_string(i), "value");
    }
    std::string const mark = *read_file(world.path + ".mark");
    std::string const whole = world.file();
    ASSERT_GT(whole.size(), 16'384U);
    auto const noticed = [&](std::string const& text) {
        EXPECT_TRUE(write_file(world.path, text) && write_file(world.path + ".mark", mark));
        auto const opened = world.open();
        EXPECT_EQ(get(*opened.store, "1"), "absent");
        return opened.note.find("it is not what was written") != std::string::npos;
    };
    for (int i = 0; i < 20; ++i) {
        std::string text = whole;
        text[random() % text.size()] ^= static_cast<char>(1 << random() % 8);
        EXPECT_TRUE(noticed(text)) << i;
    }
    for (std::size_t const size :
         {std::size_t{0}, std::size_t{1}, std::size_t{4'096}, whole.size() / 2, whole.size() - 1})
        EXPECT_TRUE(noticed(whole.substr(0, size))) << size;
    EXPECT_TRUE(noticed(whole + '\0'));
    // The same steps with what was written: nothing to notice.
    ASSERT_TRUE(write_file(world.path, whole) && write_file(world.path + ".mark", mark));
    auto const opened = world.open();
    EXPECT_EQ(opened.note, "");
    EXPECT_EQ(get(*opened.store, "1"), "value");
}

TEST(Store, a_foreign_file_is_moved_aside) {
    Keeping const world;
    std::string const foreign = "my diary, in a place where it should not be";
    ASSERT_TRUE(write_file(world.path, foreign));
    auto const opened = world.open();
    EXPECT_NE(opened.note.find("it was not written by this program"), std::string::npos);
    EXPECT_EQ(read_file(world.path + ".damaged").value_or(""), foreign);
    put(*opened.store, "a", "v");
    EXPECT_EQ(get(*opened.store, "a"), "v");
}

TEST(Store, a_mark_that_lies_about_a_foreign_file_is_found_out_by_lmdb) {
    Keeping const world;
    ASSERT_TRUE(write_file(world.path, std::string(20'000, 'x')));
    ASSERT_TRUE(write_file(world.path + ".mark", "spyhop-store 1 open boot-1\n"));
    auto const opened = world.open();
    EXPECT_NE(opened.note.find("MDB_INVALID"), std::string::npos) << opened.note;
    EXPECT_EQ(get(*opened.store, "a"), "absent");
}

TEST(Store, a_file_over_the_limit_is_begun_anew) {
    Keeping world;
    {
        auto const store = world.open().store;
        for (int i = 0; i < 3'000; ++i) put(*store, std::to_string(i), std::string(900, 'v'));
    }
    world.options.bytes_max = Store::bytes_min;
    auto const opened = world.open();
    EXPECT_NE(opened.note.find("it is larger than it may be now"), std::string::npos);
    EXPECT_EQ(opened.store->counts()->entries, 0U);
}

TEST(Store, says_what_keeps_it_from_being_opened) {
    Keeping world;
    world.path = world.directory / "missing/cache.mdb";
    auto const error = world.refused();
    EXPECT_EQ(error.code, StoreCode::cannot_open);
    EXPECT_EQ(name(error.code), "cannot_open");
    EXPECT_EQ(describe(error), world.path +
                                   ".mark: it cannot be opened; does the directory exist, may "
                                   "this user write there? [No such file or directory]");
}

TEST(Store, readers_are_counted) {
    Keeping world;
    world.options.readers_max = 2;
    auto const store = world.open().store;
    auto first = store->reader(), second = store->reader();
    ASSERT_TRUE(first && second);
    auto const third = store->reader();
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, StoreCode::too_many_readers);
    first->reset();
    EXPECT_TRUE(store->reader());
}

TEST(Store, threads_read_and_write_at_once) {
    Keeping const world;
    auto const store = world.open().store;
    auto const work = [&](int thread) {
        auto const reader = *store->reader();
        for (int i = 0; i < 300; ++i) {
            std::string const key = std::to_string(thread) + "-" + std::to_string(i % 50);
            put(*store, key, key + "=" + std::to_string(i), i);
            ASSERT_EQ(get(*reader, key), key + "=" + std::to_string(i));
            // Of another thread: absent, or whole.
            std::string const other =
                std::to_string((thread + 1) % 4) + "-" + std::to_string(i % 50);
            auto const seen = get(*reader, other);
            ASSERT_TRUE(seen == "absent" || seen.starts_with(other + "=")) << seen;
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work, i);
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(store->counts()->entries, 200U);
}

// Against a map, with re-opening in between: what is there, in which order it runs out.
TEST(Store, does_what_a_map_does) {
    std::mt19937_64 random(20'260'709); // NOLINT: a fixed seed
    Keeping const world;
    auto opened = world.open();
    std::map<std::string, std::pair<std::string, std::uint64_t>> model;
    for (int step = 0; step < 6'000; ++step) {
        auto const key = std::to_string(random() % 200);
        switch (random() % 16) {
        case 0: EXPECT_EQ(*opened.store->remove(0, as_bytes(key)), model.erase(key) == 1); break;
        case 1: {
            std::uint64_t const now = random() % 1'000;
            std::size_t const expected =
                std::erase_if(model, [&](auto const& entry) { return entry.second.second <= now; });
            EXPECT_EQ(*opened.store->clear_expired(now, 10'000), expected);
            break;
        }
        case 2:
            if (random() % 100 == 0) {
                opened.store.reset();
                opened = world.open();
                EXPECT_EQ(opened.note, "");
            }
            break;
        default:
            model[key] = {std::string(random() % 300, 'x') + key, random() % 2'000};
            put(*opened.store, key, model[key].first, model[key].second);
        }
        ASSERT_EQ(opened.store->counts()->entries, model.size()) << "step " << step;
        auto const probe = std::to_string(random() % 200);
        auto const found = model.find(probe);
        ASSERT_EQ(get(*opened.store, probe), found == model.end() ? "absent" : found->second.first);
    }
}

} // namespace
} // namespace io::testing
