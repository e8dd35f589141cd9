#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "source/postgresql/backup_label.hpp"
#include "source/postgresql/base_backup.hpp"
#include "source/postgresql/facts.hpp"
#include "source/postgresql/replication_stream.hpp"
#include "source/postgresql/staged_wal.hpp"
#include "source/postgresql/wal_header.hpp"
#include "source/postgresql/wal_map.hpp"

/// The small texts and messages of a PostgreSQL backup, one parser per first byte: none may do more
/// than refuse, and what is accepted reads back as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  if (size == 0) return 0;
  const ByteView text = std::as_bytes(std::span{bytes, size}).subspan(1);
  switch (bytes[0] % 8) {
    case 0: {
      const auto label = parse_backup_label(text);
      REPRIEVE_ASSERT(!label || label->timeline != 0);
      break;
    }
    case 1: {
      const auto links = parse_tablespace_map(text);
      if (!links) break;
      const auto again = parse_tablespace_map(as_bytes(encode_tablespace_map(*links)));
      REPRIEVE_ASSERT(again && *again == *links);
      break;
    }
    case 2: {
      const auto message = parse_wal_message(text);
      REPRIEVE_ASSERT(!message || message->data.size() <= text.size());
      break;
    }
    case 3:
      ignore_error(parse_backup_message(text), "a refusal is as good");
      break;
    case 4: {
      const auto facts = parse_facts(text);
      if (facts) REPRIEVE_ASSERT(parse_facts(as_bytes(encode_facts(*facts))));
      break;
    }
    case 5: {
      const auto header = parse_wal_header(as_text(text));
      if (header) REPRIEVE_ASSERT(*parse_wal_header(encode_wal_header(*header)) == *header);
      break;
    }
    case 6: {
      const auto steps = parse_timeline_history(as_text(text));
      for (std::size_t i = 1; steps && i < steps->size(); ++i)
        REPRIEVE_ASSERT((*steps)[i - 1].timeline < (*steps)[i].timeline);
      break;
    }
    default: {
      const auto staged = parse_staged_wal(as_text(text));
      if (staged) REPRIEVE_ASSERT(*parse_staged_wal(encode_staged_wal(*staged)) == *staged);
    }
  }
  return 0;
}
