#include "storage/s3/credentials.hpp"

#include <gtest/gtest.h>

#include <map>

#include "io/durable_file.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve::s3 {
namespace {

constexpr std::string_view kCredentials =
    "# comment\n"
    "[default]\r\n"
    "aws_access_key_id = AKDEFAULT\r\n"
    "aws_secret_access_key=s3cr3t/=+\r\n"
    "\n"
    "[ other ]\n"
    "aws_access_key_id=AKOTHER\n"
    "aws_secret_access_key = os\n"
    "aws_session_token = tok\n";
constexpr std::string_view kConfig =
    "[default]\nregion = eu-west-1\n"
    "s3 =\n  max_concurrent_requests = 20\n"
    "[profile other]\nregion = eu-central-1\noutput = json\n";

std::string text_of(const Secret& secret) {
  return std::string{as_text(secret.expose())};
}

TEST(Profile, IsReadFromItsSection) {
  const auto other = parse_profile(as_bytes(kCredentials), "other");
  ASSERT_TRUE(other && other->has_value());
  EXPECT_EQ((*other)->credentials.access_key, "AKOTHER");
  EXPECT_EQ(text_of((*other)->credentials.secret_key), "os");
  EXPECT_EQ(text_of((*other)->credentials.session_token), "tok");
  EXPECT_EQ((*parse_profile(as_bytes(kConfig), "other"))->region, "eu-central-1");
  EXPECT_FALSE(parse_profile(as_bytes(kConfig), "absent")->has_value());
}

TEST(Profile, NamesABrokenLineWithoutShowingIt) {
  const auto broken = parse_profile(as_bytes("[default]\nmysecret\n"), "default");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(broken.error().what.find("line 2"), std::string::npos);
  EXPECT_EQ(broken.error().what.find("mysecret"), std::string::npos);
}

class FindProfile : public ::testing::Test {
 protected:
  FindProfile() {
    write("credentials", kCredentials);
    write("config", kConfig);
    variables_["AWS_SHARED_CREDENTIALS_FILE"] = folder_.path("credentials");
    variables_["AWS_CONFIG_FILE"] = folder_.path("config");
  }
  void write(const std::string& name, std::string_view text) {
    auto file = *io::AtomicFile::create(folder_.path(name));
    ASSERT_TRUE(file.write(as_bytes(text)));
    ASSERT_TRUE(file.commit_new());
  }
  Result<Profile> find(const std::string& profile = "") {
    return find_profile(profile, [this](const std::string& name) { return variables_[name]; });
  }

  io::TemporaryFolder folder_ = *io::TemporaryFolder::create();
  std::map<std::string, std::string> variables_;
};

TEST_F(FindProfile, TakesTheDefaultOne) {
  const auto found = find();
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->credentials.access_key, "AKDEFAULT");
  EXPECT_EQ(text_of(found->credentials.secret_key), "s3cr3t/=+");
  EXPECT_EQ(found->region, "eu-west-1");
}

TEST_F(FindProfile, PrefersTheEnvironmentToFiles) {
  variables_["AWS_ACCESS_KEY_ID"] = "AKENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "es";
  variables_["AWS_PROFILE"] = "other";
  variables_["AWS_REGION"] = "us-west-2";
  const auto found = find();
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->credentials.access_key, "AKENV");
  EXPECT_EQ(text_of(found->credentials.secret_key), "es");
  EXPECT_TRUE(found->credentials.session_token.empty());
  EXPECT_EQ(found->region, "us-west-2");
}

TEST_F(FindProfile, PrefersANamedProfileToTheEnvironment) {
  variables_["AWS_ACCESS_KEY_ID"] = "AKENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "es";
  const auto found = find("other");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->credentials.access_key, "AKOTHER");
  EXPECT_EQ(found->region, "eu-central-1");
}

TEST_F(FindProfile, SaysWhichProfileIsMissing) {
  EXPECT_EQ(find("absent").error().kind, ErrorKind::kNotFound);
  variables_["AWS_PROFILE"] = "absent";
  EXPECT_EQ(find().error().kind, ErrorKind::kNotFound);
}

TEST_F(FindProfile, SaysWhereCredentialsMayCome) {
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = folder_.path("absent");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kDenied);
  EXPECT_NE(found.error().hint.find("AWS_ACCESS_KEY_ID"), std::string::npos);
}

}  // namespace
}  // namespace reprieve::s3
