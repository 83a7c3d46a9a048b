import Insight

/// A text's fingerprint, a comment, and the messages of a client.
enum InsightFuzz {
  static func run(_ input: [UInt8]) throws(Finding) {
    var normaliser = Normaliser()
    let reading = normaliser.read(input.span)
    let output = Array(normaliser.bytes)
    try check(output.count <= Normaliser.longestOutput + 64, "\(output.count) bytes")
    try check(normaliser.shown.utf8.count <= 3 * Normaliser.longestShown + 8, "shown at length")
    try checkLiterals(output)
    let hash = normaliser.hash(KeyedHash(1, 2))
    _ = normaliser.read(Array("select 'other'".utf8).span)
    try check(normaliser.read(input.span) == reading, "read in another way")
    try check(normaliser.hash(KeyedHash(1, 2)) == hash, "another hash")
    for range in [reading.leading, reading.trailing].compactMap(\.self) {
      try check(range.upperBound <= input.count && range.count >= 4, "a comment at \(range)")
      try checkComment(input[range])
    }
    try checkComment(input[...])
    try checkWalk(input)
  }

  /// Outside of names in quotes, which all have an end, there is neither the quote of a string nor
  /// a number.
  private static func checkLiterals(_ output: [UInt8]) throws(Finding) {
    var isInName = false
    var previous: UInt8 = 0x20
    for byte in output {
      if byte == UInt8(ascii: "\"") { isInName.toggle() }
      if !isInName {
        try check(byte != UInt8(ascii: "'"), "a quote")
        let isDigit = (0x30...0x39).contains(byte)
        try check(!isDigit || isWordPart(previous), "a number")
      }
      previous = byte
    }
    let isCut = output.count >= Normaliser.longestOutput
    try check(!isInName || isCut, "a name without an end")
  }

  private static func isWordPart(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || byte >= 0x80
      || byte == 0x5f || byte == 0x24
  }

  private static func checkComment(_ bytes: ArraySlice<UInt8>) throws(Finding) {
    guard let comment = TraceComment(bytes) else { return }
    try check(comment.pairs.count <= 16, "\(comment.pairs.count) pairs")
    for (key, value) in comment.pairs {
      let isClean = !(key + value).unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f }
      try check(isClean && key.utf8.count <= 256 && value.utf8.count <= 256, "\(key)=\(value)")
    }
    _ = comment.traceID
  }

  private static func checkWalk(_ input: [UInt8]) throws(Finding) {
    let whole = walk(input, pieces: max(1, input.count))
    for pieces in [1, 3, 16] {
      let parts = walk(input, pieces: pieces)
      try check(parts.elementsEqual(whole) { $0 == $1 }, "other messages in pieces of \(pieces)")
    }
  }

  private static func walk(_ bytes: [UInt8], pieces: Int) -> [(UInt8, [UInt8])] {
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
    return found
  }
}
