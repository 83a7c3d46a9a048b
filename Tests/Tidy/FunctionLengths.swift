/// Finds functions and their lengths by counting braces. Strings and comments are blanked first, so
/// that only code counts.
enum FunctionLengths {
  struct Function: Equatable {
    let line: Int
    let length: Int
  }

  static func measure(_ text: String) -> [Function] {
    var found: [Function] = []
    var depth = 0
    /// Functions that are open: the depth outside of them and their first line.
    var open: [(depth: Int, line: Int)] = []
    /// A declaration whose opening brace has not come yet.
    var pending: Int?
    for (index, line) in blanked(text).split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      if declares(line) { pending = index }
      for character in line {
        if character == "{" {
          if let start = pending {
            open.append((depth, start))
            pending = nil
          }
          depth += 1
        } else if character == "}" {
          depth -= 1
          if let last = open.last, last.depth == depth {
            found.append(Function(line: last.line + 1, length: index - last.line + 1))
            open.removeLast()
          }
          // A requirement of a protocol has no body.
          pending = nil
        }
      }
    }
    return found
  }

  private static func declares(_ line: Substring) -> Bool {
    let words = line.split(whereSeparator: { " \t(<?".contains($0) })
    for word in words {
      if word == "func" || word == "init" || word == "deinit" || word == "subscript" {
        return true
      }
      if word.first?.isLetter != true && word.first != "@" { return false }
      guard modifiers.contains(String(word)) || word.first == "@" || word == "package)" else {
        return false
      }
    }
    return false
  }

  private static let modifiers: Set<String> = [
    "public", "private", "internal", "package", "fileprivate", "open", "static", "final", "class",
    "override", "mutating", "nonmutating", "borrowing", "consuming", "convenience", "required",
    "nonisolated", "prefix", "postfix", "infix", "unsafe",
  ]

  /// The text with comments and the contents of strings replaced by nothing; lines stay.
  static func blanked(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.first {
      if rest.hasPrefix("//") {
        rest = rest.drop { $0 != "\n" }
      } else if rest.hasPrefix("/*") {
        rest = dropping("*/", from: rest, into: &result)
      } else if character == "\"" || rest.hasPrefix("#\"") {
        let isRaw = character == "#"
        let quotes = rest.dropFirst(isRaw ? 1 : 0)
        let quote = quotes.hasPrefix("\"\"\"") ? "\"\"\"" : "\""
        rest = quotes.dropFirst(quote.count)
        rest = string(rest, ends: isRaw ? quote + "#" : quote, isRaw: isRaw, into: &result)
      } else {
        result.append(character)
        rest.removeFirst()
      }
    }
    return result
  }

  private static func dropping(
    _ end: String, from text: Substring, into result: inout String
  ) -> Substring {
    var rest = text
    while !rest.isEmpty, !rest.hasPrefix(end) {
      if rest.removeFirst() == "\n" { result.append("\n") }
    }
    return rest.dropFirst(end.count)
  }

  private static func string(
    _ text: Substring, ends end: String, isRaw: Bool, into result: inout String
  ) -> Substring {
    var rest = text
    while !rest.isEmpty, !rest.hasPrefix(end) {
      if !isRaw, rest.first == "\\" { rest.removeFirst() }
      if rest.isEmpty { break }
      if rest.removeFirst() == "\n" { result.append("\n") }
    }
    return rest.dropFirst(end.count)
  }
}
