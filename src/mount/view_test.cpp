#include "mount/view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve::mount {
namespace {

using ::testing::ElementsAre;

TEST(MountView, NamesPointsByTheSecond) {
  EXPECT_EQ(point_folder(Instant{1'700'000'000'123'456'789}, "3f2a91bc44de"),
            "2023-11-14T22:13:20Z-3f2a91bc44de");
  EXPECT_EQ(point_folder(Instant{-1}, "x"), "1969-12-31T23:59:59Z-x");
}

TEST(MountView, NamesSourcesSoThatEachIsAFolderOfItsOwn) {
  EXPECT_THAT(source_folders({"uploads", "/srv/data", "srv_data", "/", "..", "srv/data/"}),
              ElementsAre("uploads", "srv_data", "srv_data~2", "_", "_~2", "srv_data~3"));
}

}  // namespace
}  // namespace reprieve::mount
