// What a configuration needs of the machine.
#include "config/service.hpp"
#include "texts.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace config;
namespace fs = std::filesystem;

namespace {

class Environment : public testing::Test {
  public:
    Environment(Environment const&) = delete;
    Environment& operator=(Environment const&) = delete;
    ~Environment() override { fs::remove_all(folder_); }

  protected:
    Environment()
        : folder_(fs::path(testing::TempDir()) / "spyhop-environment") {
        fs::create_directories(folder_);
        std::ofstream(folder_ / "file") << "not a folder\n";
    }

    std::string path(std::string const& name) const { return (folder_ / name).string(); }

    // What is said about the machine, one problem a line.
    std::string said(std::string const& service, std::string const& rest = {}) {
        Loaded loaded = load_text("[service]\n" + service + tests::chain + tests::rule + rest, "f");
        EXPECT_TRUE(loaded.usable());
        std::vector<Problem> problems;
        check_environment(loaded.config, false, problems);
        std::string all;
        for (Problem const& problem : problems) all += to_text(loaded.config, problem) + '\n';
        return all;
    }

  private:
    fs::path const folder_;
};

} // namespace

TEST_F(Environment, makes_the_state_dir) {
    EXPECT_EQ(said("state_dir = \"" + path("a/b") + "\"\n"), "");
    EXPECT_TRUE(fs::is_directory(path("a/b")));
}

// Below a file not even root can make a folder.
TEST_F(Environment, names_the_state_dir_that_cannot_be_written) {
    std::string const text = said("state_dir = \"" + path("file/state") + "\"\n");
    EXPECT_TRUE(tests::has(text, "f:2:13: service.state_dir: ")) << text;
    EXPECT_TRUE(tests::has(text, "file/state")) << text;
}

TEST_F(Environment, names_the_sink_that_cannot_be_written) {
    std::string const good = "state_dir = \"" + path("state") + "\"\n";
    std::string const sink = "[[sink]]\nkind = \"ndjson\"\npath = \"";
    EXPECT_EQ(said(good, sink + path("alerts") + "\"\n"), "");
    std::string const text = said(good, sink + path("file/alerts") + "\"\n");
    EXPECT_TRUE(tests::has(text, "f:12:8: sink.path: ")) << text;
}

TEST_F(Environment, names_secrets_that_cannot_be_read) {
    std::string const good = "state_dir = \"" + path("state") + "\"\n";
    std::string text = said(good, "[subscan]\napi_key_file = \"" + path("absent") + "\"\n");
    EXPECT_TRUE(tests::has(text, "subscan.api_key_file: ")) << text;
    text = said(good, "[subscan]\napi_key_env = \"SPYHOP_NO_SUCH_VARIABLE\"\n");
    EXPECT_TRUE(tests::has(text, "warning: subscan.api_key_env: $SPYHOP_NO_SUCH_VARIABLE")) << text;
}

// A rule about nobody would never speak, whatever `rule lint` would have said of it.
TEST_F(Environment, names_labels_of_rules_that_no_watch_and_no_file_has) {
    std::ofstream(path("labels.csv"))
        << "address,label\n0x" << std::string(64, '1') << ",Cold wallet\n";
    std::string const good = "state_dir = \"" + path("state") + "\"\n";
    auto const with = [&](std::string const& label) {
        return "[[watch]]\naddress = \"0x" + std::string(64, '2') +
               "\"\nlabel = \"Treasury\"\n[[rule]]\nname = \"cuts\"\nkind = \"drain\"\n"
               "exclude_labels = [\"" +
               label + "\"]\n[labels]\nfiles = [\"" + path("labels.csv") + "\"]\n";
    };
    EXPECT_EQ(said(good, with("Cold wallet")), "");
    EXPECT_EQ(said(good, with("Treasury")), "");
    std::string const text = said(good, with("Cold walet"));
    EXPECT_EQ(text, "f:16:18: rule.exclude_labels: nobody is labelled \"Cold walet\"; did you mean "
                    "\"Cold wallet\"?\n");
}
