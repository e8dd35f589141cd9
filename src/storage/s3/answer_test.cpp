#include "storage/s3/answer.hpp"

#include <gtest/gtest.h>

#include "storage/s3/xml.hpp"

namespace reprieve::s3 {
namespace {

TEST(Xml, GivesElementsAndTheirText) {
  const auto document = parse_xml(
      as_bytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->"
               "<a xmlns=\"http://x/>\"><b>1 &lt; 2 &amp; &#65;&#x20AC;</b><c/><b>2</b></a>\n"));
  ASSERT_TRUE(document) << document.error().what;
  EXPECT_EQ(document->name, "a");
  ASSERT_EQ(document->children.size(), 3U);
  EXPECT_EQ(document->text_of("b"), "1 < 2 & A\xE2\x82\xAC");
  EXPECT_EQ(document->text_of("c"), "");
  EXPECT_EQ(document->find("d"), nullptr);
}

TEST(Xml, RefusesWhatIsNotWellFormedOrCouldExpand) {
  for (const char* bad :
       {"", "text", "<a>", "</a>", "<a></b>", "<a></a><b/>", "<a>&bomb;</a>", "<a>&#0;</a>",
        "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&lt</a>", "<!DOCTYPE a><a/>",
        "<a><![CDATA[x]]></a>", "<a><?pi?></a>", "<a b='>", "< a/>", "<a/>rest", "<a><b</a>"}) {
    const auto document = parse_xml(as_bytes(bad));
    ASSERT_FALSE(document) << bad;
    EXPECT_EQ(document.error().kind, ErrorKind::kCorrupt) << bad;
  }
}

TEST(Xml, BoundsItsDepth) {
  std::string deep;
  for (int i = 0; i < 17; ++i)
    deep += "<a>";
  for (int i = 0; i < 17; ++i)
    deep += "</a>";
  EXPECT_FALSE(parse_xml(as_bytes(deep)));
}

std::string listing(const std::string& inside) {
  return "<ListBucketResult>" + inside + "</ListBucketResult>";
}

TEST(ListPage, GivesObjectsAndTheWayOn) {
  const auto page = parse_list_page(
      as_bytes(listing("<IsTruncated>true</IsTruncated><Contents><Key>a%2Fb+c</Key><ETag>x</ETag>"
                       "<Size>12</Size></Contents><Contents><Key>z</Key><Size>0</Size></Contents>"
                       "<NextContinuationToken>t&amp;1</NextContinuationToken>")));
  ASSERT_TRUE(page) << page.error().what;
  ASSERT_EQ(page->objects.size(), 2U);
  EXPECT_EQ(page->objects[0].key, "a/b+c");
  EXPECT_EQ(page->objects[0].size, 12U);
  EXPECT_EQ(page->next, "t&1");
}

TEST(ListPage, RefusesWhatItCannotUnderstand) {
  const std::string done = "<IsTruncated>false</IsTruncated>";
  EXPECT_TRUE(parse_list_page(as_bytes(listing(done))));
  for (const std::string& bad :
       {std::string{"<html></html>"}, listing(""), listing("<IsTruncated>true</IsTruncated>"),
        listing(done + "<Contents><Key>a</Key></Contents>"),
        listing(done + "<Contents><Size>1</Size></Contents>"),
        listing(done + "<Contents><Key>a</Key><Size>-1</Size></Contents>"),
        listing(done + "<Contents><Key>a</Key><Size>1e3</Size></Contents>"),
        listing(done + "<Contents><Key>%zz</Key><Size>1</Size></Contents>"),
        listing(done + "<Contents><Key>a</Key><Size>99999999999999999999</Size></Contents>")})
    EXPECT_FALSE(parse_list_page(as_bytes(bad))) << bad;
}

TEST(Refusal, SaysCodeAndMessageInPlainCharacters) {
  const auto refusal = parse_refusal(as_bytes(
      "<Error><Code>NoSuchBucket</Code><Message>the \x1b[31mbucket&#10;is</Message></Error>"));
  EXPECT_EQ(refusal.code, "NoSuchBucket");
  EXPECT_EQ(refusal.message, "the ?[31mbucket?is");
  EXPECT_EQ(parse_refusal(as_bytes("<html/>")).code, "");
  EXPECT_EQ(parse_refusal(as_bytes("Service Unavailable")).code, "");
}

}  // namespace
}  // namespace reprieve::s3
