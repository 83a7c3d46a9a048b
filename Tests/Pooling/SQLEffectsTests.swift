import Pooling
import TestSupport
import Testing

/// What `SQLText` makes of a text given as a string or as bytes.
func analysed(_ text: String) -> SQLAnalysis { analysed(Array(text.utf8)) }

func analysed(_ bytes: [UInt8]) -> SQLAnalysis { SQLText.analyse(bytes.span.bytes) }

func isPlain(_ bytes: [UInt8]) -> Bool { SQLText.isPlain(bytes.span.bytes) }

@Suite struct SQLEffectsTests {
  @Test(arguments: SQLCases.all)
  func `a text has its effects`(_ sample: SQLCases.Sample) {
    #expect(analysed(sample.bytes).effects == sample.effects)
  }

  @Test(arguments: SQLCases.all)
  func `what is plain has no effects`(_ sample: SQLCases.Sample) {
    if isPlain(sample.bytes) {
      #expect(sample.effects.subtracting(.exitsTransaction).isEmpty)
    }
  }

  @Test(arguments: SQLCases.all)
  func `space and empty statements in front hide nothing`(_ sample: SQLCases.Sample) {
    let bytes = Array(" \t\r\n\u{0b}".utf8) + sample.bytes
    #expect(analysed(bytes).effects == sample.effects)
    // It may be read where it was plain before: what is read may have more flags.
    #expect(analysed(Array(";; ".utf8) + sample.bytes).effects.isSuperset(of: sample.effects))
  }

  @Test func `a text ends at the first NUL`() {
    #expect(analysed("SELECT 1\0; SET a.b = 1").effects == [])
    #expect(analysed("SET a.b\0 TO 1").effects.contains(.settings))
    #expect(analysed("\0SET a.b = 1") == SQLAnalysis())
  }

  /// Whatever a text is cut to, the analysis comes to an end, and agrees with the short cut.
  @Test(arguments: SQLCases.all)
  func `a text may be cut anywhere`(_ sample: SQLCases.Sample) {
    for count in 0..<sample.bytes.count {
      let cut = Array(sample.bytes[..<count])
      let effects = analysed(cut).effects.subtracting(.exitsTransaction)
      #expect(!isPlain(cut) || effects.isEmpty, "cut at \(count)")
    }
  }

  @Test func `glued texts that are plain have no effects`() {
    var generator = SeededGenerator(seed: 11)
    var plain = 0
    var effective = 0
    for _ in 0..<50_000 {
      let text = SQLCases.glued(&generator)
      let effects = analysed(text).effects.subtracting(.exitsTransaction)
      if !effects.isEmpty { effective += 1 }
      guard isPlain(text) else { continue }
      plain += 1
      if !effects.isEmpty {
        Issue.record("\(String(decoding: text, as: UTF8.self)): \(effects)")
      }
    }
    // The generator makes enough of both.
    #expect(plain > 2_000)
    #expect(effective > 10_000)
  }

  @Test func `a long text of calls in calls is read in a bounded time`() {
    let call = "set_config('a', "
    let text = "SELECT " + String(repeating: call, count: (128 << 10) / call.utf8.count)
    #expect(analysed(text).effects == [.settings, .unknownSettings, .temporary])
    let comments = String(repeating: "/*", count: 64 << 10)
    #expect(analysed(comments) == SQLAnalysis())
    let tags = String(repeating: "$abcdefgh", count: 14 << 10)
    #expect(analysed("SELECT $t$ " + tags).effects == [])
  }
}
