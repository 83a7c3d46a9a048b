/// Reads a template; see `SettingTemplate`.
struct TemplateParser {
  private let scalars: [Unicode.Scalar]
  /// Whether braces are characters as all others.
  private let isLiteral: Bool
  private var position = 0
  private var parts: [SettingTemplate.Part] = []
  private var text = ""

  init(_ text: String, isLiteral: Bool = false) {
    scalars = Array(text.unicodeScalars)
    self.isLiteral = isLiteral
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private func problem(_ message: String, at place: Int) -> TenancyProblem {
    TenancyProblem("\(message), at character \(place + 1)")
  }

  /// The whole text as one value.
  mutating func parseValue() throws(TenancyProblem) -> [SettingTemplate.Part] {
    while let scalar = next { try takePart(scalar) }
    return finish()
  }

  /// Names with commas between them. Blanks around a name do not count; in double quotes, which are
  /// doubled for one of them, a name may have blanks and commas. Nothing is folded to lower case:
  /// two tenants whose names differ in case would be one.
  mutating func parseList() throws(TenancyProblem) -> [[SettingTemplate.Part]] {
    var elements: [[SettingTemplate.Part]] = []
    repeat {
      skipBlanks()
      let start = position
      let isQuoted = next == "\""
      let element = isQuoted ? try parseQuoted() : try parseBare()
      let isAlone = elements.isEmpty && next == nil
      if element.isEmpty, !isQuoted, !isAlone {
        throw problem("has an empty name in its list", at: start)
      }
      elements.append(element)
    } while takeComma()
    if next != nil { throw problem("has something behind a name in double quotes", at: position) }
    // An empty list is one empty name, as in `SET search_path = ''`.
    return elements
  }

  private mutating func takeComma() -> Bool {
    guard next == "," else { return false }
    position += 1
    return true
  }

  private mutating func skipBlanks() {
    while let scalar = next, " \t\r\n".unicodeScalars.contains(scalar) { position += 1 }
  }

  private mutating func parseBare() throws(TenancyProblem) -> [SettingTemplate.Part] {
    while let scalar = next, scalar != "," {
      if scalar == "\"" || scalar == "'" {
        throw problem("has a quote within a name of its list", at: position)
      }
      try takePart(scalar)
    }
    while let last = text.unicodeScalars.last, " \t\r\n".unicodeScalars.contains(last) {
      text.unicodeScalars.removeLast()
    }
    return finish()
  }

  private mutating func parseQuoted() throws(TenancyProblem) -> [SettingTemplate.Part] {
    let start = position
    position += 1
    while let scalar = next {
      guard scalar == "\"" else {
        try takePart(scalar)
        continue
      }
      position += 1
      guard next == "\"" else {
        skipBlanks()
        return finish()
      }
      text += "\""
      position += 1
    }
    throw problem("has a quote without its end", at: start)
  }

  private mutating func finish() -> [SettingTemplate.Part] {
    if !text.isEmpty { parts.append(.text(text)) }
    defer {
      text = ""
      parts = []
    }
    return parts
  }

  /// One character, a doubled brace or a placeholder.
  private mutating func takePart(_ scalar: Unicode.Scalar) throws(TenancyProblem) {
    let start = position
    position += 1
    guard scalar == "{" || scalar == "}", !isLiteral else {
      text.unicodeScalars.append(scalar)
      return
    }
    if next == scalar {
      position += 1
      text.unicodeScalars.append(scalar)
      return
    }
    if scalar == "}" { throw problem("has a `}` without its `{`; write `}}` for one", at: start) }
    var name = ""
    while let scalar = next, scalar != "}" {
      name.unicodeScalars.append(scalar)
      position += 1
    }
    guard next == "}" else {
      throw problem("has a `{` without its `}`; write `{{` for one", at: start)
    }
    position += 1
    guard let placeholder = SettingTemplate.Placeholder(name) else {
      throw problem(
        "has an unknown name in braces, of which there are {tenant}, {user}, {database}, "
          + "{claim:NAME}, {client_addr} and {token}", at: start)
    }
    if !text.isEmpty { parts.append(.text(text)) }
    text = ""
    parts.append(.placeholder(placeholder))
  }
}
