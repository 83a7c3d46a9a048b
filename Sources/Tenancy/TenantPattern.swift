/// What a tenant's name looks like: a regular expression that the whole name matches.
///
/// It runs as an automaton which is in all its states at once, so that a name is checked in a time
/// that its length and the pattern's bound. A backtracking matcher, as the standard library has it,
/// can take years for a pattern like `(a+)+b`, and it is the clients that choose the names.
///
/// It has literals, `.`, `[a-z]`, `[^a-z]`, `\d`, `\w`, groups, `|`, `*`, `+`, `?`, `{n}`, `{n,}`
/// and `{n,m}`; a backslash takes any other character than a letter or a digit as it is. `^` at its
/// start and `$` at its end say what holds anyway. It works on Unicode scalars: no folding of case
/// and no canonical equivalence.
public struct TenantPattern: Sendable {
  /// The pattern where the configuration has none.
  public static let standardText = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
  /// The longest pattern, in bytes.
  static let maximumBytes = 256
  /// The largest automaton.
  static let maximumSteps = 4096

  enum Step: Hashable, Sendable {
    case take(PatternSet)
    case fork(Int, Int)
    case accept
  }

  /// As it was written.
  public let text: String
  private let steps: [Step]

  /// The pattern where the configuration has none.
  public static let standard: TenantPattern = {
    guard let pattern = try? TenantPattern(standardText) else {
      preconditionFailure("the standard pattern is one")
    }
    return pattern
  }()

  /// - Throws: where it is no pattern.
  public init(_ text: String) throws(TenancyProblem) {
    guard (1...Self.maximumBytes).contains(text.utf8.count) else {
      throw TenancyProblem("takes a pattern of 1 to \(Self.maximumBytes) bytes")
    }
    var parser = PatternParser(text)
    let node = try parser.parse()
    var steps: [Step] = []
    try Self.emit(node, &steps)
    steps.append(.accept)
    self.text = text
    self.steps = steps
  }

  /// The name if it is one of a tenant, of any tenant there could be.
  public func name(_ text: String) -> TenantName? {
    guard let name = TenantName(wellFormed: text), matches(text) else { return nil }
    return name
  }

  private func matches(_ text: String) -> Bool {
    var seen = [Int](repeating: -1, count: steps.count)
    var current: [Int] = []
    enter(0, 0, &current, &seen)
    for (index, scalar) in text.unicodeScalars.enumerated() {
      var next: [Int] = []
      for step in current {
        if case .take(let set) = steps[step], set.contains(scalar) {
          enter(step + 1, index + 1, &next, &seen)
        }
      }
      if next.isEmpty { return false }
      current = next
    }
    return current.contains { steps[$0] == .accept }
  }

  /// Adds a step and all that it leads to without taking a character. `round` marks what was there.
  private func enter(_ first: Int, _ round: Int, _ list: inout [Int], _ seen: inout [Int]) {
    var pending = [first]
    while let step = pending.popLast() {
      if seen[step] == round { continue }
      seen[step] = round
      if case .fork(let left, let right) = steps[step] {
        pending.append(right)
        pending.append(left)
      } else {
        list.append(step)
      }
    }
  }

  private static func emit(_ node: PatternNode, _ steps: inout [Step]) throws(TenancyProblem) {
    guard steps.count < maximumSteps else {
      throw TenancyProblem("is too large a pattern: its repetitions multiply")
    }
    switch node {
    case .set(let set): steps.append(.take(set))
    case .sequence(let nodes):
      for node in nodes { try emit(node, &steps) }
    case .choice(let nodes):
      // Each alternative but the last: fork to it or to the next; behind it, jump to the end.
      var jumps: [Int] = []
      for (index, node) in nodes.enumerated() {
        let fork = steps.count
        let isLast = index == nodes.count - 1
        if !isLast { steps.append(.fork(fork + 1, fork + 1)) }
        try emit(node, &steps)
        if !isLast {
          jumps.append(steps.count)
          steps.append(.fork(0, 0))
          steps[fork] = .fork(fork + 1, steps.count)
        }
      }
      for jump in jumps { steps[jump] = .fork(steps.count, steps.count) }
    case .repeated(let node, let least, let most):
      for _ in 0..<least {
        let before = steps.count
        try emit(node, &steps)
        // Nothing, many times, is nothing: nested counts of it would take for ever.
        if steps.count == before { break }
      }
      if let most {
        var forks: [Int] = []
        for _ in least..<most {
          forks.append(steps.count)
          steps.append(.fork(0, 0))
          try emit(node, &steps)
        }
        for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
      } else {
        let fork = steps.count
        steps.append(.fork(0, 0))
        try emit(node, &steps)
        steps.append(.fork(fork, fork))
        steps[fork] = .fork(fork + 1, steps.count)
      }
    }
  }
}

extension TenantPattern: Equatable {
  public static func == (left: TenantPattern, right: TenantPattern) -> Bool {
    left.steps == right.steps
  }
}
