// The table of movements against the corpus: every event of its pallets, in every runtime, is
// either told with the values that two other decoders found in the fields that movement_truth.hpp
// names, or is listed there as moving nothing.
#include "decoders/events.hpp"
#include "decoders/hex.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/movement_truth.hpp"

#include <fmt/format.h>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

namespace {

using namespace decoders;
using pipeline::u128;
using simdjson::dom::element;
using tests::Block;
using tests::Told;

bool has_word(std::string_view words, std::string_view word) {
    std::istringstream in{std::string(words)};
    for (std::string one; in >> one;) {
        if (one == word) return true;
    }
    return false;
}

std::string text(u128 value) {
    std::string out;
    do out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    while ((value /= 10) != 0);
    return out;
}
u128 number(std::string_view digits) {
    u128 value = 0;
    for (char const digit : digits) value = value * 10 + static_cast<unsigned>(digit - '0');
    return value;
}

// The value of the field a role names; "-" where the event has no such role.
std::string value_of(element event, std::string_view names) {
    if (names.empty()) return "-";
    std::size_t index = 0;
    for (auto const field : event["fields"]) {
        std::string_view const name =
            field["name"].is_null() ? std::string_view() : std::string_view(field["name"]);
        auto const here = name.empty() ? std::to_string(index) : std::string(name);
        std::istringstream in{std::string(names)};
        for (std::string one; std::getline(in, one, '|');) {
            if (one != here) continue;
            element const value = field["value"].value();
            return value.is_string() ? std::string(std::string_view(value))
                                     : simdjson::minify(value);
        }
        ++index;
    }
    ADD_FAILURE() << "no field " << names << " in " << simdjson::minify(event);
    return "?";
}
std::string amount_of(element event, std::string_view names) {
    auto const plus = names.find('+');
    if (plus == names.npos) return value_of(event, names);
    auto const first = number(value_of(event, names.substr(0, plus)));
    auto const second = number(value_of(event, names.substr(plus + 1)));
    return text(first + second < second ? ~u128{0} : first + second);
}
std::string asset_of(element event, std::string_view name) {
    if (name.empty()) return "-";
    for (auto const field : event["fields"]) {
        if (std::string_view(field["name"]) == name)
            return simdjson::minify(field["value"].value());
    }
    ADD_FAILURE() << "no field " << name;
    return "?";
}

struct Line {
    std::string place; // extrinsic or phase
    std::string kind;
    std::string parts; // from, to, amount
    std::string rest;
    bool repeated = false;

    std::string all() const { return kind + " " + parts + " " + rest + " in " + place; }
};

Line line_of(Runtime const& runtime, Movement const& movement) {
    auto const& event = runtime.movements()[movement.source];
    std::string asset = "-";
    if (event.asset == AssetKind::by_id) {
        asset.clear();
        EXPECT_TRUE(value_to_json(runtime, event.asset_type, movement.asset, asset));
    }
    auto const account = [](bool has, Account const& one) {
        EXPECT_EQ(has, static_cast<bool>(one));
        return has ? hex_text(one.bytes()) : "-";
    };
    auto const phase = movement.phase == Phase::finalization ? "\"Finalization\""
                     : movement.phase == Phase::initialization
                         ? "\"Initialization\""
                         : fmt::format(R"({{"ApplyExtrinsic":{}}})", movement.extrinsic_index);
    auto const parts = fmt::format("{} {} {}", account(event.has_from, movement.from),
                                   account(event.has_to, movement.to),
                                   event.has_amount ? text(movement.amount) : "-");
    return {phase, std::string(to_text(event.kind)), parts,
            fmt::format("{} {}.{} {}", movement.event_index, event.pallet, event.event, asset)};
}

class Oracle {
  public:
    std::set<std::string> met; // rows
    std::size_t lines = 0;
    std::size_t repeats = 0;

    std::vector<std::string> movements(Block const& block) {
        std::vector<Line> all;
        for (auto const event : block.truth["expected"]) {
            auto const* row = find(event);
            if (row == nullptr) continue;
            auto const pallet = std::string(event["pallet"].get_string().value());
            auto const name = std::string(event["event"].get_string().value());
            met.insert(pallet + "." + name);
            Line line{simdjson::minify(event["phase"].value()), std::string(row->kind),
                      value_of(event, row->from) + " " + value_of(event, row->to) + " " +
                          amount_of(event, row->amount),
                      fmt::format("{} {}.{} {}", simdjson::minify(event["index"].value()), pallet,
                                  name, asset_of(event, row->asset))};
            if (!row->repeats.empty() && take(all, line, row->repeats)) continue;
            line.repeated = !row->repeats.empty(); // cannot be repeated itself
            all.push_back(line);
        }
        std::vector<std::string> out;
        out.reserve(all.size());
        for (auto const& line : all) out.push_back(line.all());
        lines += out.size();
        return out;
    }

  private:
    // The row of a told event. Events of these pallets must be in one of the tables.
    static Told const* find(element event) {
        std::string_view const pallet = event["pallet"];
        std::string_view const name = event["event"];
        bool known = false;
        for (auto const& row : tests::told) {
            bool const ours = has_word(row.pallets, pallet);
            known = known || ours;
            if (!ours || row.event != name) continue;
            return row.only.empty() || value_of(event, "proxy_type") == row.only ? &row : nullptr;
        }
        for (auto const& row : tests::silent) {
            if (has_word(row.pallets, pallet) && has_word(row.events, name)) return nullptr;
        }
        EXPECT_FALSE(known) << pallet << "." << name << " is in no table";
        return nullptr;
    }
    bool take(std::vector<Line>& all, Line const& line, std::string_view kinds) {
        for (auto& one : all) {
            if (one.repeated || one.place != line.place || one.parts != line.parts) continue;
            if (!has_word(kinds, one.kind)) continue;
            one.repeated = true;
            ++repeats;
            return true;
        }
        return false;
    }
};

std::vector<std::string> scanned(Block const& block, MovementKinds kinds) {
    std::vector<std::string> out;
    auto const done = scan_movements(*block.runtime, block.value, kinds, [&](Movement const& one) {
        out.push_back(line_of(*block.runtime, one).all());
    });
    EXPECT_TRUE(done.has_value()) << block.name << ": " << describe(*block.runtime, done.error());
    EXPECT_EQ(done ? done->movements : out.size(), out.size());
    return out;
}

// Whatever is wanted, the answer is that part of the whole answer.
void check_masks(Block const& block, std::vector<std::string> const& all) {
    std::map<std::string, std::vector<std::string>> by_kind;
    for (auto const& line : all) by_kind[line.substr(0, line.find(' '))].push_back(line);
    for (std::size_t i = 0; i < movement_kinds; ++i) {
        auto const kind = static_cast<MovementKind>(i);
        ASSERT_EQ(scanned(block, kind), by_kind[std::string(to_text(kind))]) << block.name;
    }
    ASSERT_TRUE(scanned(block, {}).empty());
}

} // namespace

TEST(Movements, every_event_of_every_runtime_is_told_or_silent) {
    NEEDS_CORPUS();
    Oracle oracle;
    auto const check = [&](Block const& block) {
        auto const expected = oracle.movements(block);
        ASSERT_EQ(scanned(block, every_movement()), expected) << block.name;
        check_masks(block, expected);
    };
    tests::each_generated(check);
    std::cerr << oracle.lines << " generated movements, ";
    oracle.lines = 0;
    tests::each_block(check);
    std::cerr << oracle.lines << " real ones, " << oracle.repeats << " repeats\n";
    EXPECT_GT(oracle.lines, 400u);
    EXPECT_GT(oracle.repeats, 3u);

    std::set<std::string> unmet;
    for (auto const& row : movement_rows()) {
        auto const name = std::string(row.pallet) + "." + std::string(row.event);
        if (!oracle.met.contains(name)) unmet.insert(name);
    }
    std::set<std::string> by_hand;
    for (auto const name : tests::made_by_hand) by_hand.emplace(name);
    EXPECT_EQ(unmet, by_hand);
}
