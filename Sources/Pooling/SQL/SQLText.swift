/// Tells from the text of a query what it could do to its session.
public enum SQLText {
  /// What the text could do. It ends at the first NUL, if there is one.
  ///
  /// Read as often as there are ways to read it: where a plain string has a backslash, its end
  /// depends on standard_conforming_strings. And in the encodings whose characters have bytes of
  /// ASCII within (SJIS, BIG5, GBK, UHC, GB18030, JOHAB) a byte such as `\` or `[` behind one above
  /// 0x7F may be half a character: where one stands, words count even in strings and comments. So
  /// too where 0x81 0x5F stands, which a server in UTF8 makes a backslash of for a client that
  /// sends SHIFT_JIS_2004. No other character of any client's encoding becomes one of ASCII there.
  public static func analyse(_ text: RawSpan) -> SQLAnalysis {
    var bytes = unsafe text.withUnsafeBytes { unsafe [UInt8]($0) }
    if let end = bytes.firstIndex(of: 0) { bytes.removeSubrange(end...) }
    var hasBackslash = false
    var hasTrail = false
    var previous: UInt8 = 0
    for byte in bytes {
      if byte == UInt8(ascii: "\\") { hasBackslash = true }
      if previous >= 0x80, isTrail(byte) || (previous == 0x81 && byte == 0x5f) { hasTrail = true }
      previous = byte
    }
    var reader = SQLAnalyser(bytes, isStandardConforming: true)
    var analysis = reader.run()
    if hasBackslash {
      var other = SQLAnalyser(bytes, isStandardConforming: false)
      analysis.merge(other.run())
    }
    if hasTrail {
      analysis.plainAssignment = nil
      analysis.plainReset = nil
      analysis.soleAssignment = nil
      analysis.openAssignment = nil
      analysis.endsWithResetAll = false
      if bytes.contains(UInt8(ascii: ";")), SQLAnalyser.hasEndingWord(bytes) {
        analysis.endsTransaction = true
        analysis.worksBehindEnd = true
      }
      if !isPlain(text.extracting(0..<bytes.count)), SQLAnalyser.hasSuspiciousWord(bytes) {
        analysis.effects.formUnion([.procedural, .unknownSettings])
      }
    }
    return analysis
  }

  /// A byte that a double-byte character may end with and that no word has.
  private static func isTrail(_ byte: UInt8) -> Bool {
    (0x40...0x7e).contains(byte) && !SQLLexer.isWordStart(byte)
  }
}
