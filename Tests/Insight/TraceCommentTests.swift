import Insight
import Testing

@Suite struct TraceCommentTests {
  private func comment(_ text: String) -> TraceComment? { TraceComment(Array(text.utf8)[...]) }

  private static let parent = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"

  @Test func `pairs are read and decoded`() {
    let read = comment(
      "/*action='%2Fparam*d',controller='index,' , framework='spring', "
        + "traceparent='\(Self.parent)'*/"
    )
    #expect(read?["action"] == "/param*d" && read?["controller"] == "index,")
    #expect(read?["framework"] == "spring" && read?.pairs.count == 4)
    #expect(read?.traceparent == Self.parent)
    #expect(read?.traceID == "5bd66ef5095369c7b0d1f8f4bd33716a")
    #expect(comment("/* a='it\\'s' */")?["a"] == "it's")
  }

  @Test(arguments: [
    "/* a comment */", "/**/", "/*a=1*/", "/*a='1'", "/*a='1' b='2'*/", "/*='1'*/", "/*a='%zz'*/",
    "/*a='%0a'*/", "/*a='\u{1b}[31m'*/", "/*a='%c2%85'*/", "/*a='%ff'*/", "/*a='\\*/",
    "/*a='\(String(repeating: "x", count: 300))'*/",
    "/*\((1...20).map { "a\($0)='1'" }.joined(separator: ","))*/",
  ])
  func `what has another form, is too long or not fit for a log is nothing`(text: String) {
    #expect(comment(text) == nil)
  }

  @Test(arguments: ["", "00-abc-def-01", "x" + parent.dropFirst(), "00-a"])
  func `a traceparent has its form`(value: String) {
    #expect(comment("/*traceparent='\(value)'*/")?.traceparent == nil)
  }
}

@Suite struct MessageWalkerTests {
  /// The messages that are found, with their bodies, where the bytes come in such pieces.
  private func walk(_ bytes: [UInt8], pieces: Int) -> [(UInt8, [UInt8])] {
    var walker = MessageWalker()
    var found: [(UInt8, [UInt8])] = []
    var start = 0
    while start < bytes.count {
      let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
      var position = 0
      while let message = walker.next(piece.span, &position) {
        found.append((message.type, message.body.map { Array(piece[$0]) } ?? walker.kept))
        walker.forget()
      }
      start += piece.count
    }
    #expect(walker.isAtStart)
    return found
  }

  private func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
    let length = UInt32(body.count + 4)
    return [type.asciiValue!] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
      + body
  }

  @Test func `messages are the same in whatever pieces they come`() {
    let bytes =
      message("Q", Array("select 1\0".utf8)) + message("d", Array(repeating: 7, count: 100))
      + message("P", Array("s\0select $1\0".utf8) + [0, 0]) + message("D", Array("Ss\0".utf8))
      + message("B", Array("\0s\0".utf8) + Array(repeating: 0, count: 5_000))
      + message("E", [0, 0, 0, 0, 9]) + message("S", []) + message("H", []) + message("F", [1])
    let whole = walk(bytes, pieces: bytes.count)
    #expect(whole.map { Character(UnicodeScalar($0.0)) } == ["Q", "P", "B", "E", "S", "F"])
    #expect(whole[0].1 == Array("select 1\0".utf8))
    for pieces in [1, 2, 3, 5, 7, 64, 1_000] {
      let found = walk(bytes, pieces: pieces)
      #expect(found.elementsEqual(whole) { $0 == $1 }, "\(pieces)")
    }
  }

  @Test func `of a long text the beginning is kept`() {
    let text = Array(repeating: UInt8(ascii: "x"), count: 1_000_000)
    let bytes = message("Q", text) + message("S", [])
    for pieces in [1_000, 100_000, bytes.count] {
      let found = walk(bytes, pieces: pieces)
      #expect(found.count == 2 && found[0].1.count < 20_000)
    }
  }
}
