/// Makes a failing script smaller for as long as it fails.
struct ScriptShrinker {
  /// Steps of one client that only make sense together.
  private struct Group {
    let program: Int
    let steps: [ScriptStep]
  }

  /// Plays a script on both sides; nil where both were told the same.
  let compare: (Script) throws -> ScriptFinding?
  let deadline: Deadline

  /// The smallest script found in time, or nil if the given one does not fail
  /// again.
  func shrink(_ first: ScriptFinding) throws -> ScriptFinding? {
    var again: ScriptFinding?
    // Who meets whom on a server is left to chance.
    for _ in 0..<5 where again == nil { again = try compare(first.script) }
    guard var best = again else { return nil }
    if let alone = try attempt(best, groups(of: best.script).filter { $0.program == best.client }) {
      best = alone
    }
    var size = groups(of: best.script).count / 2
    while size > 0, !deadline.isOver {
      var start = 0
      while !deadline.isOver {
        var left = groups(of: best.script)
        guard start < left.count else { break }
        left.removeSubrange(start..<min(start + size, left.count))
        if let smaller = try attempt(best, left) {
          best = smaller
        } else {
          start += size
        }
      }
      size /= 2
    }
    return best
  }

  /// Whether that is enough to fail. A hang on both sides is a script that was cut badly.
  private func attempt(_ finding: ScriptFinding, _ groups: [Group]) throws -> ScriptFinding? {
    if deadline.isOver { return nil }
    var script = finding.script
    for index in script.programs.indices {
      script.programs[index].steps = groups.filter { $0.program == index }.flatMap(\.steps)
    }
    guard let smaller = try compare(script), smaller.expected.failure == nil else { return nil }
    return smaller
  }

  private func groups(of script: Script) -> [Group] {
    var groups: [Group] = []
    for (index, program) in script.programs.enumerated() {
      var steps: [ScriptStep] = []
      for step in program.steps {
        steps.append(step)
        guard step.isSettled else { continue }
        groups.append(Group(program: index, steps: steps))
        steps = []
      }
      if !steps.isEmpty { groups.append(Group(program: index, steps: steps)) }
    }
    return groups
  }
}
