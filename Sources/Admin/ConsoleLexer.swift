/// Cuts a command of the console into words.
struct ConsoleLexer {
  enum Token: Equatable {
    /// As it stands; names are compared without their case.
    case word(String)
    /// In double quotes.
    case name(String)
    /// In single quotes.
    case literal(String)
    case symbol(Character)
  }

  /// - Returns: nil where a quote has no end.
  static func tokens(_ text: String) -> [Token]? {
    var tokens: [Token] = []
    var rest = Substring(text)
    while let first = rest.first {
      if first.isWhitespace || first == "\0" {
        rest.removeFirst()
      } else if rest.hasPrefix("--") {
        rest = rest.drop { !$0.isNewline }
      } else if rest.hasPrefix("/*") {
        guard let end = comment(rest) else { return nil }
        rest = end
      } else if first == "'" || first == "\"" {
        guard let (quoted, end) = quoted(rest, by: first) else { return nil }
        tokens.append(first == "'" ? .literal(quoted) : .name(quoted))
        rest = end
      } else if isOfWord(first) {
        let word = rest.prefix(while: isOfWord)
        tokens.append(.word(String(word)))
        rest = rest[word.endIndex...]
      } else {
        tokens.append(.symbol(first))
        rest.removeFirst()
      }
    }
    return tokens
  }

  private static func isOfWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "_-.$*@:/".contains(character)
      || !character.isASCII && !character.isWhitespace
  }

  /// What is behind a comment; nil where it has no end.
  private static func comment(_ text: Substring) -> Substring? {
    var rest = text.dropFirst(2)
    while !rest.isEmpty {
      if rest.hasPrefix("*/") { return rest.dropFirst(2) }
      rest.removeFirst()
    }
    return nil
  }

  private static func quoted(
    _ text: Substring, by quote: Character
  ) -> (String, Substring)? {
    var content = ""
    var rest = text.dropFirst()
    while let next = rest.popFirst() {
      guard next == quote else {
        content.append(next)
        continue
      }
      // A doubled quote stands for one.
      guard rest.first == quote else { return (content, rest) }
      rest.removeFirst()
      content.append(quote)
    }
    return nil
  }
}
