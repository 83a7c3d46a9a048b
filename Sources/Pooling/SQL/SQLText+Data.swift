extension SQLText {
  /// Whether the text begins as a statement that reads or writes data.
  public static func isData(_ text: RawSpan) -> Bool {
    var start = 0
    while start < text.byteCount, isSpace(byte(text, start)) { start &+= 1 }
    var word: [UInt8] = []
    while start < text.byteCount, word.count < 8 {
      let letter = byte(text, start) | 0x20
      guard letter >= 0x61, letter <= 0x7a else { break }
      word.append(letter)
      start += 1
    }
    return ["select", "insert", "update", "delete", "with", "values", "table", "merge"]
      .contains(String(decoding: word, as: UTF8.self))
  }
}
