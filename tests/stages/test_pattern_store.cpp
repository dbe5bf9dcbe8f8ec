// Snapshots on a real file: what comes back is what was, whoever was killed when; what is not whole
// is refused with a sentence.
#include "tests/stages/pattern_store_fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fmt/format.h>

namespace stages::testing {
namespace {

TEST(PatternStore, an_empty_file_holds_no_snapshot) {
    Keeping const keeping;
    World world;
    auto const loaded = keeping.open()->load(genesis, world.accounts, world.log);
    ASSERT_TRUE(loaded);
    EXPECT_FALSE(*loaded);
}

TEST(PatternStore, everything_comes_back_byte_by_byte_over_many_restarts) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        SCOPED_TRACE(::testing::Message() << "seed " << seed);
        std::mt19937_64 random(seed);
        Keeping const keeping;
        World truth;
        for (int restart = 0; restart < 12; ++restart) {
            auto const store = keeping.open();
            World world;
            auto const loaded = store->load(genesis, world.accounts, world.log);
            ASSERT_TRUE(loaded) << loaded.error();
            ASSERT_EQ(loaded->has_value(), restart > 0);
            if (*loaded) {
                EXPECT_EQ((*loaded)->stamp, truth.stamp());
                EXPECT_EQ((*loaded)->models.size(), 2U);
                EXPECT_EQ((*loaded)->models.at("burst"), model_of(truth.steps));
                EXPECT_TRUE((*loaded)->models.at("empty").empty());
            }
            world.steps = truth.steps, world.now = truth.now;
            expect_same(world, truth);
            for (int snapshot = 0; snapshot < 3; ++snapshot) { // and go on from what was loaded
                world.steps_until(world.steps + static_cast<std::uint32_t>(random() % 400));
                ASSERT_TRUE(save(*store, world));
            }
            truth.steps_until(world.steps);
            world.steps_until(world.steps + 20); // behind the snapshot: not in it
        }
        EXPECT_GT(truth.accounts.refused() + truth.steps, 200U);
        EXPECT_GT(truth.log.last(), truth.log.capacity());
    }
}

TEST(PatternStore, only_what_changed_is_written) {
    Keeping const keeping;
    World world({3'200, 10'000});
    world.steps_until(4'000);
    auto store = keeping.open();
    ASSERT_TRUE(save(*store, world));
    auto const pages = (world.accounts.size() + 31) / 32;
    EXPECT_EQ(store->counts().account_pages, pages);
    EXPECT_EQ(store->counts().log_pages, 4'000 / 64 + 1);
    ASSERT_TRUE(save(*store, world));
    EXPECT_EQ(store->counts().account_pages, pages);
    EXPECT_EQ(store->counts().log_pages, 4'000 / 64 + 1);
    world.accounts[40].outs += 1;
    world.accounts[63].outs += 1;
    world.log.append({}, 0, 0);
    ASSERT_TRUE(save(*store, world));
    EXPECT_EQ(store->counts().account_pages, pages + 1);
    EXPECT_EQ(store->counts().log_pages, 4'000 / 64 + 2);
    store.reset(); // and after a restart
    store = keeping.open();
    World loaded({3'200, 10'000});
    ASSERT_TRUE(store->load(genesis, loaded.accounts, loaded.log));
    expect_same(loaded, world);
    ASSERT_TRUE(save(*store, loaded));
    EXPECT_EQ(store->counts().account_pages + store->counts().log_pages, 0U);
}

TEST(PatternStore, of_models_only_changed_pages_are_written_and_what_is_gone_goes) {
    constexpr std::size_t page = PatternStore::model_page_bytes;
    Keeping const keeping;
    auto world = std::make_unique<World>();
    world->steps_until(50);
    std::vector<std::uint8_t> a(10 * page, 1), b(3 * page, 2); // and 8 bytes for their size
    auto const store = keeping.open();
    auto const written = [&](std::span<PatternModel const> models) {
        auto const before = store->counts().model_pages;
        EXPECT_TRUE(store->save(world->stamp(), world->accounts, world->log, models));
        return store->counts().model_pages - before;
    };
    auto const expect_there = [&](std::map<std::string, std::vector<std::uint8_t>> const& what) {
        world = std::make_unique<World>();
        auto const found = store->load(genesis, world->accounts, world->log);
        ASSERT_TRUE(found && *found) << found.error();
        ASSERT_EQ((*found)->models.size(), what.size());
        for (auto const& [name, state] : what) EXPECT_EQ((*found)->models.at(name), state) << name;
    };
    EXPECT_EQ(written(std::array{PatternModel{"a", a}, PatternModel{"b", b}}), 15U);
    EXPECT_EQ(written(std::array{PatternModel{"a", a}, PatternModel{"b", b}}), 0U);
    a[5 * page] = 9;
    b.resize(page);
    EXPECT_EQ(written(std::array{PatternModel{"b", b}, PatternModel{"a", a}}), 3U);
    expect_there({{"a", a}, {"b", b}});
    a[0] = 7; // what was loaded counts as written
    EXPECT_EQ(written(std::array{PatternModel{"a", a}, PatternModel{"ab", b}}), 3U);
    expect_there({{"a", a}, {"ab", b}});
    b.clear();
    EXPECT_EQ(written(std::array{PatternModel{"ab", b}}), 1U);
    expect_there({{"ab", b}});
    store->begin_anew();
    EXPECT_EQ(written(std::array{PatternModel{"ab", b}}), 1U);
    expect_there({{"ab", b}});
}

TEST(PatternStore, says_whose_snapshot_it_is_before_it_is_loaded) {
    Keeping const keeping;
    World world;
    EXPECT_FALSE(keeping.open()->stamp());
    world.steps_until(7);
    PatternStamp stamp = world.stamp();
    stamp.decimals = 10, stamp.block_ms = 6'000;
    ASSERT_TRUE(keeping.open()->save(stamp, world.accounts, world.log, {}));
    EXPECT_EQ(keeping.open()->stamp(), stamp);
    keeping.tamper(0, pipeline::as_bytes("head"), [](auto& bytes) { bytes.at(25) ^= 1; });
    EXPECT_FALSE(keeping.open()->stamp());
}

TEST(PatternStore, what_left_the_ring_leaves_the_file) {
    Keeping const keeping;
    World world;
    auto const store = keeping.open();
    for (int i = 0; i < 20; ++i) {
        world.steps_until(world.steps + 150);
        ASSERT_TRUE(save(*store, world));
    }
    EXPECT_EQ(world.log.last(), 3'000U);
    World larger({200, 3'000}); // of 300 movements, in pages of 64, at most five more
    ASSERT_TRUE(store->load(genesis, larger.accounts, larger.log));
    std::size_t there = 0;
    for (MovedSeq seq = 1; seq <= 3'000; ++seq) {
        ASSERT_NE(larger.log.find(seq), nullptr);
        EXPECT_EQ(larger.log.find(seq)->moved.seq, seq);
        there += larger.log.find(seq)->moved.time_s != 0;
    }
    EXPECT_GE(there, 300U);
    EXPECT_LE(there, 300U + 64U);
}

TEST(PatternStore, a_log_of_another_size_keeps_the_newest_and_is_saved_again) {
    for (std::size_t const capacity : {1UL, 63UL, 64UL, 100UL, 299UL, 301UL, 1'000UL}) {
        SCOPED_TRACE(capacity);
        Keeping const keeping;
        World world;
        world.steps_until(777);
        ASSERT_TRUE(save(*keeping.open(), world));
        World other({200, capacity});
        {
            auto const store = keeping.open();
            auto const loaded = store->load(genesis, other.accounts, other.log);
            ASSERT_TRUE(loaded && *loaded) << loaded.error();
            for (MovedSeq seq = 777; seq > 777 - std::min<MovedSeq>(capacity, 300); --seq)
                ASSERT_TRUE(same_entry(*other.log.find(seq), *world.log.find(seq))) << seq;
            other.log.append({.time_s = 5'000}, 0, 0);
            ASSERT_TRUE(save(*store, other));
        }
        World again({200, capacity});
        auto const loaded = keeping.open()->load(genesis, again.accounts, again.log);
        ASSERT_TRUE(loaded && *loaded) << loaded.error();
        expect_same(again, other);
    }
}

// ---- what is refused ----------------------------------------------------------------------------

constexpr std::uint8_t first_page[8] = {};
pipeline::Bytes const accounts_key(first_page, 4), log_key(first_page, 8);
constexpr std::string_view model_text("burst\0\0\0\0", 9);
pipeline::Bytes const model_key = pipeline::as_bytes(model_text);

TEST(PatternStore, another_chain_another_version_and_too_many_accounts_are_refused) {
    Keeping const keeping;
    World world;
    world.steps_until(500);
    ASSERT_TRUE(save(*keeping.open(), world));
    World other;
    EXPECT_EQ(keeping.refused(other, other_genesis), keeping.sentence("it is of another chain"));
    World small({100, 300});
    EXPECT_EQ(keeping.refused(small),
              keeping.sentence("it holds 200 accounts, and there is room for 100 now"));
    keeping.tamper(0, pipeline::as_bytes("head"), [](auto& bytes) { bytes.at(16) = 0; });
    EXPECT_EQ(keeping.refused(other),
              keeping.sentence(
                  fmt::format("it is of version 0, this program reads {}", PatternStore::version)));
}

TEST(PatternStore, after_a_refusal_the_next_snapshot_replaces_all) {
    Keeping const keeping;
    World world;
    world.steps_until(900);
    World fresh;
    {
        auto const store = keeping.open();
        ASSERT_TRUE(save(*store, world));
        ASSERT_FALSE(store->load(other_genesis, fresh.accounts, fresh.log));
        fresh.steps_until(30);
        ASSERT_TRUE(save(*store, fresh));
    }
    World loaded;
    auto const found = keeping.open()->load(genesis, loaded.accounts, loaded.log);
    ASSERT_TRUE(found && *found) << found.error();
    EXPECT_EQ((*found)->stamp, fresh.stamp());
    expect_same(loaded, fresh);
}

TEST(PatternStore, any_changed_bit_is_refused) {
    std::mt19937_64 random(5);
    Keeping const keeping;
    World world;
    world.steps_until(200); // the log begins on its first page
    ASSERT_TRUE(save(*keeping.open(), world));
    struct Place {
        std::size_t table;
        pipeline::Bytes key;
        std::string why;
    };
    Place const places[] = {{0, pipeline::as_bytes("head"), ""},
                            {1, accounts_key, "page of accounts 0 is damaged"},
                            {2, log_key, "page of movements 0 is damaged"},
                            {3, model_key, "the state of burst is damaged"}};
    for (Place const& place : places) {
        for (int i = 0; i < 15; ++i) {
            std::vector<std::uint8_t> whole;
            keeping.tamper(place.table, place.key, [&](auto& bytes) {
                whole = bytes;
                bytes[random() % bytes.size()] ^= static_cast<std::uint8_t>(1 << random() % 8);
            });
            World loaded;
            std::string const why = keeping.refused(loaded);
            if (!place.why.empty()) {
                EXPECT_EQ(why, keeping.sentence(place.why));
            }
            keeping.tamper(place.table, place.key, [&](auto& bytes) { bytes = whole; });
        }
    }
    World loaded;
    EXPECT_TRUE(keeping.open()->load(genesis, loaded.accounts, loaded.log)); // with what was there
    expect_same(loaded, world);
}

TEST(PatternStore, a_page_that_is_missing_or_cut_is_refused) {
    Keeping const keeping;
    World world;
    for (std::size_t const table : {1UL, 2UL, 3UL}) {
        world.steps_until(world.steps + 100);
        ASSERT_TRUE(save(*keeping.open(), world));
        pipeline::Bytes const key = table == 1 ? accounts_key : table == 2 ? log_key : model_key;
        World loaded;
        keeping.tamper(table, key, [](auto& bytes) { bytes.resize(bytes.size() / 2); });
        EXPECT_NE(keeping.refused(loaded), "");
        keeping.tamper(table, key, [](auto& bytes) { bytes.clear(); });
        EXPECT_NE(keeping.refused(loaded), "");
    }
}

// ---- failures and kills -------------------------------------------------------------------------

TEST(PatternStore, a_snapshot_that_does_not_fit_leaves_the_one_before) {
    Keeping keeping;
    keeping.options.bytes_max = 1 << 20;
    World world({20'000, 20'000});
    auto const store = keeping.open();
    world.steps_until(100);
    ASSERT_TRUE(save(*store, world));
    for (std::uint64_t i = 0; i < 19'000; ++i) world.enter(1'000 + i);
    auto const done = save(*store, world);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, io::StoreCode::full);
    EXPECT_EQ(store->counts().failed, 1U);
    EXPECT_TRUE(world.accounts.changed(10)); // not saved, so still to be
    World loaded({20'000, 20'000}), truth({20'000, 20'000});
    ASSERT_TRUE(store->load(genesis, loaded.accounts, loaded.log));
    truth.steps_until(100);
    expect_same(loaded, truth);
}

// The child saves on and on and says so each time; it is killed upon the n-th word, somewhere in
// what comes next.
TEST(PatternStore, a_kill_at_any_time_leaves_one_snapshot_whole) {
    Keeping const keeping;
    std::mt19937_64 random(3);
    World truth;
    std::uint32_t saved = 0;
    for (int round = 0; round < 40; ++round) {
        SCOPED_TRACE(::testing::Message() << "round " << round);
        int words[2];
        ASSERT_EQ(::pipe(words), 0);
        pid_t const child = ::fork();
        if (child == 0) {
            auto opened = PatternStore::open(keeping.path, keeping.options);
            World world;
            if (!opened || !opened->store->load(genesis, world.accounts, world.log)) ::_exit(1);
            world.steps = truth.steps, world.now = truth.now;
            for (;;) {
                world.steps_until(world.steps + 40);
                char const word = 's';
                if (!save(*opened->store, world) || ::write(words[1], &word, 1) != 1) ::_exit(1);
            }
        }
        ::close(words[1]);
        char word = 0;
        for (std::uint64_t i = 0, n = 1 + random() % 5; i < n; ++i) {
            ASSERT_EQ(::read(words[0], &word, 1), 1);
            saved += 40;
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_TRUE(::waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        while (::read(words[0], &word, 1) == 1) saved += 40;
        ::close(words[0]);

        World loaded;
        auto const found = keeping.open()->load(genesis, loaded.accounts, loaded.log);
        ASSERT_TRUE(found && *found) << found.error();
        std::uint32_t const steps = (*found)->stamp.number;
        ASSERT_TRUE(steps == saved || steps == saved + 40) << steps << ' ' << saved;
        saved = steps;
        truth.steps_until(steps);
        expect_same(loaded, truth);
        EXPECT_EQ((*found)->models.at("burst"), model_of(steps));
    }
}

// Where the disk is not waited for.
TEST(PatternStore, a_kill_costs_nothing_a_machine_that_went_down_everything_a_close_nothing_again) {
    Keeping keeping;
    keeping.options.wait_for_disk = false;
    keeping.options.boot_id = "boot-1";
    auto const expect_there = [&] {
        World loaded, truth;
        auto const found = keeping.open()->load(genesis, loaded.accounts, loaded.log);
        ASSERT_TRUE(found && *found) << found.error();
        truth.steps_until(400);
        expect_same(loaded, truth);
    };
    auto const save_and_be_killed = [&] {
        pid_t const child = ::fork();
        if (child == 0) {
            auto opened = PatternStore::open(keeping.path, keeping.options);
            World world;
            world.steps_until(400);
            bool const saved = opened && save(*opened->store, world);
            if (saved) ::raise(SIGKILL);
            ::_exit(1);
        }
        int status = 0;
        ASSERT_TRUE(::waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    };
    save_and_be_killed();
    expect_there(); // and closes it
    keeping.options.boot_id = "boot-2";
    expect_there();
    save_and_be_killed();
    keeping.options.boot_id = "boot-3";
    auto const opened = PatternStore::open(keeping.path, keeping.options);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(
        opened->note.starts_with(keeping.path + ": the machine went down while it was open"))
        << opened->note;
    EXPECT_EQ(opened->store->counts().refused, 1U);
    EXPECT_FALSE(opened->store->stamp());
}

} // namespace
} // namespace stages::testing
