/// A part of a pattern.
indirect enum PatternNode {
  case set(PatternSet)
  case sequence([PatternNode])
  case choice([PatternNode])
  case repeated(PatternNode, least: Int, most: Int?)
}

/// The characters that one place of a pattern takes.
struct PatternSet: Hashable, Sendable {
  var ranges: [ClosedRange<Unicode.Scalar>] = []
  var isNegated = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar) } != isNegated
  }

  static let all = PatternSet(isNegated: true)
  static let digits: [ClosedRange<Unicode.Scalar>] = ["0"..."9"]
  static let words: [ClosedRange<Unicode.Scalar>] = ["0"..."9", "A"..."Z", "_"..."_", "a"..."z"]
}

/// Reads a pattern; see `TenantPattern` for what it may have.
struct PatternParser {
  /// How deep groups nest.
  private static let maximumDepth = 16
  /// The highest count in braces: a name has no more characters.
  private static let maximumCount = TenantName.maximumBytes

  private let scalars: [Unicode.Scalar]
  private var position = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  mutating func parse() throws(TenancyProblem) -> PatternNode {
    if next == "^" { position += 1 }
    let node = try parseChoice(depth: 0)
    guard next == nil else { throw problem("has a `)` without its `(`") }
    return node
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private func problem(_ message: String) -> TenancyProblem {
    TenancyProblem("\(message), at character \(min(position + 1, scalars.count))")
  }

  private mutating func take() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    position += 1
    return scalar
  }

  private mutating func parseChoice(depth: Int) throws(TenancyProblem) -> PatternNode {
    var choices = [try parseSequence(depth: depth)]
    while next == "|" {
      position += 1
      choices.append(try parseSequence(depth: depth))
    }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func parseSequence(depth: Int) throws(TenancyProblem) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if scalar == "$", position == scalars.count - 1, depth == 0 {
        position += 1
        break
      }
      nodes.append(try parseRepeated(depth: depth))
    }
    return .sequence(nodes)
  }

  private mutating func parseRepeated(depth: Int) throws(TenancyProblem) -> PatternNode {
    let node = try parseAtom(depth: depth)
    let bounds: (Int, Int?)
    switch next {
    case "*": bounds = (0, nil)
    case "+": bounds = (1, nil)
    case "?": bounds = (0, 1)
    case "{": bounds = try parseBraces()
    default: return node
    }
    position += 1
    if let after = next, "*+?{".unicodeScalars.contains(after) {
      throw problem("repeats what is repeated: put a group around it")
    }
    return .repeated(node, least: bounds.0, most: bounds.1)
  }

  /// Leaves the position at the closing brace.
  private mutating func parseBraces() throws(TenancyProblem) -> (Int, Int?) {
    position += 1
    let least = try parseNumber()
    var most: Int? = least
    if next == "," {
      position += 1
      most = next == "}" ? nil : try parseNumber()
    }
    guard next == "}" else { throw problem("has a `{` without its `}`") }
    if let most, most < least { throw problem("has a count that ends below its start") }
    return (least, most)
  }

  private mutating func parseNumber() throws(TenancyProblem) -> Int {
    var number: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      number = (number ?? 0) * 10 + Int(scalar.value - 0x30)
      guard number ?? 0 <= Self.maximumCount else {
        throw problem("has a count above \(Self.maximumCount)")
      }
      position += 1
    }
    guard let number else { throw problem("has a `{` without a number behind it") }
    return number
  }

  private mutating func parseAtom(depth: Int) throws(TenancyProblem) -> PatternNode {
    guard let scalar = take() else { throw problem("ends too soon") }
    switch scalar {
    case ".": return .set(.all)
    case "[": return .set(try parseSet())
    case "\\": return .set(PatternSet(ranges: try parseEscape()))
    case "(":
      guard depth < Self.maximumDepth else { throw problem("nests its groups too deep") }
      if next == "?" {
        position += 1
        guard take() == ":" else { throw problem("can have no group but `(...)` and `(?:...)`") }
      }
      let node = try parseChoice(depth: depth + 1)
      guard take() == ")" else { throw problem("has a `(` without its `)`") }
      return node
    case "*", "+", "?", "{": throw problem("repeats nothing with `\(scalar)`")
    case "^", "$", "}", "]":
      throw problem("has `\(scalar)` where it has no meaning: write `\\\(scalar)` for itself")
    default: return .set(PatternSet(ranges: [scalar...scalar]))
    }
  }

  private mutating func parseEscape() throws(TenancyProblem) -> [ClosedRange<Unicode.Scalar>] {
    guard let scalar = take() else { throw problem("ends with a backslash") }
    switch scalar {
    case "d": return PatternSet.digits
    case "w": return PatternSet.words
    case "a"..."z", "A"..."Z", "0"..."9":
      throw problem("has the escape `\\\(scalar)`, of which only `\\d` and `\\w` are known")
    default: return [scalar...scalar]
    }
  }

  private mutating func parseSet() throws(TenancyProblem) -> PatternSet {
    var set = PatternSet()
    if next == "^" {
      set.isNegated = true
      position += 1
    }
    while let scalar = take() {
      if scalar == "]" {
        guard !set.ranges.isEmpty else { throw problem("has an empty `[]`") }
        return set
      }
      guard scalar != "[" else { throw problem("has a `[` within `[]`: write `\\[` for itself") }
      let first = scalar == "\\" ? try parseEscape() : [scalar...scalar]
      guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
        set.ranges += first
        continue
      }
      position += 1
      let second = take() ?? "-"
      let last = second == "\\" ? try parseEscape() : [second...second]
      guard first.count == 1, last.count == 1, first[0].lowerBound == first[0].upperBound,
        last[0].lowerBound == last[0].upperBound, first[0].lowerBound <= last[0].lowerBound
      else { throw problem("has a range in `[]` that does not go upwards") }
      set.ranges.append(first[0].lowerBound...last[0].lowerBound)
    }
    throw problem("has a `[` without its `]`")
  }
}
