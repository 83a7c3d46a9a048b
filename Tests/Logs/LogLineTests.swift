import Foundation
import Glibc
import Logging
import Testing

@testable import Logs

struct LogLineTests {
  private static func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
    LogLine(
      level: .warning, message: message, metadata: metadata,
      time: timespec(tv_sec: 1_764_300_000, tv_nsec: 7_999_999), process: 42)
  }

  /// What a client may call itself.
  static let hostile: [String] = [
    "plain", "", "two\nlines\r\n", "\u{0}\u{1}\u{1f}\u{7f}\u{80}\u{9f}", "\"quoted\" \\back\\",
    "a\u{2028}b\u{2029}c",
    "\u{202e}desrever\u{2069}",
    String(decoding: [0x61, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80], as: UTF8.self),
    "👩‍👩‍👧‍👦 é e\u{301} \u{10ffff} \u{feff}", #"","level":"fatal","x":""#, "\u{1b}[31mred", "\\u0000 \\n",
    String(repeating: "x", count: 100_000), String(repeating: "\u{1}", count: 70_000),
    String(repeating: "👩‍👩‍👧‍👦", count: 20_000), String(repeating: "e\u{301}", count: 5_000),
    "e" + String(repeating: "\u{301}", count: 50_000), String(repeating: "\"", count: 9_999),
  ]

  @Test(arguments: hostile.indices)
  func `whatever a client calls itself, JSON stays one object a line`(_ index: Int) throws {
    let name = Self.hostile[index]
    let line = Self.line(
      "C-0x1: \(name)/\(name)@1.2.3.4:5 closing",
      [
        "user": .string(name), "database": .string(name), "tenant": .string(name),
        "client": .string(name), "client_id": .stringConvertible(UInt64.max),
        "duration": .stringConvertible(0.25), "fingerprint": .string(name),
      ]
    ).json
    #expect(line.utf8.count < 12_000)
    #expect(line.last == "\n")
    #expect(!line.dropLast().unicodeScalars.contains(where: LogText.isControl))
    #expect(String(validating: Array(line.utf8), as: UTF8.self) != nil)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "time", "level", "pid", "message", "user", "database", "tenant", "client", "client_id",
        "duration", "fingerprint",
      ])
    #expect(object["level"] as? String == "warning")
    #expect(object["time"] as? String == "2025-11-28T03:20:00.007Z")
    #expect(object["pid"] as? Int == 42)
    #expect((object["client_id"] as? NSNumber)?.uint64Value == .max)
    #expect(object["duration"] as? Double == 0.25)
    let user = try #require(object["user"] as? String)
    if name.utf8.count <= 100 {
      #expect(Array(user.unicodeScalars) == Array(name.unicodeScalars))
    } else {
      #expect(user.hasSuffix("..."))
      #expect(user.utf8.count <= LogLine.longestValue + 3)
      let kept = user.unicodeScalars.dropLast(3)
      #expect(name.unicodeScalars.starts(with: kept))
    }
  }

  @Test func `fields stand in their order, and none takes the place of a line's own`() {
    let line = Self.line(
      "m",
      [
        "message": "no", "time": "no", "zebra": "z", "age": .stringConvertible(3), "user": "u",
        "database": "d", "list": ["a", "b"], "nan": .stringConvertible(Double.nan),
        "flag": .stringConvertible(true),
      ])
    #expect(
      line.json == """
        {"time":"2025-11-28T03:20:00.007Z","level":"warning","pid":42,"message":"m",\
        "database":"d","user":"u","age":3,"flag":true,"list":"[\\"a\\", \\"b\\"]",\
        "message_":"no","nan":"nan","time_":"no","zebra":"z"}

        """)
  }

  @Test(arguments: hostile.indices)
  func `the text stays one line of bounded length`(_ index: Int) {
    let text = Self.line("C-0x1: \(Self.hostile[index]) closing").text
    #expect(text.last == "\n")
    #expect(!text.dropLast().unicodeScalars.contains(where: LogText.isControl))
    #expect(text.utf8.count < 4200)
    #expect(text.contains(" [42] WARNING C-0x1: "))
  }

  @Test func `a text line is PgBouncer's`() throws {
    let text = LogLine(level: .info, message: "got SIGHUP, re-reading config").text
    let pattern =
      /[-0-9]{10} \d\d:\d\d:\d\d\.\d{3} [A-Z0-9+-]+ \[\d+\] LOG got SIGHUP, re-reading config\n/
    #expect(try pattern.wholeMatch(in: text) != nil, "\(text)")
  }

  @Test(
    arguments: [
      (.trace, "NOISE", "trace", 7), (.debug, "DEBUG", "debug", 7), (.info, "LOG", "info", 6),
      (.notice, "LOG", "info", 6), (.warning, "WARNING", "warning", 4),
      (.error, "ERROR", "error", 3), (.critical, "FATAL", "critical", 2),
    ] as [(Logger.Level, String, String, Int)])
  func `levels have PgBouncer's names and priorities`(
    _ level: Logger.Level, _ text: String, _ json: String, _ severity: Int
  ) {
    let line = LogLine(level: level, message: "m")
    #expect(line.text.contains("] \(text) m"))
    #expect(line.json.contains("\"level\":\"\(json)\""))
    let datagram = line.datagram(
      for: LogOutput.Syslog(facility: 16 << 3, ident: "x"), isJSON: false)
    #expect(datagram.starts(with: Array("<\(128 + severity)>".utf8)))
  }
}
