#include "report/internal/html.hpp"

#include "base/format.hpp"

namespace reprieve::report {

std::string escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default: {
        const bool is_control =
            (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
        if (is_control)
          escaped += "\xef\xbf\xbd";
        else
          escaped += c;
      }
    }
  }
  return escaped;
}

std::string duration_or_dash(const std::optional<Duration>& duration) {
  return duration ? format_duration(*duration) : "–";
}

std::string clock_time(const std::optional<Instant>& at) {
  if (!at) return "–";
  constexpr std::int64_t kTenth = 100'000'000;
  const Instant rounded{at->nanoseconds - at->nanoseconds % kTenth};
  std::string text = format_rfc3339(rounded).substr(11);
  text.pop_back();  // The Z.
  if (const std::size_t dot = text.find('.'); dot != std::string::npos) text.resize(dot + 2);
  return text;
}

std::string_view page_style() {
  return R"(
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#5b6775;--line:#dfe4ea;
--good:#18794e;--goodbg:#e3f5ec;--bad:#b42318;--badbg:#fdeae8;--warn:#9a5b00;--warnbg:#fdf1dc;--open:#1f5fbf;
--openbg:#e6effc;--bar:#3b9b6d;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{--ground:#12161c;--card:#1a2028;--ink:#e7ecf2;--soft:#9aa7b5;
--line:#2c3540;--good:#5fd49b;--goodbg:#143126;--bad:#ff8f84;--badbg:#3a1a18;--warn:#f2b84b;--warnbg:#35280f;
--open:#86b4ff;--openbg:#172a47;--bar:#379468}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main{max-width:1060px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;line-height:1.2;margin:0}h2{font-size:17px;margin:0 0 12px}
p{margin:0 0 10px}.soft{color:var(--soft)}.mono,code,td.call{font-family:var(--mono);font-size:12.5px}
header{display:flex;flex-wrap:wrap;gap:10px 16px;align-items:center;margin-bottom:6px}
.badge{display:inline-block;padding:2px 10px;border-radius:999px;font-weight:600;font-size:13px;
border:1px solid currentColor;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.open{color:var(--open)}
.badge.good{background:var(--goodbg)}.badge.bad{background:var(--badbg)}.badge.warn{background:var(--warnbg)}
.badge.open{background:var(--openbg)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:16px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:16px;margin-top:18px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.card .name{color:var(--soft);font-size:13px}.card .value{font-size:28px;font-weight:650;line-height:1.25;
font-variant-numeric:tabular-nums}.card .goal{font-size:13px}
.gauge{height:6px;border-radius:3px;background:var(--line);margin:10px 0 8px;overflow:hidden}
.gauge i{display:block;height:100%;background:currentColor}
.parts{display:flex;height:18px;border-radius:4px;overflow:hidden;border:1px solid var(--line);margin:4px 0 10px}
.parts i{display:block;height:100%}.p1{background:var(--line)}.p2{background:var(--bar)}
.p3{background:repeating-linear-gradient(45deg,var(--warn) 0 2px,var(--warnbg) 2px 6px)}
.key{display:inline-block;width:12px;height:12px;border-radius:3px;margin:0 5px 0 14px;vertical-align:-1px;
border:1px solid var(--line)}.key:first-child{margin-left:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{text-align:left;color:var(--soft);font-weight:600;font-size:12.5px}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}td.num,th.num{text-align:right;white-space:nowrap}
td.call{overflow-wrap:anywhere;line-height:1.45}td.call div+div{margin-top:4px}
.nw{white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0;font-size:13.5px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.timeline{width:100%;height:auto;font:11.5px system-ui,sans-serif}
.timeline text{fill:var(--ink)}.timeline .tick{fill:var(--soft);text-anchor:middle;font-size:10.5px}
.timeline .label{text-anchor:end}.timeline .label.critical{font-weight:700}
.timeline .took,.timeline .none{fill:var(--soft);font-size:10.5px}
.timeline .grid{stroke:var(--line)}.timeline .bar.good{fill:var(--bar)}.timeline .bar.bad{fill:var(--bad)}
.timeline .bar.open,.timeline .bar.soft{fill:var(--open)}.timeline .bar.warn{fill:var(--warn)}
.timeline .bar{opacity:.62}.timeline .bar.critical{opacity:1}
.timeline .wait{fill:url(#hatch)}.hatch-ground{fill:var(--warnbg)}.hatch-line{fill:var(--warn)}
.timeline .mark{stroke-width:1.5;stroke-dasharray:4 3}.timeline .start{stroke:var(--bad)}
.timeline .declared{stroke:var(--open)}.timeline .green{stroke:var(--good)}.timeline .deadline{stroke:var(--warn)}
footer{margin-top:22px;color:var(--soft);font-size:12.5px;overflow-wrap:anywhere}
@media print{:root{--ground:#fff;--card:#fff}body{font-size:12px}main{max-width:none;padding:0}
section,.card{break-inside:avoid;border-color:#bbb}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)";
}

}  // namespace reprieve::report
