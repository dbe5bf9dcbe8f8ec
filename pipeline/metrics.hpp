// Metrics: one page per stage, written by that stage's thread alone, read by anybody at any time.
// A counter costs one load and one store; nobody waits and nobody is waited for.
//
// With a region the values lie there: a page is written by a stage in one process and read from all
// of them, and its counts go on when that process is started again.
//
// Names follow spyhop_<stage>_<subject>_<unit>, base units, `_total` on counters, no addresses in
// labels. Each stage declares its rows once, in an array indexed by its enum.
#pragma once

#include "pipeline/check.hpp"
#include "pipeline/region.hpp"
#include "pipeline/types.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pipeline {

enum class MetricKind : std::uint8_t { counter, gauge };

struct MetricRow {
    std::string_view name;
    MetricKind kind;
    std::string_view help;
};

class MetricsPage {
  public:
    // labels: text between the braces, e.g. `chain="polkadot"`; may be empty. Rows outlive the
    // page.
    MetricsPage(std::string labels, std::span<MetricRow const> rows, Region* region = nullptr)
        : labels_(std::move(labels))
        , rows_(rows)
        , bytes_(place_bytes(region, rows.size() * sizeof(Value), alignof(Value)))
        , values_(reinterpret_cast<Value*>(bytes_.get())) {
        for (std::size_t i = 0; i < rows.size(); ++i) new (values_ + i) Value(0);
    }

    // Writer. Relaxed: each value stands for itself, and there is one writer.
    template <class Index>
    void add(Index index, std::uint64_t amount = 1) {
        auto& value = at(index);
        value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    template <class Index>
    void set(Index index, std::uint64_t amount) {
        at(index).store(amount, std::memory_order_relaxed);
    }

    // Anyone.
    template <class Index>
    std::uint64_t read(Index index) const {
        auto const i = static_cast<std::size_t>(index);
        CHECK(i < rows_.size());
        return values_[i].load(std::memory_order_relaxed);
    }
    std::string const& labels() const { return labels_; }
    std::span<MetricRow const> rows() const { return rows_; }

  private:
    using Value = std::atomic<std::uint64_t>;

    template <class Index>
    Value& at(Index index) {
        auto const i = static_cast<std::size_t>(index);
        CHECK(i < rows_.size());
        return values_[i];
    }

    std::string const labels_;
    std::span<MetricRow const> const rows_;
    PlacedBytes const bytes_;
    Value* const values_;
};

// Every page of a service, in the order they were added. Filled while wiring, then read-only.
class MetricsBook {
  public:
    explicit MetricsBook(Region* region = nullptr)
        : region_(region) {}

    MetricsPage& add(std::string const& labels, std::span<MetricRow const> rows) {
        if (next_ == pages_.size()) {
            CHECK(!wired_);
            pages_.push_back(std::make_unique<MetricsPage>(labels, rows, region_));
        }
        MetricsPage& page = *pages_[next_++];
        CHECK(page.labels() == labels && page.rows().data() == rows.data());
        return page;
    }
    // The same wiring is about to be done again: add() gives the pages that are there, in order.
    void begin_again() {
        wired_ = true;
        next_ = 0;
    }
    // Prometheus text exposition format, one HELP/TYPE per name.
    std::string exposition() const;

    std::vector<std::unique_ptr<MetricsPage>> const& pages() const { return pages_; }
    // Of every page that has a row of this name.
    std::uint64_t sum(std::string_view name) const {
        std::uint64_t total = 0;
        for (auto const& page : pages_)
            for (std::size_t i = 0; i < page->rows().size(); ++i)
                if (page->rows()[i].name == name) total += page->read(i);
        return total;
    }

  private:
    Region* const region_;
    std::vector<std::unique_ptr<MetricsPage>> pages_;
    std::size_t next_ = 0; // page that add() gives next
    bool wired_ = false;
};

} // namespace pipeline
