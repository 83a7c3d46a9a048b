/// What the fake backend makes of a statement's text.
enum Statement: Equatable {
  case select
  case begin
  case commit
  case rollback
  case set(name: String, value: String)
  case reset
  case discardAll
  case copyOut(byteCount: Int)
  case empty
  case unknown(String)

  /// The statements of a query's text, split at semicolons outside of single quotes.
  /// An empty text gives one `.empty`, as PostgreSQL answers it with EmptyQueryResponse.
  static func parse(_ text: String) -> [Statement] {
    var parts: [Substring] = []
    var start = text.startIndex
    var quoted = false
    for index in text.indices {
      if text[index] == "'" { quoted.toggle() }
      if text[index] == ";" && !quoted {
        parts.append(text[start..<index])
        start = text.index(after: index)
      }
    }
    parts.append(text[start...])
    let statements = parts.map { one($0) }.filter { $0 != .empty }
    return statements.isEmpty ? [.empty] : statements
  }

  private static func one(_ text: Substring) -> Statement {
    let words = text.split { $0.isWhitespace }
    guard let first = words.first else { return .empty }
    switch first.uppercased() {
    case "SELECT": return .select
    case "BEGIN", "START": return .begin
    case "COMMIT", "END": return .commit
    case "ROLLBACK", "ABORT": return .rollback
    case "RESET": return .reset
    case "SET": return set(words.dropFirst()) ?? .unknown(String(text))
    case "DISCARD": return words.last?.uppercased() == "ALL" ? .discardAll : .unknown(String(text))
    case "COPY": return copy(words) ?? .unknown(String(text))
    default: return .unknown(String(text))
    }
  }

  /// `[SESSION | LOCAL] NAME {= | TO} VALUE`.
  private static func set(_ words: ArraySlice<Substring>) -> Statement? {
    var words = words
    if let scope = words.first?.uppercased(), scope == "SESSION" || scope == "LOCAL" {
      words = words.dropFirst()
    }
    let text = words.joined(separator: " ")
    if let equals = text.firstIndex(of: "=") {
      return .set(
        name: bare(text[..<equals]), value: bare(text[text.index(after: equals)...]))
    }
    guard words.count >= 3, words.dropFirst().first?.uppercased() == "TO" else { return nil }
    return .set(
      name: bare(words[words.startIndex]),
      value: bare(Substring(words.dropFirst(2).joined(separator: " "))))
  }

  private static func bare(_ text: Substring) -> String {
    var text = text
    while let last = text.last, last.isWhitespace || last == "'" || last == "\"" {
      text.removeLast()
    }
    return String(text.drop { $0.isWhitespace || $0 == "'" || $0 == "\"" })
  }

  /// `COPY ... TO STDOUT 256MB`; without a size, 1 MB. A kB is 1,000 bytes.
  private static func copy(_ words: [Substring]) -> Statement? {
    guard let out = words.firstIndex(where: { $0.uppercased() == "STDOUT" }) else { return nil }
    guard let size = words.dropFirst(out + 1).first else { return .copyOut(byteCount: 1_000_000) }
    let units = ["KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000]
    guard let unit = units[size.suffix(2).uppercased()], let number = Int(size.dropLast(2)),
      (0...1_000_000).contains(number)
    else { return nil }
    return .copyOut(byteCount: number * unit)
  }
}
